"""Whatever a model writes is read as far as it goes, put in one bucket, and never raises."""

import random

import pytest

from core.rerank.base import Bucket, Candidate, Verdict
from core.rerank.parser import parse
from core.traces.base import FinishReason
from tests.patience import given_up_after

LABELS = tuple(
    Candidate(number, f"L{number}", name)
    for number, name in enumerate(
        (
            "Cholera",
            "Typhoid fever",
            "Paratyphoid fever A",
            "Shigellosis",
            "Amebiasis",
            "Giardiasis",
            "Measles",
            "Rubella",
            "Mumps",
            "Plague 2 bubonic",
            "Fever without rash",
        ),
        start=1,
    )
)
GOOD = (
    "Shortlist:\n"
    '1. Cholera <- "rice-water stool"\n'
    '2. Typhoid fever <- "fever"\n'
    "Reasoning:\n"
    "1. keep: rice-water stool is typical\n"
    "2. drop: no rash is named\n"
)
STOP = FinishReason.STOP


def test_a_well_formed_trace() -> None:
    text = GOOD + "Answer: 1"
    got = parse(text, LABELS, STOP)
    assert got.bucket is Bucket.OK
    assert got.why == ""
    assert got.shortlisted == ("L1", "L2")
    assert got.verdicts == (("L1", Verdict.KEEP), ("L2", Verdict.DROP))
    assert got.answer == ("L1",)
    assert [text[a:b] for a, b in got.answer_spans] == ["1"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("Answer: 1, 3", ("L1", "L3")),
        ("Answer: 3 and 1", ("L3", "L1")),
        ("**Answer:** [3], [1], 3", ("L3", "L1")),
        ("Answer:\n1, 3", ("L1", "L3")),
        ("Answer:\n- 1\n- 3\nThat is all, 2", ("L1", "L3")),
        ("**Answer:**\n\n1. Measles\n2. Cholera\n", ("L7", "L1")),
        ("Answer:\n7. Measles\n8\n", ("L7", "L8")),
        ("The answer is: 1", ("L1",)),
        ("Final answer: Typhoid fever; cholera", ("L2", "L1")),
        ("Answer: 10. Plague 2 bubonic, 1", ("L10", "L1")),  # the 2 is part of the name
        ("Answer: 2 (not 1)", ("L2",)),
        ("Answer: 2 (but not 1, 3), 4", ("L2", "L4")),
        ("Answer: 2, not Cholera, 3", ("L2", "L3")),
        ("Answer: 2 [without 1], 3 except 4", ("L2", "L3")),
        ("Answer: none except 3", ("L3",)),
        ("Answer: all except 3", None),
        ("Answer: 11", ("L11",)),
        ("Answer: Fever without rash, 1", ("L11", "L1")),  # the name holds the word
        ("Answer: 1-3", ("L1", "L2", "L3")),
        ("Answer: 2 – 4, 1", ("L2", "L3", "L4", "L1")),
        ("Answer: 4, 2 to 4", ("L4", "L2", "L3")),
        ("Answer: 3-1", ("L3", "L1")),
        ("Answer: 2 (not 4-6)", ("L2",)),
        ("Answer: 9-77", ("L9", "L10", "L11")),
        ("Answer: 8. Rubella - 10", ("L8", "L10")),
        ("Answer: none", ()),
        ("Answer: None of the labels fits.", ()),
        ("Answer: no label", ()),
    ],
)
def test_ways_to_write_an_answer(line: str, answer: tuple[str, ...] | None) -> None:
    assert parse("Reasoning:\n2. drop: no\n" + line, LABELS, STOP).answer == answer


@pytest.mark.parametrize(
    "text",
    [
        "Shortlist: 1, 2\nReasoning: keep 1, drop 2\nAnswer: 1",
        "Shortlist: Cholera and 2\nReasoning: 1: keep; 2: drop\nAnswer: 1",
        "**Shortlist:** 1. Cholera, 2. Typhoid fever\n**Reasoning:** 1 keep, 2 drop\nAnswer: 1",
    ],
)
def test_parts_on_their_headings_own_lines(text: str) -> None:
    got = parse(text, LABELS, STOP)
    assert (got.bucket, got.answer) == (Bucket.OK, ("L1",))
    assert got.shortlisted == ("L1", "L2")
    assert got.verdicts == (("L1", Verdict.KEEP), ("L2", Verdict.DROP))


