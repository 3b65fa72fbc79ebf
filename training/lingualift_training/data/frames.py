# ruff: noqa: SIM905
"""Sentence frames of the English word-problem generator: the words, without the machinery.

A frame is a story with one calculation. Slots: ``{A}`` ``{B}`` people, ``{he}`` ``{his}`` ``{him}`` pronouns of A
(``{He}`` at a sentence start), ``{o}`` ``{p}`` two kinds of things (``{o1}`` singular), ``{c}`` containers (``{c1}``
singular), ``{g}`` a group of people, ``{w}`` a place, ``{x}`` ``{y}`` two days, ``{a}`` ``{b}`` the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Numbers = Literal["sum", "difference", "product", "quotient", "decimal-sum", "decimal-difference", "decimal-product"]

HE = (
    "Adam Ahmed Ben Carlos Chen Daniel David Diego Ethan Felix George Hans Hugo Ivan Jack James Jonas Kenji Kofi Leo "
    "Liam Lucas Marco Mateo Max Noah Oliver Omar Oscar Paul Pedro Peter Rahul Ravi Robert Sam Stefan Thomas Tom Victor "
    "Yusuf"
).split()
SHE = (
    "Aisha Alice Amina Ana Anna Chloe Clara Diana Elena Emily Emma Eva Fatima Grace Greta Hana Helen Isabel Jane Julia "
    "Kate Laila Laura Lily Linda Lucy Maria Mary Maya Mei Mia Nina Nora Olga Olivia Priya Rosa Ruth Sara Sofia Yuki Zoe"
).split()
THINGS = {
    "apples": "apple", "balloons": "balloon", "balls": "ball", "bananas": "banana", "beads": "bead", "blocks": "block",
    "books": "book", "bottles": "bottle", "bracelets": "bracelet", "buttons": "button", "cakes": "cake",
    "candies": "candy", "candles": "candle", "cards": "card", "carrots": "carrot", "chairs": "chair", "coins": "coin",
    "cookies": "cookie", "crayons": "crayon", "cupcakes": "cupcake", "dolls": "doll", "eggs": "egg",
    "envelopes": "envelope", "erasers": "eraser", "flowers": "flower", "games": "game", "hats": "hat", "keys": "key",
    "kites": "kite", "lamps": "lamp", "lemons": "lemon", "magnets": "magnet", "mangoes": "mango",
    "marbles": "marble", "muffins": "muffin", "notebooks": "notebook", "nuts": "nut", "onions": "onion",
    "oranges": "orange", "paintings": "painting", "peaches": "peach", "pears": "pear", "pencils": "pencil",
    "pens": "pen", "photos": "photo", "pies": "pie", "pizzas": "pizza", "plants": "plant", "plates": "plate",
    "postcards": "postcard", "potatoes": "potato", "puzzles": "puzzle", "ribbons": "ribbon", "rocks": "rock",
    "roses": "rose", "sandwiches": "sandwich", "seeds": "seed", "shells": "shell", "shirts": "shirt",
    "spoons": "spoon", "stamps": "stamp", "stickers": "sticker", "stones": "stone", "tickets": "ticket",
    "tomatoes": "tomato", "toys": "toy", "trees": "tree", "videos": "video", "watermelons": "watermelon",
}  # fmt: skip
CONTAINERS = {
    "bags": "bag", "baskets": "basket", "boxes": "box", "bowls": "bowl", "buckets": "bucket", "crates": "crate",
    "drawers": "drawer", "groups": "group", "jars": "jar", "packs": "pack", "piles": "pile", "rows": "row",
    "shelves": "shelf", "tables": "table", "trays": "tray",
}  # fmt: skip
GROUPS = "friends children students classmates neighbors kids girls boys cousins guests teachers players".split()
PLACES = "shop market garden school library kitchen farm park store beach office room museum bakery zoo".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True)
class Frame:
    """One story: alternative statements, alternative questions, and the kind of numbers (which fixes the operation)."""

    numbers: Numbers
    statements: tuple[str, ...]
    questions: tuple[str, ...]

    @property
    def operation(self) -> str:
        """``+``, ``-``, ``*`` or ``/``; the calculation is ``a operation b``."""
        return {"sum": "+", "difference": "-", "product": "*", "quotient": "/"}[self.numbers.removeprefix("decimal-")]


def _frames(numbers: Numbers, *stories: tuple[str, str]) -> list[Frame]:
    """Each story is (statements, questions), alternatives separated by ``|``."""
    return [Frame(numbers, tuple(s.split("|")), tuple(q.split("|"))) for s, q in stories]


FRAMES: list[Frame] = [
    *_frames(
        "sum",
        ("{A} has {a} {o}. {B} gives {him} {b} more {o}.|{A} had {a} {o} and then got {b} more from {B}.",
         "How many {o} does {A} have now?|How many {o} does {A} have in all?|Find the number of {o} {A} has now."),
        ("{A} bought {a} {o} and {b} {p} at the {w}.|At the {w} {A} picked {a} {o} and {b} {p}.",
         "How many things did {he} get in all?|How many {o} and {p} are there altogether?|What is the total number?"),
        ("There were {a} {o} in the {w}. {A} brought {b} more.|The {w} had {a} {o}. Then {b} {o} were added.",
         "How many {o} are in the {w} now?|How many {o} are there now?"),
        ("{A} found {a} {o} on {x} and {b} {o} on {y}.|On {x} {A} made {a} {o}. On {y} {he} made {b} {o}.",
         "How many {o} is that altogether?|How many {o} is that in total for the two days?"),
        ("{A} had some {o}. {He} gave {b} of them to {B} and has {a} left.|After {A} sold {b} {o}, {a} {o} were left.",
         "How many {o} did {A} have at first?|How many {o} did {A} have in the beginning?|"
         "How many {o} were there before?"),
        ("{B} has {a} {o}. {A} has {b} more {o} than {B}.|{A} has {b} more {o} than {B}, who has {a}.",
         "How many {o} does {A} have?|Find how many {o} {A} has."),
        ("{a} {g} came to the {w} in the morning and {b} {g} came in the afternoon.|"
         "{a} {g} were in the {w}. Then {b} more arrived.",
         "How many {g} came to the {w} in all?|How many {g} were there altogether?"),
        ("{A} read {a} pages on {x}. {He} still has {b} pages to read.|{A} finished {a} pages and {b} pages are left.",
         "How many pages does the book have?|How many pages are in the book?"),
        ("{A} spent {a} dollars on {o} and has {b} dollars left.|{A} paid {a} dollars. Now {he} has {b} dollars.",
         "How much money did {A} have at first?|How many dollars did {A} have before?"),
        ("{A} walked {a} kilometers on {x} and {b} kilometers on {y}.|{A} ran {a} meters and then {b} meters more.",
         "How far did {A} go in all?|What is the total distance?"),
        ("One team scored {a} points and the other team scored {b} points.|"
         "{A} scored {a} points and {B} scored {b} points.",
         "How many points were scored in all?|How many points is that together?"),
        ("{A} lost {b} {o}. {He} now has {a} {o}.|{b} of the {o} fell down and {a} stayed on the table.",
         "How many {o} were there before?|How many {o} were there at the start?"),
        ("In a {c1} there are {a} red {o} and {b} blue {o}.|{A} has {a} small {o} and {b} big {o}.",
         "How many {o} are there altogether?|What is the total number of {o}?"),
        ("{A} is {a} years old. {B} is {b} years older than {A}.|{B} is {b} years older than {A}, who is {a}.",
         "How old is {B}?|What is the age of {B}?"),
    ),
    *_frames(
        "difference",
        ("{A} had {a} {o}. {He} gave {b} of them to {B}.|{A} had {a} {o} and gave {b} {o} to {his} {g}.",
         "How many {o} does {A} have left?|How many {o} does {A} have now?|How many {o} are left?"),
        ("There were {a} {o} in the {w}. {A} took {b} of them.|The {w} had {a} {o}. {b} {o} were sold.",
         "How many {o} are left in the {w}?|How many {o} remain?"),
        ("{A} has {a} {o} and {B} has {b} {o}.|{B} collected {b} {o} while {A} collected {a} {o}.",
         "How many more {o} does {A} have than {B}?|How many fewer {o} does {B} have than {A}?|"
         "What is the difference?"),
        ("{A} has {b} {o}. {He} needs {a} {o}.|{A} wants {a} {o} but has only {b}.",
         "How many more {o} does {A} need?|How many {o} are missing?"),
        ("{A} picked {a} {o} and {b} {p}.|There are {a} {o} and {b} {p} in the {w}.",
         "How many more {o} than {p} are there?|How many fewer {p} than {o} are there?"),
        ("There are {a} {o} and {p} in a {c1}. {b} of them are {p}.|{A} has {a} {o} and {p} in all. {b} are {p}.",
         "How many {o} are there?|How many of them are {o}?"),
        ("{A} ate some of the {a} {o}. Now {b} {o} are left.|There were {a} {o}. After {A} used some, {b} were left.",
         "How many {o} are gone?|How many {o} were taken?"),
        ("{A} had {b} {o}. After {B} gave {him} some, {A} had {a} {o}.|"
         "{A} had {b} {o}. {He} bought some more and now has {a} {o}.",
         "How many {o} did {A} get?|How many {o} were added?"),
        ("{A} sold {a} {o} on {x} and {b} {o} on {y}.|On {x} {A} saw {a} {o} and on {y} {b} {o}.",
         "How many more was it on {x} than on {y}?|How many fewer was it on {y} than on {x}?"),
        ("{A} lost {b} of {his} {a} {o}.|{b} of the {a} {o} of {A} are broken.",
         "How many {o} does {A} still have?|How many good {o} are left?"),
        ("{A} has {a} {o}. {B} has {b} fewer {o} than {A}.|{B} has {b} {o} less than {A}, who has {a}.",
         "How many {o} does {B} have?|Find the number of {o} {B} has."),
        ("{a} {g} were in the {w}. {b} of them went home.|A bus had {a} {g}. At the stop {b} {g} got off.",
         "How many {g} are still there?|How many {g} stayed?"),
        ("A book has {a} pages. {A} has read {b} pages.|{A} must read {a} pages and has finished {b}.",
         "How many pages are left to read?|How many more pages must {A} read?"),
        ("{A} had {a} dollars and spent {b} dollars.|{A} paid with {a} dollars for a {o1} that costs {b} dollars.",
         "How much money is left?|How many dollars does {A} get back or keep?"),
        ("{A} played with {a} {g} on {x} and with {b} {g} on {y}.|{A} met {a} {g} on {x} and {b} on {y}.",
         "How many more {g} were there on {x} than on {y}?|What is the difference between {x} and {y}?"),
        ("{A} played with some {g} on {x} and {b} {g} on {y}. {He} played with {a} {g} in all.|"
         "On {x} and {y} {A} met {a} {g} in all. {b} of them were on {y}.",
         "How many {g} were there on {x}?|How many were on {x}?"),
        ("{A} is {a} years old and {B} is {b} years old.|{B} is {b} and {A} is {a} years old.",
         "How much older is {A} than {B}?|How many years younger is {B}?"),
        ("A rope is {a} meters long. {A} cuts off {b} meters.|{A} has {a} meters of ribbon and uses {b} meters.",
         "How many meters are left?|How long is the rest?"),
    ),
    *_frames(
        "product",
        ("There are {a} {c} with {b} {o} in each {c1}.|{A} has {a} {c}. Each {c1} holds {b} {o}.",
         "How many {o} are there in all?|How many {o} does {A} have?|What is the total number of {o}?"),
        ("{A} buys {a} {o}. Each one costs {b} dollars.|One {o1} costs {b} dollars and {A} buys {a} of them.",
         "How much does {A} pay?|What do the {o} cost in all?|How many dollars does {he} need?"),
        ("{A} reads {b} pages every day for {a} days.|Every day {A} reads {b} pages.",
         "How many pages does {he} read in {a} days?|How many pages are read after {a} days?"),
        ("{A} gave {b} {o} to each of {his} {a} {g}.|Each of the {a} {g} got {b} {o} from {A}.",
         "How many {o} did {A} give away?|How many {o} were given in all?"),
        ("{B} has {b} {o}. {A} has {a} times as many {o} as {B}.|{A} has {a} times as many {o} as {B}, who has {b}.",
         "How many {o} does {A} have?|Find how many {o} {A} has."),
        ("{A} earns {b} dollars an hour and works {a} hours.|{A} works {a} hours. {He} gets {b} dollars for each hour.",
         "How much does {A} earn?|How many dollars is that?"),
        ("The {w} has {a} rows of chairs with {b} chairs in each row.|{A} puts {b} chairs in each of {a} rows.",
         "How many chairs are there?|How many {g} can sit there?"),
        ("A car drives {b} kilometers in one hour.|A train goes {b} kilometers every hour.",
         "How far does it go in {a} hours?|How many kilometers is that in {a} hours?"),
        ("One {c1} holds {b} {o}.|Each {c1} is filled with {b} {o}.",
         "How many {o} are in {a} {c}?|How many {o} fit in {a} {c}?"),
        ("{A} makes {b} {o} in one hour.|A machine makes {b} {o} every hour.",
         "How many {o} are made in {a} hours?|What is the number of {o} after {a} hours?"),
        ("Each of the {a} {g} brought {b} {o} to the {w}.|{a} {g} have {b} {o} each.",
         "How many {o} is that in all?|How many {o} are there altogether?"),
    ),
    *_frames(
        "quotient",
        ("{A} has {a} {o} and puts them into {b} {c} equally.|{a} {o} are put into {b} {c}, equally many in each.",
         "How many {o} are in each {c1}?|How many {o} does one {c1} hold?"),
        ("{A} shares {a} {o} equally among {b} {g}.|{b} {g} share {a} {o} equally.",
         "How many {o} does each one get?|How many {o} are there for each?"),
        ("{A} has {a} {o}. {He} puts {b} {o} in each {c1}.|{A} packs {a} {o}, {b} in every {c1}.",
         "How many {c} does {A} need?|How many {c} can be filled?"),
        ("{A} paid {a} dollars for {b} {o}.|{b} {o} cost {a} dollars.",
         "How much did each one cost?|What is the price of one {o1}?"),
        ("{A} needs to read a book of {a} pages in {b} days.|A book has {a} pages. {A} has {b} days to read it.",
         "How many pages should {A} read each day?|How many pages is that per day?"),
        ("{A} has {a} dollars. One {o1} costs {b} dollars.|Each {o1} costs {b} dollars. {A} has {a} dollars.",
         "How many {o} can {A} buy?|How many {o} does {he} get for the money?"),
        ("{a} {g} are split into {b} equal groups.|A teacher makes {b} equal teams from {a} {g}.",
         "How many {g} are in each group?|How many {g} are in one team?"),
        ("A car drives {a} kilometers in {b} hours.|{A} goes {a} kilometers in {b} hours at the same speed.",
         "How many kilometers is that in one hour?|What is the speed per hour?"),
        ("{A} has {a} {o}, which is {b} times as many as {B} has.|{A} has {b} times as many {o} as {B}. {A} has {a}.",
         "How many {o} does {B} have?|Find the number of {o} {B} has."),
        ("{A} reads {b} pages every day. The book has {a} pages.|A book has {a} pages and {A} reads {b} pages a day.",
         "How many days does {A} need?|After how many days is the book finished?"),
        ("{A} cuts {a} meters of rope into pieces of {b} meters.|A rope of {a} meters is cut into {b} meter pieces.",
         "How many pieces are there?|How many pieces does {A} get?"),
        ("{A} earned {a} dollars in {b} hours.|For {b} hours of work {A} got {a} dollars.",
         "How much is that per hour?|How many dollars did {A} get for one hour?"),
    ),
    *_frames(
        "decimal-sum",
        ("{A} paid {a} dollars for a {o1} and {b} dollars for a {p1}.|A {o1} costs {a} dollars and a {p1} {b} dollars.",
         "How much is that in all?|What is the total cost?"),
        ("{A} walked {a} kilometers on {x} and {b} kilometers on {y}.|{A} ran {a} kilometers and then {b} more.",
         "How far is that in all?|What is the total distance in kilometers?"),
        ("One {c1} weighs {a} kilograms and another weighs {b} kilograms.|"
         "{A} carries {a} kilograms and {B} carries {b} kilograms.",
         "How many kilograms is that together?|What is the total weight?"),
    ),
    *_frames(
        "decimal-difference",
        ("{A} had {a} dollars and spent {b} dollars on {o}.|{A} has {a} dollars. A {o1} costs {b} dollars.",
         "How much money is left after that?|How much is left?"),
        ("A {c1} holds {a} liters of water. {A} uses {b} liters.|There were {a} liters of milk. {A} drank {b} liters.",
         "How many liters are left?|How much is left?"),
        ("{A} is {a} meters tall and {B} is {b} meters tall.|One table is {a} meters long and one is {b} meters long.",
         "What is the difference in meters?|How many meters is the difference?"),
    ),
    *_frames(
        "decimal-product",
        ("{A} buys {b} {o} for {a} dollars each.|One {o1} costs {a} dollars. {A} buys {b}.",
         "How much does {A} pay?|What is the total cost?"),
        ("{A} runs {a} kilometers every day.|Every day {A} walks {a} kilometers to the {w}.",
         "How many kilometers is that in {b} days?|How far is that in {b} days?"),
        ("Each {c1} weighs {a} kilograms.|One {c1} has a weight of {a} kilograms.",
         "What do {b} {c} weigh?|How many kilograms do {b} {c} weigh?"),
    ),
]  # fmt: skip

# Sentences with a number that the question does not need.
DISTRACTORS = (
    "{B} has {n} {p}.|There are also {n} {p} in the {w}.|{A} also has {n} {p}.|It took {n} minutes to get to the {w}.|"
    "{B} is {n} years old.|{n} {g} were watching.|The {w} is {n} kilometers away.|{A} did this for {n} weeks.|"
    "{B} bought {n} {p} on {x}.|The {w} opens at {n} o'clock.|{A} lives in house number {n}."
).split("|")

# Events of longer stories: what happens, the operation on the running number ({b} is the operand).
EVENTS: dict[str, tuple[str, ...]] = {
    "+": (
        "Then {A} bought {b} more {o}.", "{B} gave {him} {b} more {o}.", "Later {he} found {b} more {o}.",
        "After that {he} made {b} more {o}.", "On {x} {he} got another {b} {o}.", "{His} {g} brought {b} more {o}.",
    ),
    "-": (
        "Then {A} gave {b} {o} to {B}.", "{He} lost {b} {o}.", "After that {he} sold {b} {o}.", "{b} {o} were broken.",
        "On {y} {he} used {b} {o}.", "Then {he} gave away {b} {o}.",
    ),
    "*": (
        "Then the number of {o} became {b} times as large.", "{B} has {b} times as many {o} as {A} has now.",
    ),
    "/": (
        "Then {he} put all the {o} equally into {b} {c}.", "Then {b} {g} shared all the {o} equally.",
    ),
}  # fmt: skip
OPENINGS = (
    "{A} had {a} {o}.", "{A} started with {a} {o}.", "There were {a} {o} in the {w}, all of them for {A}.",
    "{A} collected {a} {o} in the {w}.", "On {x} {A} had {a} {o}.",
)  # fmt: skip
GROUPED_OPENINGS = (
    "{A} had {a} {c} with {k} {o} in each {c1}.", "{A} bought {a} {c}. Each {c1} had {k} {o}.",
    "In the {w} {A} filled {a} {c} with {k} {o} each.",
)  # fmt: skip
ENDINGS: dict[str, tuple[str, ...]] = {
    "+": ("How many {o} does {A} have now?", "How many {o} are there now?", "How many {o} does {he} have in the end?"),
    "-": ("How many {o} does {A} have left?", "How many {o} are left?", "How many {o} does {he} have in the end?"),
    "*": ("How many {o} is that?", "What is this number of {o}?"),
    "/": ("How many {o} are there in each part?", "How many {o} is that for each?"),
}
