"""Generator, code-switcher, corpora and leakage check."""

from __future__ import annotations

import json
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from lingualift_training.data.codeswitch import FUNCTION_WORDS, CodeSwitcher, SwitchOptions, coverage
from lingualift_training.data.examples import Example, read_examples, sentences, short_answer, write_alpaca
from lingualift_training.data.leakage import benchmark_questions, find_overlaps, normalise
from lingualift_training.data.wordproblems import WordProblem, draw_numbers, format_number, generate
from lingualift_training.lexicon import Entry, Lexicon

SPANISH = Lexicon.from_entries(
    "es",
    [
        Entry("apples", "manzanas", 0.9),
        Entry("apples", "pomas", 0.2),
        Entry("gave", "dio"),
        Entry("friends", "amigos"),
        Entry("Tom", "Tomás"),
        Entry("the", "los"),
        Entry("how", "cuántos"),
    ],
)
THAI = Lexicon.from_entries("th", [Entry("apples", "แอปเปิ้ล"), Entry("red", "แดง")])
SENTENCE = "The teacher and Tom gave 12 apples to the friends. How many apples?"


def recompute(problem: WordProblem) -> str:
    value = Fraction(0)
    for step in problem.steps:
        match = re.fullmatch(r"([\d.]+) ([-+*/]) ([\d.]+) = ([\d.]+)", step)
        assert match, step
        left, right = Fraction(match[1]), Fraction(match[3])
        value = {"+": left + right, "-": left - right, "*": left * right, "/": left / right if right else left}[
            match[2]
        ]
        assert value == Fraction(match[4]), step
    return format_number(value)


def test_every_generated_answer_follows_from_its_steps() -> None:
    for problem in generate(3000, seed=4):
        assert recompute(problem) == problem.answer
        assert Fraction(problem.answer) > 0
        assert problem.completion.endswith(f". The answer is {problem.answer}.")


def test_rich_problems_are_right_too_and_have_stories_and_needless_numbers() -> None:
    plain, rich = list(generate(3000, seed=4)), list(generate(3000, seed=4, rich=True))
    for problem in rich:
        assert recompute(problem) == problem.answer
        assert Fraction(problem.answer) > 0
        assert "{" not in problem.question and " a a" not in problem.question

    def needless(problems: list[WordProblem]) -> int:
        return sum(len(re.findall(r"\d+(?:\.\d+)?", p.question)) > len(p.steps) + 1 for p in problems)

    assert needless(rich) > 1.4 * needless(plain)

    def not_running(problem: WordProblem) -> bool:  # the second step does not start from the first one's result
        first, second = (*problem.steps, "", "")[:2]
        return bool(second) and second.split()[0] != first.rsplit(" ", 1)[1]

    assert any(map(not_running, rich)) and not any(map(not_running, plain))
    assert [p.question for p in plain[:3]] == [p.question for p in generate(3, seed=4)]
    assert [e.question for e in read_examples("5:4:rich", "generator")] != [
        e.question for e in read_examples("5:4", "generator")
    ]
    with pytest.raises(ValueError, match="COUNT:SEED:rich"):
        list(read_examples("5:4:poor", "generator"))


def test_operands_of_the_first_step_stand_in_the_question() -> None:
    for problem in generate(1000, seed=5):
        numbers = re.findall(r"\d+(?:\.\d+)?", problem.question)
        left, _, right, *_ = problem.steps[0].split()
        assert left in numbers and right in numbers


def test_generator_is_rich_and_balanced() -> None:
    problems = list(generate(4000, seed=6))
    assert len({p.question for p in problems}) == 4000
    shapes = {re.sub(r"[\d.]+", "#", p.question) for p in problems}
    assert len(shapes) > 3500
    operations = Counter(p.steps[0].split()[1] for p in problems if len(p.steps) == 1)
    assert max(operations.values()) < 1.2 * min(operations.values())
    assert {len(p.steps) for p in problems} == {1, 2, 3}
    assert any("." in p.answer for p in problems)
    assert not any("{" in p.question or " a a" in p.question for p in problems)


def test_generator_is_reproducible_and_honours_its_shares() -> None:
    assert list(generate(50, 1)) == list(generate(50, 1))
    assert list(generate(50, 1)) != list(generate(50, 2))
    assert all(len(p.steps) == 1 for p in generate(100, 1, one_step=1.0))
    plain = next(generate(1, 1, plain_case=1.0)).question
    assert plain == plain.lower() and plain.endswith(" ?") | plain.endswith(" .")