def test_nothing() -> None:
    for text in ("", " \n\t"):
        got = parse(text, LABELS, STOP)
        assert (got.bucket, got.answer, got.shortlisted) == (Bucket.NOTHING, None, ())


@pytest.mark.parametrize(
    "text",
    [
        "1. Cholera\n2. Typhoid fever",
        "It is cholera, I think.",
        "Answer: 1",  # nothing came before it
        "Shortlist:\n1. Cholera\nAnswer: 1",  # no keep and no drop
        GOOD + "Answer: whatever you like",
    ],
)
def test_wrong_format(text: str) -> None:
    got = parse(text, LABELS, STOP)
    assert got.bucket is Bucket.WRONG_FORMAT
    assert got.why


def test_what_was_named_is_read_from_a_wrong_format_too() -> None:
    got = parse("1. Cholera\nand maybe typhoid fever", LABELS, STOP)
    assert got.shortlisted == ("L1", "L2")
    assert got.answer is None


@pytest.mark.parametrize(
    "reason", [FinishReason.LENGTH, FinishReason.CANCELLED, FinishReason.ERROR]
)
def test_cut_off_before_the_answer(reason: FinishReason) -> None:
    got = parse(GOOD, LABELS, reason)
    assert got.bucket is Bucket.CUT_OFF
    assert got.verdicts[0] == ("L1", Verdict.KEEP)


def test_a_number_cut_in_two_is_not_taken_for_another_label() -> None:
    got = parse(GOOD + "Answer: 3, 1", LABELS, FinishReason.LENGTH)  # maybe 10
    assert (got.bucket, got.answer) == (Bucket.CUT_OFF, ("L3",))


def test_a_range_cut_in_two_is_not_filled() -> None:
    got = parse(GOOD + "Answer: 3-1", LABELS, FinishReason.LENGTH)
    assert (got.bucket, got.answer) == (Bucket.CUT_OFF, ("L3",))


def test_a_whole_answer_line_counts_even_when_the_limit_came_later() -> None:
    got = parse(GOOD + "Answer: 1\nAnd then", LABELS, FinishReason.LENGTH)
    assert (got.bucket, got.answer) == (Bucket.OK, ("L1",))


def test_numbers_that_were_not_shown() -> None:
    got = parse(GOOD + "Answer: 1, 77", LABELS, STOP)
    assert (got.bucket, got.answer) == (Bucket.MISSING_LABELS, ("L1",))
    assert "77" in got.why


def test_labels_kept_but_left_out_of_the_answer() -> None:
    got = parse(GOOD + "3. keep: also\nAnswer: 1", LABELS, STOP)
    assert (got.bucket, got.answer) == (Bucket.MISSING_LABELS, ("L1",))
    assert ("L3", Verdict.KEEP) in got.verdicts


@pytest.mark.parametrize(
    "text",
    [
        "1. Cholera\n" * 9,
        "\n".join(f"{n}. Broken leg" for n in range(1, 40)),
        "It is acute and it is chronic. " * 8,
        GOOD + "Answer: 1\n" + "so be it " * 30,
    ],
)
def test_repetition(text: str) -> None:
    got = parse(text, LABELS, FinishReason.LENGTH)
    assert got.bucket is Bucket.REPETITION
    assert "repeats" in got.why


def test_a_loop_after_the_answer_does_not_lose_the_answer() -> None:
    assert parse(GOOD + "Answer: 1\n" + "so be it " * 30, LABELS, STOP).answer == ("L1",)


def test_verdicts_alike_on_all_candidates_are_no_repetition() -> None:
    text = "Reasoning:\n" + "".join(f"{n}. drop: not in the text\n" for n in range(1, 11))
    assert parse(text + "Answer: none", LABELS, STOP).bucket is Bucket.OK


def test_the_last_verdict_on_a_label_holds() -> None:
    got = parse("Reasoning:\n1. keep: x\n1. drop: on second thought\nAnswer: none", LABELS, STOP)
    assert got.verdicts == (("L1", Verdict.DROP),)
    assert got.bucket is Bucket.OK


def test_the_first_answer_counts_when_the_model_starts_over() -> None:
    text = GOOD + "Answer: 1\n\nText: something else\nAnswer: 5"
    assert parse(text, LABELS, STOP).answer == ("L1",)


