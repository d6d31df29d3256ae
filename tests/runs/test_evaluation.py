"""Evaluating a run, with numbers worked out by hand."""

from dataclasses import dataclass

import pytest

from core.errors import InputError
from core.evaluation import evaluate_run
from core.rerank.base import Bucket, Fate


@dataclass(frozen=True)
class Record:
    document_id: str
    ranking: tuple[str, ...]
    selected: tuple[str, ...]
    gold: tuple[str, ...]
    fates: tuple[Fate, ...]
    bucket: Bucket = Bucket.OK
    tokens: int = 10
    seconds: float = 1.0

    @property
    def retrieved(self) -> tuple[str, ...]:
        return tuple(sorted(self.ranking))  # here retrieval had them in the alphabet's order


RECORDS = [
    Record("a", ("x", "y", "z"), ("x",), ("x",), (Fate.SELECTED,), tokens=30, seconds=2.0),
    Record(
        "b",
        ("y", "x", "z"),
        (),
        ("x", "w"),
        (Fate.DROPPED_IN_REASONING, Fate.ENCODER_MISS),
        Bucket.NOTHING,
    ),
]


def test_metrics_of_two_documents_by_hand() -> None:
    data = evaluate_run("r", RECORDS, None)
    assert data["documents"] == 2
    assert data["p"]["1"] == pytest.approx(0.5)
    assert data["p"]["3"] == pytest.approx((1 / 3 + 1 / 3) / 2)
    assert data["r"]["1"] == pytest.approx(0.5)
    assert data["r"]["10"] == pytest.approx((1 + 0.5) / 2)
    assert data["micro_f1"] == pytest.approx(2 * 1 / (2 * 1 + 0 + 2))
    assert data["example_f1"] == pytest.approx(0.5)
    assert data["mean_tokens"] == 20
    assert data["mean_seconds"] == 1.5
    assert data["with_answer"] == 1


def test_every_fate_and_bucket_is_listed_and_counts_add_up() -> None:
    data = evaluate_run("r", RECORDS, None)
    assert set(data["fates"]) == {fate.value for fate in Fate}
    assert set(data["buckets"]) == {bucket.value for bucket in Bucket}
    assert sum(data["fates"].values()) == data["gold"] == 3
    assert data["buckets"]["nothing"] == 1


def test_rare_labels_weigh_more_with_propensities() -> None:
    data = evaluate_run("r", RECORDS, {"x": 0.5, "y": 0.9, "z": 0.9, "w": 0.1})
    # at 1: found x of a (weight 2); best: x of a (2) and w of b (10)
    assert data["psp"]["1"] == pytest.approx(2 / 12)
    assert evaluate_run("r", RECORDS, None)["psp"] is None


def test_a_run_without_a_finished_document_cannot_be_evaluated() -> None:
    with pytest.raises(InputError, match="no finished document"):
        evaluate_run("r", [], None)


def test_the_order_of_retrieval_is_evaluated_beside_as_the_baseline() -> None:
    data = evaluate_run("r", RECORDS, None)
    assert data["p"]["1"] == pytest.approx(0.5)  # y before x in b
    assert data["retrieval"]["p"]["1"] == pytest.approx(1.0)
    assert data["retrieval"]["psp"] is None


def test_records_are_read_once() -> None:
    data = evaluate_run("r", iter(RECORDS), None)
    assert data["documents"] == 2