def test_numbers_fit_the_operation() -> None:
    import random

    rng = random.Random(0)
    for _ in range(300):
        a, b = draw_numbers("difference", rng)
        assert a > b > 0
        a, b = draw_numbers("quotient", rng)
        assert (a / b).denominator == 1
        a, b = draw_numbers("decimal-difference", rng)
        assert a > b > 0
    with pytest.raises(ValueError, match="two decimals"):
        format_number(Fraction(1, 3))


def test_switched_spans_align_both_texts() -> None:
    switcher = CodeSwitcher({"es": SPANISH}, SwitchOptions(ratio=1.0, keep="articles"))
    mixed = switcher.switch(SENTENCE, 0)
    assert mixed.text == "The teacher and Tom dio 12 manzanas to the amigos. cuántos many manzanas?"
    for span in mixed.spans:
        source = SENTENCE[span.source_start : span.source_end]
        written = mixed.text[span.start : span.end]
        assert written == (SPANISH.translations(source)[0] if span.language else source)
    assert mixed.replaced == 5
    assert mixed.share == pytest.approx(5 / 12)


def test_names_numbers_function_words_are_kept() -> None:
    mixed = CodeSwitcher({"es": SPANISH}, SwitchOptions(ratio=1.0)).switch(SENTENCE, 0)
    assert mixed.text == "The teacher and Tom dio 12 manzanas to the amigos. How many manzanas?"
    named = CodeSwitcher({"es": SPANISH}, SwitchOptions(ratio=1.0), names=["friends"]).switch(SENTENCE, 0)
    assert "friends" in named.text
    assert "tom" not in FUNCTION_WORDS


def test_ratio_is_met_by_token_not_by_type() -> None:
    text = " ".join(["apples"] * 4000)
    mixed = CodeSwitcher({"es": SPANISH}, SwitchOptions(ratio=0.3)).switch(text, 7)
    assert mixed.share == pytest.approx(0.3, abs=0.03)
    assert CodeSwitcher({"es": SPANISH}, SwitchOptions(ratio=0.0)).switch(text, 7).text == text


def test_draws_are_reproducible_and_differ() -> None:
    switcher = CodeSwitcher({"es": SPANISH, "th": THAI}, SwitchOptions(ratio=(0.2, 0.9), max_translations=2))
    first = [m.text for m in switcher.stream([SENTENCE] * 3, draws=4, seed=1)]
    assert first == [m.text for m in switcher.stream([SENTENCE] * 3, draws=4, seed=1)]
    assert len(first) == 12 and len(set(first)) > 4
    assert first != [m.text for m in switcher.stream([SENTENCE] * 3, draws=4, seed=2)]


def test_one_language_per_sentence_or_mixed() -> None:
    lexicons = {"es": SPANISH, "th": THAI}
    text = " ".join(["apples"] * 30)
    one = CodeSwitcher(lexicons, SwitchOptions(ratio=1.0))
    mixed = CodeSwitcher(lexicons, SwitchOptions(ratio=1.0, languages_per_sentence="mixed"))
    for seed in range(10):
        assert len({s.language for s in one.switch(text, seed).spans}) == 1
    assert {s.language for s in mixed.switch(text, 0).spans} == {"es", "th"}
    english = CodeSwitcher(lexicons, SwitchOptions(ratio=1.0, english_share=1.0)).switch(text, 0)
    assert english.text == text


def test_omitted_articles_and_unspaced_scripts() -> None:
    options = SwitchOptions(ratio=1.0, keep="articles", omit_articles=True)
    mixed = CodeSwitcher({"th": THAI}, options).switch("The red apples and the tree", 0)
    assert mixed.text == "แดงแอปเปิ้ล and tree"
    assert [mixed.source[s.source_start : s.source_end] for s in mixed.spans if s.start == s.end] == ["The", "the"]


def test_coverage_counts_content_words() -> None:
    assert coverage({"es": SPANISH}, ["the apples and friends run"]) == {"es": pytest.approx(2 / 3)}


@pytest.mark.parametrize("ratio", [-0.1, 1.5, (0.8, 0.2)])
def test_impossible_ratios_are_refused(ratio: float | tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="ratio"):
        SwitchOptions(ratio=ratio)


