"""Lessons keep to the trace grammar, and say what gold says."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets.base import Label, LabelSpace
from core.datasets.files import LABELS_FILE, About
from core.datasets.tables import document_table, label_table, write_tables
from core.distill.decisions import Decided
from core.distill.supervision import WRONG_SHORTLISTED, Lesson, lesson
from core.rerank.base import Bucket, Candidate, Verdict
from core.rerank.parser import parse
from core.rerank.prompts import rated_lines
from core.traces.base import FinishReason
from core.traces.grammar import choice_span, read_lines
from core.traces.phases import segment

NAMES = {
    "A": "Neoplasm of bladder",
    "A1": "Malignant neoplasm of bladder",
    "A2": "Malignant neoplasm of lateral wall of bladder",
    "B": "Benign neoplasm of bladder",
    "C": "Cystitis",
    "D": "Fracture of femur",
}
PARENTS = {"A1": ("A",), "A2": ("A1",), "B": ("A",)}
NO_DOCUMENTS = document_table([])
TEXT = "Malignant neoplasm of lateral wall of urinary bladder; no cystitis"


@pytest.fixture
def labels(tmp_path: Path) -> LabelSpace:
    table = label_table(Label(i, name, "", PARENTS.get(i, ())) for i, name in NAMES.items())
    write_tables(tmp_path / "tree", About("tree", "A tree", "", "", "", ""), table, NO_DOCUMENTS)
    return LabelSpace(tmp_path / "tree" / LABELS_FILE)


def encode(texts: list[str]) -> np.ndarray:
    """Shares of letters, as unit rows."""
    counts = np.array([[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts])
    return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


def taught(
    labels: LabelSpace,
    gold: tuple[str, ...],
    shown: str = "A2 A1 B A C D",
    decided: Decided | None = None,
) -> Lesson:
    candidates = shown_as(shown)
    vectors = encode(list(NAMES.values()))
    return lesson("doc", TEXT, candidates, gold, labels, vectors, encode, decided)


def shown_as(shown: str) -> list[Candidate]:
    return [Candidate(n, i, NAMES[i]) for n, i in enumerate(shown.split(), start=1)]


@pytest.mark.parametrize("gold", [("A2",), ("A2", "C"), ("D", "B", "A"), ()])
def test_a_lesson_is_a_well_formed_trace_of_gold(labels: LabelSpace, gold: tuple[str, ...]) -> None:
    made = taught(labels, gold)
    candidates = shown_as("A2 A1 B A C D")
    parsed = parse(made.trace, candidates, FinishReason.STOP)
    assert parsed.bucket is Bucket.OK, parsed.why
    assert set(parsed.answer or ()) == set(gold)
    assert set(gold) <= set(parsed.shortlisted)
    assert len(parsed.shortlisted) == len(gold) + min(WRONG_SHORTLISTED, 6 - len(gold))
    assert {label for label, said in parsed.verdicts if said is Verdict.KEEP} == set(gold)
    assert [c.label_id for c in candidates if c.label_id in parsed.shortlisted] == list(
        parsed.shortlisted
    ), "in the order of retrieval"
    phases, boundary, _ = segment(made.trace, (), candidates)
    assert len(phases) == 3
    assert boundary is not None


def test_places_of_verdicts_are_those_of_their_words(labels: LabelSpace) -> None:
    made = taught(labels, ("A2",))
    words = {number: made.trace[a:b] for number, a, b in made.verdicts}
    assert words == {n: "keep" if n in made.right else "drop" for n in made.shortlisted}


def test_evidence_knows_the_hierarchy_and_negation(labels: LabelSpace) -> None:
    lines = taught(labels, ("A2",), "A2 A1 C").trace.splitlines()
    assert "2. Malignant neoplasm of bladder (far): drop, wider than 1" in lines
    assert '3. Cystitis (far): drop, the text denies "Cystitis"' in lines


def test_a_verdict_stands_after_the_words_of_the_prompt(labels: LabelSpace) -> None:
    made = taught(labels, ("A2",))
    prompt = rated_lines(shown_as("A2 A1 B A C D")).splitlines()
    for number, start, _ in made.verdicts:
        assert made.trace[:start].splitlines()[-1] == f"{prompt[number - 1]} "


def test_gold_that_was_not_shown_is_not_answered(labels: LabelSpace) -> None:
    made = taught(labels, ("D",), "A2 A1 B")
    assert made.right == ()
    assert made.trace.endswith("Answer: none")
    assert "keep" not in made.trace


def test_the_nearest_wrong_labels_are_shortlisted(labels: LabelSpace) -> None:
    made = taught(labels, ("A2",))
    assert 6 not in made.shortlisted, "a fracture is the least like a neoplasm"
    assert 2 in made.shortlisted


def test_every_label_that_was_shown_is_listed_or_skipped(labels: LabelSpace) -> None:
    made = taught(labels, ("A2", "D"))
    lines = made.trace[: made.trace.index("Reasoning:")].splitlines()[1:]
    assert [line.split(".")[0] for line in lines] == list("123456")
    skipped = [n for n, line in enumerate(lines, start=1) if line == f"{n}. skip"]
    assert skipped == [n for n in range(1, 7) if n not in made.shortlisted] != []


def test_places_of_choices_are_where_names_and_skips_begin(labels: LabelSpace) -> None:
    made = taught(labels, ("A2", "D"))
    firsts = [NAMES[i][0] for i in ("A2", "A1", "B", "A", "C", "D")]
    listed = [first if n in made.shortlisted else "s" for n, first in enumerate(firsts, start=1)]
    assert [made.trace[a:b] for a, b in made.choices] == [f" {first}" for first in listed]
    lines = read_lines(made.trace)
    assert [span for one in lines if (span := choice_span(one))] == list(made.choices)


def test_a_trace_in_own_words_says_what_was_decided_and_not_what_is_right(
    labels: LabelSpace,
) -> None:
    made = taught(labels, ("A2", "C"), decided=Decided(listed=(1, 2, 4), kept=(1, 2)))
    assert made.right == (1, 5)
    assert made.shortlisted == (2, 3, 5)
    assert made.kept == (2, 3)
    result = parse(made.trace, shown_as("A2 A1 B A C D"), FinishReason.STOP)
    assert list(result.answer or ()) == ["A1", "B"]
    assert result.shortlisted == ("A1", "B", "C")


def test_in_own_words_nothing_need_be_kept(labels: LabelSpace) -> None:
    made = taught(labels, ("A2",), decided=Decided((0,), ()))
    assert made.kept == ()
    assert made.trace.endswith("Answer: none")
    assert "1. Malignant neoplasm of lateral wall of bladder (far): drop" in made.trace