def test_only_what_follows_the_thinking_is_an_answer() -> None:
    text = "<think>Maybe cholera. Answer: 4?\nAnswer: 4\n</think>\nAnswer: 1"
    got = parse(text, LABELS, STOP)
    assert (got.bucket, got.answer) == (Bucket.OK, ("L1",))


def test_a_verdict_names_its_label_even_without_a_shortlist() -> None:
    got = parse("Reasoning:\n4. keep: yes\nAnswer: 4", LABELS, STOP)
    assert got.shortlisted == ("L4",)


def test_no_candidates() -> None:
    assert parse("Answer: 1", (), STOP).bucket in set(Bucket)


PARTS = (
    "Shortlist:",
    "Reasoning:",
    "Answer:",
    "Answer",
    "keep",
    "drop:",
    "1.",
    "99.",
    "3)",
    "<-",
    '"',
    "<think>",
    "</think>",
    "none",
    "Cholera",
    "typhoid  FEVER",
    "\n",
    "\r\n",
    " ",
    "\x00",
    "\u2028",
    "🦠",
    "٣",
    "²",
    "①",
    "…",
    "**",
    "[",
    "(",
    "\\",
    "-",
    "0" * 50,
    "a" * 500,
    "\ud800",
    ",",
    ":",
)


@pytest.mark.parametrize("seed", range(40))
def test_any_text_at_all_is_parsed(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        text = "".join(chance.choices(PARTS, k=chance.randrange(60)))
        got = parse(text, LABELS, chance.choice(list(FinishReason)))
        assert isinstance(got.bucket, Bucket)
        assert len(got.answer or ()) == len(got.answer_spans)
        assert len(set(got.answer or ())) == len(got.answer or ())
        assert {*got.shortlisted, *(got.answer or ())} <= {c.label_id for c in LABELS}


@pytest.mark.parametrize(
    "text",
    [
        "1." * 50_000,
        "- " * 50_000,
        "a:" * 50_000,
        "1. " + "x - " * 30_000,
        "Answer: " + "1, " * 30_000,
        "Answer: " + "1 not 2, " * 30_000,
        "Answer: " + "none except, " * 30_000,
        "Answer: " + "1-9999 " * 30_000,
        "Answer: " + "(not " * 30_000,
        "Shortlist: " + "1, " * 30_000,
        "Reasoning: " + "1, " * 30_000,
        "Reasoning: " + "keep 1, " * 20_000,
        "\n".join(["keep"] * 20_000),
    ],
)
def test_long_junk_is_parsed_in_reasonable_steps(text: str) -> None:
    """Hangs (and so fails) where a pattern backtracks without end."""
    assert parse(text, LABELS, STOP).bucket in set(Bucket)


@pytest.mark.parametrize(
    "rest",
    ["2. keep: fever\nAnswer: 2", "2. Measles: keep\nAnswer: 2", "2. keep: fever\nAnswer: Measles"],
    ids=["verdict and answer", "answer", "verdict"],
)
def test_a_number_with_another_labels_name_is_no_good_format_and_the_reason_says_so(
    rest: str,
) -> None:
    text = f'Shortlist:\n2. Measles <- "rash"\nReasoning:\n{rest}'
    got = parse(text, LABELS, STOP)
    assert got.bucket is Bucket.WRONG_FORMAT
    assert "number 2 the name of candidate 7" in got.why
    assert "read as candidate 2" in got.why


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "Answer:\n1. Measles\n2. Cholera\n",
        'Shortlist:\n1. Measles <- "rash"\nReasoning:\n1. Measles: keep\nAnswer: Measles',
        GOOD + "1. Measles: drop\nAnswer: 1",
    ],
    ids=["an answer that counts its own lines", "names throughout", "its own name beside it too"],
)
def test_a_list_with_its_own_count_is_no_conflict_where_names_tell(text: str) -> None:
    assert "name of candidate" not in parse(text, LABELS, STOP).why


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_list_numbered_by_the_model_is_read_by_its_names_whatever_ends_its_lines(
    line_end: str,
) -> None:
    text = (GOOD + "Answer:\n1. Measles\n2. Cholera").replace("\n", line_end)
    assert parse(text, LABELS, STOP).answer == ("L7", "L1")


@pytest.mark.parametrize("line", ["1, ", "1-2 ", "- - 1 ", "(not ", "\u202e", "Cholera, "])
def test_an_answer_line_of_any_length_is_read_in_proportion(line: str) -> None:
    with given_up_after():
        parse("Answer: " + line * (400_000 // len(line)), LABELS, STOP)