def test_readers(tmp_path: Path) -> None:
    gsm = {"question": " Q? ", "answer": "She has 48/2 = <<48/2=24>>24.\nIn all <<48+24=72>>72.\n#### 1,072"}
    (tmp_path / "g.jsonl").write_text(json.dumps(gsm) + "\n\n")
    assert list(read_examples(tmp_path / "g.jsonl", "gsm8k", short=True)) == [
        Example("Q?", "48 / 2 = 24, 48 + 24 = 72. The answer is 1072.")
    ]
    rows = [{"instruction": "Do", "input": "it", "output": "Done"}, {"instruction": "Only", "output": "x"}]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    assert list(read_examples(tmp_path / "a.json", "alpaca")) == [Example("Do\nit", "Done"), Example("Only", "x")]
    (tmp_path / "m.json").write_text(json.dumps([{"query": "q", "response": "r", "type": "t"}]))
    assert list(read_examples(tmp_path / "m.json", "metamath")) == [Example("q", "r")]
    (tmp_path / "t.txt").write_text("One.\n\nTwo.\n")
    assert [e.question for e in read_examples(tmp_path / "t.txt", "text")] == ["One.", "Two."]
    assert len(list(read_examples("7:3", "generator"))) == 7
    assert short_answer("no steps\n#### 5") == "The answer is 5."


def test_unreadable_rows_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"question": "a", "answer": "b"}\n{"question": "a"\n')
    with pytest.raises(ValueError, match=r"bad\.jsonl:2: not valid JSON"):
        list(read_examples(path, "gsm8k"))
    (tmp_path / "bad.json").write_text('[\n{"instruction": 1}\n]')
    with pytest.raises(ValueError, match=r"bad\.json:1: row has no text field 'instruction'"):
        list(read_examples(tmp_path / "bad.json", "alpaca"))


def test_alpaca_round_trip(tmp_path: Path) -> None:
    assert write_alpaca(tmp_path / "x.json", [("i", "é", "o"), ("i", "", "p")]) == 2
    assert list(read_examples(tmp_path / "x.json", "alpaca")) == [Example("i\né", "o"), Example("i", "p")]


def test_sentences_keep_the_text() -> None:
    text = "Tom has 3.5 apples. He eats one! How many are left? " + "A long sentence follows here. " * 8
    parts = sentences(text, 80)
    assert " ".join(parts) == text.strip()
    assert len(parts) > 3


def test_leakage_finds_equal_renumbered_and_near_duplicate_questions(tmp_path: Path) -> None:
    benchmark = [
        "Tom has 5 apples and gives 2 to Ann. How many are left?",
        "A train travels from one town to another one in three hours at a speed of sixty kilometers an hour each day.",
    ]
    training = [
        "tom has 5 apples, and gives 2 to ann how many are left",
        "Tom has 15 apples and gives 7 to Ann. How many are left?",
        "A train travels from one town to another one in three hours at a speed of sixty kilometers an hour on Sunday.",
        "Ann has 5 pears. How many pears does Ann have?",
    ]
    found = find_overlaps(training, benchmark)
    assert [o.row for o in found] == [0, 1, 2]
    assert [o.kind for o in found[:2]] == ["same text", "same text"]
    assert [o.row for o in find_overlaps(training, benchmark, masked=False)] == [0, 2]
    assert normalise("A 1,5 b!", mask_numbers=True) == "a#b"
    (tmp_path / "b.tsv").write_text(f"{benchmark[0]}\t3\n")
    (tmp_path / "b.jsonl").write_text(json.dumps({"m_query": benchmark[0]}) + "\n")
    (tmp_path / "b.json").write_text(json.dumps([{"question": benchmark[0], "answer": "3"}]))
    (tmp_path / "o.json").write_text(json.dumps({"name": "B", "problems": [{"question": benchmark[0]}]}, indent=1))
    for name in ("b.tsv", "b.jsonl", "b.json", "o.json"):
        assert benchmark_questions(tmp_path / name) == [benchmark[0]]
    (tmp_path / "c.json").write_text('[{"text": "x"}]')
    with pytest.raises(ValueError, match="no field named"):
        benchmark_questions(tmp_path / "c.json")


def test_generator_does_not_repeat_public_benchmarks() -> None:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "msvamp"
    if not folder.is_dir():
        pytest.skip("MSVAMP is not present beside the repository")
    benchmark = benchmark_questions(folder / "test_English.json")
    questions = [p.question for p in generate(3000, seed=21)]
    assert not [o for o in find_overlaps(questions, benchmark, masked=False)]
