# ruff: noqa: SIM905
"""Stories of two calculations for the English word-problem generator, and numbers that a question does not need.

Slots are those of :mod:`.frames`; ``{a}`` ``{b}`` ``{k}`` are the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Story:
    """A plan of two calculations with alternative statements and questions.

    ``plan`` has the form ``a * b, = + k``: two calculations, ``=`` stands for the result of the first.
    """

    plan: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]

    @property
    def calculations(self) -> list[tuple[str, str, str]]:
        """Left operand, operation, right operand of each calculation; operands are slots or ``=``."""
        found = []
        for part in self.plan.split(", "):
            left, operation, right = part.split()
            found.append((left, operation, right))
        return found


def _story(plan: str, statements: str, questions: str) -> Story:
    return Story(plan, tuple(statements.split("|")), tuple(questions.split("|")))


STORIES: list[Story] = [
    _story(
        "a * b, = + k",
        "{A} has {a} {c} with {b} {o} in each {c1}. {He} also has {k} loose {o}.|"
        "{A} filled {a} {c} with {b} {o} each, and {k} {o} stayed on the table.|"
        "There were {k} {o} in the {w}. {B} brought {a} {c} of {b} {o} each.",
        "How many {o} are there altogether?|How many {o} is that in all?",
    ),
    _story(
        "a * b, = - k",
        "{A} bought {a} {c} of {b} {o} each and gave {k} {o} to {B}.|"
        "In the {w} there were {a} {c} with {b} {o} each. {k} of the {o} were broken.",
        "How many {o} are left?|How many good {o} remain?",
    ),
    _story(
        "a * b, k - =",
        "{A} had {k} dollars. {He} bought {a} {o} for {b} dollars each.|"
        "A ticket costs {b} dollars. {A} buys {a} tickets and pays with {k} dollars.",
        "How many dollars are left?|How much money does {A} have now?",
    ),
    _story(
        "a - b, = / k",
        "{A} had {a} {o}. {He} kept {b} and shared the rest equally among {k} {g}.|"
        "Of {a} {o}, {b} were used. The others were put equally into {k} {c}.",
        "How many {o} are in each part?|How many {o} is that for each?",
    ),
    _story(
        "a + b, = / k",
        "{A} picked {a} {o} and {B} picked {b} {o}. They put them all equally into {k} {c}.|"
        "{a} {o} and {b} more {o} are divided equally among {k} {g}.",
        "How many {o} are in each part?|How many {o} does each one hold?",
    ),
    _story(
        "a + b, = - k",
        "{A} had {a} {o} and got {b} more. Then {he} gave {k} to {B}.|"
        "{A} made {a} {o} on {x} and {b} {o} on {y}. {He} sold {k} of them.",
        "How many {o} does {A} still have?|How many {o} are left?",
    ),
    _story(
        "a + b, k - =",
        "{A} needs {k} {o}. {He} has {a} and {B} gives {him} {b}.|"
        "A book has {k} pages. {A} read {a} pages on {x} and {b} pages on {y}.|"
        "There were {k} {g}. {a} left on {x} and {b} left on {y}.",
        "How many are missing?|How many are left?",
    ),
    _story(
        "a + b, = * k",
        "A {o1} costs {a} dollars and a {p1} costs {b} dollars. {A} buys {k} of each.|"
        "Every day {A} makes {a} {o} and {B} makes {b} {o}. They worked {k} days.|"
        "One {c1} holds {a} {o} and {b} {p}. There are {k} {c}.",
        "How much is that altogether?|What is the total?",
    ),
    _story(
        "a - b, = * k",
        "A {o1} used to cost {a} dollars. Now it costs {b} dollars less. {A} buys {k} {o}.|"
        "Of the {a} seats in each row {b} are taken. There are {k} rows.",
        "How much is that in all?|What is the total?",
    ),
    _story(
        "a + b, = + k",
        "{A} has {a} {o}, {B} has {b} {o} and their teacher has {k} {o}.|"
        "{A} scored {a} points in the first game, {b} in the second and {k} in the third.|"
        "{A} ran {a} meters on {x}, {b} meters on {y} and {k} meters after that.",
        "How many is that altogether?|What is the total?",
    ),
    _story(
        "a - b, = - k",
        "{A} had {a} {o}. {He} lost {b} of them and gave {k} to {B}.|"
        "There were {a} {g} in the {w}. {b} went home early and {k} went home later.",
        "How many are left?|How many are still there?",
    ),
    _story(
        "a - b, = + k",
        "{A} had {a} {o}. {He} sold {b} and then bought {k} more.|{a} {g} were on a bus. {b} got off and {k} got on.",
        "How many are there now?|How many is that in the end?",
    ),
    _story(
        "a / b, = + k",
        "{a} {o} are shared equally among {b} {g}. {A}, who is one of them, already had {k}.|"
        "{A} puts {a} {o} equally into {b} {c}. Then {he} adds {k} {o} to the first {c1}.",
        "How many {o} does {A} see there?|How many {o} are together now?",
    ),
    _story(
        "a / b, = - k",
        "{a} {o} are put equally into {b} {c}. {A} takes {k} {o} out of one {c1}.|"
        "{A} and {his} {g} share {a} {o} so that each of the {b} gets the same. {A} eats {k}.",
        "How many {o} does this one still have?|How many {o} are left of that share?",
    ),
    _story(
        "a / b, = * k",
        "{b} {o} cost {a} dollars. {A} buys {k} {o}.|{A} makes {a} {o} in {b} hours and works {k} hours.",
        "How much is it for {k}?|What is the result for {k}?",
    ),
]

# Facts that use the things of the story but do not matter for the question.
NEAR_DISTRACTORS = (
    "Last year {A} had {n} {o}.|{B} counted {n} {o} in another {w}.|Yesterday there were {n} {g} here.|"
    "One {o1} weighs {n} grams.|{A} keeps the {o} in {n} {c}.|{B} also bought {n} {p} for {m} dollars.|"
    "On {y} {B} gave away {n} {p}.|There were also {n} {p} and {m} {g}.|The {o} are {n} days old.|"
    "It was the {w} with {n} {c}.|{A} wants to have {n} {p} next year.|{n} of the {g} had {m} {p} each.|"
    "{A} walked {n} kilometers to the {w}.|{B} paid {n} dollars for the {p}.|It took {A} {n} minutes.|"
    "The {w} has {n} windows and {m} doors."
).split("|")
