"""Arms of a study over their seeds, and the correction over all that was compared."""

import json
from typing import Any

import pytest

from core.config import Settings
from core.study.arms_compared import (
    arm_of,
    arms_of,
    arms_over_seeds,
    by_arm,
    correct_arms,
    less,
    over_seeds,
    summary,
)
from core.study.cell_files import cells_folder
from db.session import Store


def part(p: float | None, **arms: float) -> dict[str, Any]:
    """A dataset: p of mechanistic less standard, and less other arms."""
    found = {arm: {"p": one} for arm, one in arms.items()}
    return {"mechanistic_less": found if p is None else {"standard": {"p": p}, **found}}


def test_the_headline_is_corrected_over_the_datasets() -> None:
    parts = [part(0.01, margin=0.2), part(0.04, margin=0.001)]
    correct_arms(parts, ["standard", "mechanistic", "margin"])
    assert [one["mechanistic_less"]["standard"]["p_holm"] for one in parts] == [0.02, 0.04]
    assert [one["mechanistic_less"]["margin"]["p_holm"] for one in parts] == [0.2, 0.002]


def test_a_dataset_that_is_not_here_never_makes_p_smaller() -> None:
    alone = [part(0.01), part(None), part(None)]
    correct_arms(alone, [])
    assert alone[0]["mechanistic_less"]["standard"]["p_holm"] == pytest.approx(0.03)


def test_an_arm_that_is_not_tested_yet_never_makes_p_smaller() -> None:
    one = [part(0.01, margin=0.01)]
    correct_arms(one, ["standard", "mechanistic", "margin", "logits", "random-heads"])
    assert one[0]["mechanistic_less"]["margin"]["p_holm"] == pytest.approx(0.03)
    assert one[0]["mechanistic_less"]["standard"]["p_holm"] == pytest.approx(0.01)


def test_runs_that_are_not_in_the_store_leave_their_dataset_without_scores(
    settings: Settings, store: Store
) -> None:
    folder = cells_folder(settings, "laptop")
    folder.mkdir(parents=True)
    cell = {"cell": "test/standard-0/icd", "key": "k", "after": {}, "result": {"run": "elsewhere"}}
    (folder / "one.json").write_text(json.dumps(cell))
    found = arms_over_seeds(settings, store, "laptop")["icd"]
    assert (found["over_seeds"], found["mechanistic_less"]) == ({}, {})


def test_the_seeds_that_no_choice_was_made_by_are_compared_apart() -> None:
    standard = {seed: {"a": 0.1 * seed, "b": 0.2} for seed in (0, 1, 2)}
    ours = {0: {"a": 0.9, "b": 0.9}, 1: {"a": 0.2, "b": 0.3}, 2: {"a": 0.3, "b": 0.3}}
    found = arms_of({"standard": standard, "mechanistic": ours})["untuned"]
    assert found["seeds"] == 2
    assert found["mean"] == pytest.approx(0.1)
    assert arms_of({"standard": {0: standard[0]}, "mechanistic": {0: ours[0]}})["untuned"] is None


def test_scores_of_seeds_are_means_over_the_documents_that_all_answered() -> None:
    assert over_seeds([{"a": 1.0, "b": 0.0}, {"a": 0.0}]) == {"a": 0.5}
    assert [arm_of(s) for s in ("teacher", "no-phase-1-0", "mechanistic-2")] == [
        ("teacher", 0), ("no-phase-1", 0), ("mechanistic", 2),
    ]  # fmt: skip


def test_arms_are_compared_by_the_seeds_that_both_have() -> None:
    good, bad = {"a": 1.0, "b": 1.0}, {"a": 0.0, "b": 1.0}
    arms = by_arm({"ours-0": good, "ours-1": bad, "ours-2": good, "theirs-1": bad, "else-5": bad})
    found = less(arms["ours"], arms["theirs"])
    assert found is not None
    assert (found["mean"], found["seeds"], found["between_seeds"]) == (0.0, 1, None)
    assert less(arms["ours"], arms["else"]) is None
    arms |= by_arm({"theirs-0": bad, "theirs-1": bad})
    found = less(arms["ours"], arms["theirs"])
    assert found is not None
    assert found["mean"] == 0.25
    assert found["between_seeds"]["by_seed"] == (0.5, 0.0)
    assert summary(arms["ours"])["by_seed"] == [1.0, 0.5, 1.0]
