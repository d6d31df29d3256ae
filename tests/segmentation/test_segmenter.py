"""Phases of free prose: what the segmenter may answer, and how well it does on the check set."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.rerank.base import Candidate
from core.segmentation.check import check, structure_of, turn_of
from core.segmentation.fit import fit, fitted_to
from core.segmentation.marked import CHECK_SET, Marked, read_marked
from core.segmentation.segmenter import (
    STATES,
    Weights,
    first_turn,
    log_shares,
    most_likely,
    parts_of,
    shipped_weights,
)
from core.segmentation.step_features import NAMES, step_features
from core.traces.base import PhaseKind
from core.traces.steps import steps_of

LABELS = tuple(
    Candidate(number, f"L{number}", name)
    for number, name in enumerate(("Heart failure", "Angina pectoris", "Heart block"), start=1)
)
TWO = (
    "The text could point to Heart failure. It may also suggest Angina pectoris. Perhaps Heart "
    "block is related. But Angina pectoris needs pain, and there is none, so it does not fit. "
    "Heart block is not said either. Heart failure fits exactly because the heart is weak. "
    "Answer: Heart failure."
)


def test_the_shipped_weights_are_those_of_a_fit_without_the_half_that_is_reported() -> None:
    some = fitted_to()
    assert not {one.half for one in some} & {"report"}
    wanted, shipped = fit(some), shipped_weights()
    for name in ("coefficients", "transitions", "starts"):
        np.testing.assert_allclose(getattr(shipped, name), getattr(wanted, name), atol=2e-3)


def test_on_the_other_half_it_beats_what_knows_nothing() -> None:
    """Counted in sentences, by a corrected paired test; in shares of the trace chance is not out
    for two of the three (docs/segmentation.md)."""
    found = check([one for one in read_marked() if one.half == "report"])
    for name in ("middle", "verdict word", "random"):
        assert found["segmenter_less"]["t"][name]["mean"] < 0
        less = found["segmenter_less"]["steps"][name]
        assert less["mean"] < 0
        assert less["p_holm"] < 0.05, name


def test_parts_cover_the_trace_and_say_how_sure_they_are() -> None:
    for one in read_marked():
        parts = parts_of(one.trace, one.candidates)
        assert [parts[0].start, parts[-1].end] == [0, len(one.trace)]
        for before, after in itertools.pairwise(parts):
            assert before.end == after.start
            assert before.kind is not after.kind
        assert parts[0].confidence == 1.0
        assert all(0 <= part.confidence <= 1 for part in parts)


def test_proposing_and_weighing_are_told_apart() -> None:
    parts = parts_of(TWO, LABELS)
    assert [part.kind for part in parts[:2]] == [PhaseKind.SHORTLISTING, PhaseKind.REASONING]
    assert TWO[parts[1].start :].startswith("But Angina")


@pytest.mark.parametrize("text", ["", "  \n ", "\x00", "؟", "<b>" * 50, "a" * 5000])
def test_any_text_has_an_answer(text: str) -> None:
    parts = parts_of(text, LABELS)
    assert "".join(text[part.start : part.end] for part in parts) == (text if text.strip() else "")
    assert parts_of(text, ()) is not None


def test_the_turn_is_where_reasoning_first_follows_shortlisting() -> None:
    trace = Marked(
        "x", "interleaved", True, "tune", "abcdef", (),
        (
            (PhaseKind.REASONING, 0, 1), (PhaseKind.SHORTLISTING, 1, 3),
            (PhaseKind.REASONING, 3, 5), (None, 5, 6),
        ),
    )  # fmt: skip
    assert trace.turn == 3
    only = parts_of("Heart failure may be related.", LABELS)
    assert structure_of(only) in ("only-shortlisting", "only-reasoning", "none")
    assert turn_of((), "abc") == 3.0


def turn_in(path: tuple[int, ...]) -> int | None:
    """The first step that reasons (1) after one that shortlists (0)."""
    if 0 not in path:
        return None
    first = path.index(0)
    return next((at for at in range(first, len(path)) if path[at] == 1), None)


@pytest.mark.parametrize("seed", range(6))
def test_turn_and_path_are_those_of_all_paths(seed: int) -> None:
    made = np.random.default_rng(seed)
    states, steps = len(STATES), 5
    looks = log_shares(made.normal(size=(steps, states)) * 2)
    transitions = log_shares(made.normal(size=(states, states)))
    starts = log_shares(made.normal(size=states))
    weights = Weights(np.zeros((states, 1)), transitions, starts, 1.0)

    def score(path: tuple[int, ...]) -> float:
        seen = sum(looks[at, state] for at, state in enumerate(path))
        moves = sum(transitions[a, b] for a, b in itertools.pairwise(path))
        return float(starts[path[0]] + seen + moves)

    every = list(np.ndindex(*(states,) * steps))
    for turn in (None, *range(1, steps)):
        best = max((path for path in every if turn_in(path) == turn), key=score)
        assert most_likely(looks, weights, turn) == list(best)
    shares = np.zeros(steps + 1)  # never shortlists, a turn at each step, never reasons after it
    for path in every:
        turn = turn_in(path)
        shares[0 if 0 not in path else steps if turn is None else turn] += np.exp(score(path))
    median = int(np.searchsorted(np.cumsum(shares / shares.sum()), 0.5))
    assert first_turn(looks, weights) == (median if 0 < median < steps else None)


def test_weights_of_other_features_are_refused() -> None:
    data = json.loads(json.dumps(shipped_weights().to_json()))
    assert Weights.from_json(data).coefficients.shape == (len(STATES), len(NAMES))
    with pytest.raises(ValueError, match="other features"):
        Weights.from_json({**data, "features": ["one"]})


def test_steps_are_sentences_and_lines_and_cover_the_text() -> None:
    text = "One. Two?\n- three; four\n\n  "
    steps = [text[a:b] for a, b in steps_of(text)]
    assert steps == ["One. ", "Two?\n", "- three; ", "four\n\n  "]
    assert steps_of(" \n") == []
    assert list(steps_of("一。二。")) == [(0, 2), (2, 4)]


def test_labels_are_seen_by_name_by_most_of_their_words_and_by_number() -> None:
    labels = (Candidate(1, "A1", "Chronic ischemic heart disease"), Candidate(2, "B2", "Gout"))
    column = NAMES.index("named")

    def named(text: str) -> float:
        return float(step_features(text, labels)[1][0, column] * 4)

    assert named("It is chronic ischemic heart disease") == 1
    assert named("The ischemic disease of the heart") == 1
    assert named("(1) and #2") == 2
    assert named("B2 alone") == 1
    assert named("A disease of the foot") == 0


def test_marked_traces_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no marked traces"):
        read_marked(tmp_path / "none.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(InputError) as told:
        read_marked(tmp_path / "bad.jsonl")
    assert "README" in told.value.fix
    assert len(read_marked(CHECK_SET)) == 77
