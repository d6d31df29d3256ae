"""Single lines of a trace are read as what they are, small slips included."""

import pytest

from core.rerank.base import Verdict
from core.traces.grammar import LineKind, choice_span, read_line, read_lines, verdict_span
from tests.patience import given_up_after


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ("Shortlist:", LineKind.SHORTLIST),
        ("**Shortlist:**", LineKind.SHORTLIST),
        ("## Shortlisting", LineKind.SHORTLIST),
        ("Reasoning:", LineKind.REASONING),
        ("reasoning :", LineKind.REASONING),
        ("Answer: 3, 5", LineKind.ANSWER),
        ("**Final answer:** 3", LineKind.ANSWER),
        ("The answer is: 9", LineKind.ANSWER),
        ('3. Cholera <- "cholera"', LineKind.CANDIDATE),
        ("[3] Cholera", LineKind.CANDIDATE),
        ("3. skip", LineKind.SKIP),
        ("**3.** Skipped.", LineKind.SKIP),
        ('3. skip <- "a skip of the heart"', LineKind.CANDIDATE),
        ("3. Skip rope", LineKind.CANDIDATE),
        ("3. skip (near): keep", LineKind.VERDICT),
        ("- 3) Cholera", LineKind.CANDIDATE),
        ("3. keep: the text says so", LineKind.VERDICT),
        ("3: drop - no", LineKind.VERDICT),
        ("3 - drop: no", LineKind.VERDICT),
        ("**3.** keep", LineKind.VERDICT),
        ("3. Cholera, unspecified: drop: it is specified", LineKind.VERDICT),
        ("3. Cholera - keep", LineKind.VERDICT),
        ("The reasoning is simple.", LineKind.TEXT),
        ("In 1990 there were 3.", LineKind.TEXT),
        ("3. We should keep an eye on this label", LineKind.CANDIDATE),
        ("Answering takes time", LineKind.TEXT),
        ("٣. Cholera", LineKind.CANDIDATE),  # Arabic-Indic digits are digits too
    ],
)
def test_kinds_of_lines(raw: str, kind: LineKind) -> None:
    assert read_line(raw, 0).kind is kind


def test_a_candidate_line_gives_number_name_and_anchor() -> None:
    raw = '  4. Fracture of left arm <- "broken left arm"'
    line = read_line(raw, 10)
    assert (line.number, line.rest, line.anchored) == (4, "Fracture of left arm", True)
    assert raw[line.rest_start - 10 :].startswith("Fracture")


def test_a_verdict_line_gives_number_verdict_and_the_name_before_it() -> None:
    line = read_line("2. Typhoid fever - dropped: wrong organism", 0)
    assert (line.number, line.verdict, line.rest) == (2, Verdict.DROP, "Typhoid fever")
    assert read_line("2. Kept", 0).verdict is Verdict.KEEP


@pytest.mark.parametrize(
    ("raw", "numbers"),
    [
        ("Shortlist: 1, 2", [1, 2]),
        ("**Shortlist:** [1], (2) and #3.", [1, 2, 3]),
        ("Shortlist: labels 1 & 2; 3", [1, 2, 3]),
        ("Shortlist: 1. Cholera, 2. Typhoid fever", [1, 2]),
        ("Shortlist: 1 (Cholera), 2 (Typhoid)", [1, 2]),
        ('Shortlist: 2. Cholera <- "on day 1, 3, 5"', [2]),
        ("Shortlist: 3 days of fever, 2nd opinion, 1990s", []),
        ("Shortlist:", []),
    ],
)
def test_candidates_on_the_shortlist_headings_own_line(raw: str, numbers: list[int]) -> None:
    items = read_line(raw, 10).items
    assert [item.number for item in items] == numbers
    for item in items:
        assert raw[item.start - 10 :].startswith(str(item.number))
        assert raw[item.rest_start - 10 :].startswith(item.rest)


KEEP, DROP = Verdict.KEEP, Verdict.DROP


@pytest.mark.parametrize(
    ("raw", "verdicts"),
    [
        ("Reasoning: keep 1, drop 2", [(1, KEEP), (2, DROP)]),
        ("Reasoning: 1: keep; 2: drop", [(1, KEEP), (2, DROP)]),
        ("Reasoning: 1 keep, 2 drop", [(1, KEEP), (2, DROP)]),
        ("Reasoning: keep [1] and [2], drop label 3", [(1, KEEP), (2, KEEP), (3, DROP)]),
        ("Reasoning: 1. keep: it fits 2. drop: no", [(1, KEEP), (2, DROP)]),
        ("Reasoning: 1. Cholera - kept: for 3 reasons", [(1, KEEP)]),
        ("Reasoning: do not keep 1", []),
        ("Reasoning: fever for 2 days, we keep looking", []),
    ],
)
def test_verdicts_on_the_reasoning_headings_own_line(
    raw: str, verdicts: list[tuple[int, Verdict]]
) -> None:
    assert [(item.number, item.verdict) for item in read_line(raw, 0).items] == verdicts


def test_offsets_are_characters_of_the_whole_text() -> None:
    text = "é\r\n\n  Shortlist:\r\n1. A\r\n"
    lines = read_lines(text)
    assert [text[line.start : line.end] for line in lines] == ["é", "  Shortlist:", "1. A"]


@pytest.mark.parametrize(
    "start",
    ["Answer", "3", "3.", "3. a name", "the answer is", "  ", "Shortlist: 1", "Reasoning: keep 1"],
)
@pytest.mark.parametrize("filler", [" ", "*", "a ", "keep ", "<", "- ", "and ", '"'])
def test_a_very_long_line_is_read_in_proportion_to_its_length(start: str, filler: str) -> None:
    with given_up_after():
        read_line(start + filler * 200_000 + "x", 0)


@pytest.mark.parametrize(
    ("raw", "verdict", "name"),
    [
        ("3. Foot drop, left foot (near): keep, it is said", "keep", "Foot drop, left foot (near)"),
        ("3. Foot drop (far): drop, not said", "drop", "Foot drop (far)"),
        ('2. Heart failure (same): keep, says "drop"', "keep", "Heart failure (same)"),
    ],
)
def test_a_verdict_after_a_name_that_holds_such_a_word(raw: str, verdict: str, name: str) -> None:
    line = read_line(raw, 10)
    assert (line.kind, line.verdict, line.rest) == (LineKind.VERDICT, verdict, name)
    text = " " * 10 + raw
    span = verdict_span(text, line)
    assert span is not None
    assert text[slice(*span)] == verdict
    assert span[0] > text.index("):")


@pytest.mark.parametrize("raw", ["3. Foot drop", '3. Foot drop <- "her foot drops"'])
def test_a_name_with_such_a_word_is_no_verdict(raw: str) -> None:
    assert read_line(raw, 0).kind is LineKind.CANDIDATE


@pytest.mark.parametrize(
    ("raw", "chosen"),
    [
        ('12. Cholera <- "x"', " C"), ("2. skip", " s"), ("2. keep", None), ("Reasoning:", None),
        ("Cholera", None), ("2.", None),
    ],
)  # fmt: skip
def test_what_tells_whether_a_label_is_listed(raw: str, chosen: str | None) -> None:
    span = choice_span(read_line(raw, 0))
    assert (span and raw[slice(*span)]) == chosen
