"""English word problems with worked answers, drawn from our own sentence frames.

The generator exists so that a small model can be trained on text whose licence is beyond doubt. It varies names,
things, places, sentence forms, question forms and numbers; one to three steps; stories whose two calculations are not
one running number; numbers that are not needed; decimals.
The four operations are equally frequent among the one-step problems.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from . import frames as words
from .stories import NEAR_DISTRACTORS, STORIES


@dataclass(frozen=True)
class WordProblem:
    """A question with its calculation: ``steps`` such as ``("8 + 5 = 13",)`` and the answer as text."""

    question: str
    steps: tuple[str, ...]
    answer: str

    @property
    def completion(self) -> str:
        """The worked answer that a model is trained to write: ``8 + 5 = 13. The answer is 13.``"""
        return f"{', '.join(self.steps)}. The answer is {self.answer}."


def format_number(value: Fraction) -> str:
    """Decimal notation with a point and at most two decimals. Raises ``ValueError`` if that is not exact."""
    hundredths = value * 100
    if hundredths.denominator != 1:
        raise ValueError(f"{value} has more than two decimals")
    return f"{float(value):.2f}".rstrip("0").rstrip(".")


def calculate(left: Fraction, operation: str, right: Fraction) -> tuple[str, Fraction]:
    """One step: its text and its value."""
    if operation == "+":
        value = left + right
    elif operation == "-":
        value = left - right
    elif operation == "*":
        value = left * right
    else:
        value = left / right
    return f"{format_number(left)} {operation} {format_number(right)} = {format_number(value)}", value


class _Scene:
    """The people, things and places of one problem, as values of the slots."""

    def __init__(self, rng: random.Random) -> None:
        female = rng.random() < 0.5
        first = rng.choice(words.SHE if female else words.HE)
        second = rng.choice([name for name in (*words.HE, *words.SHE) if name != first])
        thing, other = rng.sample(sorted(words.THINGS), 2)
        container = rng.choice(sorted(words.CONTAINERS))
        day, later = sorted(rng.sample(range(7), 2))
        he, his, him = ("she", "her", "her") if female else ("he", "his", "him")
        self.slots = {
            "A": first, "B": second, "he": he, "his": his, "him": him, "He": he.capitalize(), "His": his.capitalize(),
            "o": thing, "o1": words.THINGS[thing], "p": other, "p1": words.THINGS[other],
            "c": container, "c1": words.CONTAINERS[container], "g": rng.choice(words.GROUPS),
            "w": rng.choice(words.PLACES), "x": words.DAYS[day], "y": words.DAYS[later],
        }  # fmt: skip

    def tell(self, template: str, **numbers: Fraction) -> str:
        text = template.format(**self.slots, **{name: format_number(value) for name, value in numbers.items()})
        return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)


def _integer(rng: random.Random) -> int:
    kind = rng.random()
    return rng.randint(2, 20) if kind < 0.45 else rng.randint(10, 99) if kind < 0.9 else rng.randint(100, 999)


def draw_numbers(kind: str, rng: random.Random) -> tuple[Fraction, Fraction]:
    """Two numbers a, b for a frame of this kind: differences are positive, quotients whole."""
    if kind == "sum":
        return Fraction(_integer(rng)), Fraction(_integer(rng))
    if kind == "difference":
        low, high = sorted((_integer(rng), _integer(rng)))
        return Fraction(high + 1), Fraction(low)
    if kind == "product":
        return Fraction(rng.randint(2, 12)), Fraction(rng.randint(2, 12) if rng.random() < 0.6 else rng.randint(13, 60))
    if kind == "quotient":
        divisor = rng.randint(2, 12)
        return Fraction(divisor * rng.randint(2, 15)), Fraction(divisor)
    places = rng.choice((10, 10, 100))
    if kind == "decimal-product":
        return Fraction(rng.randint(11, 99), 10), Fraction(rng.randint(2, 9))
    low, high = sorted((rng.randint(places, 20 * places), rng.randint(places, 20 * places)))
    return Fraction(high + 1, places), Fraction(low, places)


def _distract(sentences: list[str], scene: _Scene, rng: random.Random, share: float, rich: bool) -> None:
    """Puts a sentence with a number that is not needed somewhere among the statements; a rich one up to two."""
    for chance in (share, share / 4) if rich else (share,):
        if rng.random() < chance:
            template = rng.choice(rng.choice((words.DISTRACTORS, NEAR_DISTRACTORS)) if rich else words.DISTRACTORS)
            numbers = {"n": Fraction(rng.randint(2, 99 if rich else 60))}
            if rich:
                numbers["m"] = Fraction(rng.randint(2, 60))
            extra = scene.tell(template, **numbers)
            sentences.insert(rng.randint(0, len(sentences)), extra)


def _one_step(rng: random.Random, rich: bool) -> WordProblem:
    operation = rng.choice("+-*/")
    frame = rng.choice([frame for frame in words.FRAMES if frame.operation == operation])
    scene = _Scene(rng)
    a, b = draw_numbers(frame.numbers, rng)
    sentences = [scene.tell(rng.choice(frame.statements), a=a, b=b)]
    _distract(sentences, scene, rng, 0.35 if rich else 0.2, rich)
    sentences.append(scene.tell(rng.choice(frame.questions), a=a, b=b))
    step, value = calculate(a, operation, b)
    return WordProblem(" ".join(sentences), (step,), format_number(value))


def _story_numbers(calculations: list[tuple[str, str, str]], rng: random.Random) -> dict[str, Fraction]:
    """Numbers for a story's slots: every result is a whole number above zero, products stay small."""
    small = {slot for _, operation, right in calculations for slot in (right,) if operation in "*/"}
    small |= {left for left, operation, _ in calculations if operation == "*"}
    while True:
        values = {slot: Fraction(rng.randint(2, 12) if slot in small else _integer(rng)) for slot in "abk"}
        result = Fraction(0)
        fits = True
        for left, operation, right in calculations:
            x, y = (result if slot == "=" else values[slot] for slot in (left, right))
            result = {"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else Fraction(0)}[operation]
            fits = fits and result.denominator == 1 and 0 < result < 5000
        if fits:
            return values


def _story(rng: random.Random) -> WordProblem:
    """Two calculations that are not one running number."""
    story = rng.choice(STORIES)
    values = _story_numbers(story.calculations, rng)
    scene = _Scene(rng)
    sentences = [scene.tell(rng.choice(story.statements), **values)]
    _distract(sentences, scene, rng, 0.175, True)
    sentences.append(scene.tell(rng.choice(story.questions), **values))
    steps: list[str] = []
    result = Fraction(0)
    for left, operation, right in story.calculations:
        x, y = (result if slot == "=" else values[slot] for slot in (left, right))
        step, result = calculate(x, operation, y)
        steps.append(step)
    return WordProblem(" ".join(sentences), tuple(steps), format_number(result))


def _chain(rng: random.Random, events: int, rich: bool) -> WordProblem:
    """A running number that an opening sets and each event changes."""
    scene = _Scene(rng)
    steps: list[str] = []
    a = Fraction(rng.randint(2, 12)) if rng.random() < 0.4 else None
    if a is not None:
        k = Fraction(rng.randint(2, 20))
        sentences = [scene.tell(rng.choice(words.GROUPED_OPENINGS), a=a, k=k)]
        step, value = calculate(a, "*", k)
        steps.append(step)
        events = max(1, events - 1)
    else:
        value = Fraction(rng.randint(6, 120))
        sentences = [scene.tell(rng.choice(words.OPENINGS), a=value)]
    operation = "+"
    used: set[str] = set()
    for number in range(events):
        last = number == events - 1
        divisors = [n for n in range(2, 13) if value.denominator == 1 and value % n == 0 and value > n]
        choices = ["+", "-"] if value > 2 else ["+"]
        choices += ["*"] if last else []
        choices += ["/"] if last and divisors else []
        operation = rng.choice(choices)
        if operation == "-":
            b = Fraction(rng.randint(1, int(value) - 1))
        elif operation == "/":
            b = Fraction(rng.choice(divisors))
        else:
            b = Fraction(rng.randint(2, 5) if operation == "*" else rng.randint(2, 60))
        template = rng.choice([event for event in words.EVENTS[operation] if event not in used])
        used.add(template)
        sentences.append(scene.tell(template, b=b))
        step, value = calculate(value, operation, b)
        steps.append(step)
    _distract(sentences, scene, rng, 0.175 if rich else 0.15, rich)
    ending = rng.choice(words.ENDINGS[operation])
    return WordProblem(f"{' '.join(sentences)} {scene.tell(ending)}", tuple(steps), format_number(value))


def generate(
    count: int,
    seed: int = 0,
    one_step: float = 0.7,
    plain_case: float = 0.0,
    unique: bool = True,
    rich: bool = False,
) -> Iterator[WordProblem]:
    """Yields ``count`` problems; the same arguments give the same problems.

    Args:
        count: number of problems.
        seed: seed of the generator.
        one_step: share of one-step problems; the others have two or three steps.
        plain_case: share written in lower case with spaced punctuation, as tokenised corpora are.
        unique: never yield the same question twice.
        rich: half of the longer problems are stories of two calculations that are not one running number, and twice as
            many problems have numbers that are not needed, also such that use the things of the story.
    """
    rng = random.Random(f"word problems {seed}")
    seen: set[str] = set()
    while count > 0:
        if rng.random() < one_step:
            problem = _one_step(rng, rich)
        elif rich and rng.random() < 0.5:
            problem = _story(rng)
        else:
            problem = _chain(rng, rng.choice((2, 2, 3)), rich)
        if unique and problem.question in seen:
            continue
        seen.add(problem.question)
        if rng.random() < plain_case:
            question = re.sub(r"\s*([?,]|\.(?!\d))", r" \1", problem.question.lower())
            problem = WordProblem(question, problem.steps, problem.answer)
        yield problem
        count -= 1
