"""Scores over a run's texts: kept in a file, averaged with intervals, never with holes filled."""

from pathlib import Path

import numpy as np
import pytest

from core.config import Settings
from core.errors import StoreError
from core.mechanism.run_scores import RunScores, empty_scores, file_of, load_scores, save_scores


def grid(value: float) -> np.ndarray:
    return np.full((2, 3), value, np.float32)


def three() -> RunScores:
    found = empty_scores("run", "w")
    found = found.adding("a", grid(1), grid(10)).adding("b", grid(2), None)
    return found.adding("c", grid(6), grid(20)).leaving_out("no phases").leaving_out("no phases")


def test_a_text_without_a_refine_score_counts_for_the_other_alone() -> None:
    found = three()
    assert found.trace_ids == ("a", "b", "c")
    assert (found.texts_with("coarse"), found.texts_with("refine")) == (3, 2)
    coarse, refine = found.interval("coarse"), found.interval("refine")
    assert coarse is not None
    assert refine is not None
    assert coarse.value.shape == coarse.low.shape == (2, 3)
    assert np.allclose(coarse.value, 3)
    assert np.allclose(refine.value, 15)
    assert (coarse.low < coarse.value).all()
    assert (coarse.value < coarse.high).all()


def test_one_text_gives_no_interval() -> None:
    assert empty_scores("run", "w").interval("coarse") is None
    assert empty_scores("run", "w").adding("a", grid(1), None).interval("coarse") is None


def test_scores_are_read_as_they_were_saved(home: Path) -> None:
    settings, found = Settings(home=home), three()
    assert load_scores(settings, "run") is None
    save_scores(settings, found)
    again = load_scores(settings, "run")
    assert again is not None
    assert again.trace_ids == found.trace_ids
    assert again.left_out == {"no phases": 2}
    assert np.array_equal(again.coarse, found.coarse)
    assert np.array_equal(again.refine, found.refine, equal_nan=True)


def test_a_damaged_file_is_named(home: Path) -> None:
    settings = Settings(home=home)
    save_scores(settings, three())
    path = file_of(settings, "run")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match="head scores"):
        load_scores(settings, "run")
