"""`phaselens eval --trec`: a stored run leaves as TREC files and is scored the same."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.datasets.base import Document
from core.metrics.at_k import CUTS
from core.pipeline import Answered
from core.rerank.base import Bucket, PlacedBy, Prediction, RankedLabel
from core.shortlist.base import ShortlistRow
from db.runs import run_records
from db.session import Store
from tests.runs.conftest import Pipeline, Run, answered


def test_a_stored_run_is_written_and_scored_the_same(run: Run, tmp_path: Path) -> None:
    ir_measures = pytest.importorskip("ir_measures")
    done = run()
    shown = CliRunner().invoke(
        app, ["eval", done.run, "--trec", str(tmp_path / "out"), "--propensity", "amazon", "--json"]
    )
    assert shown.exit_code == 0, shown.stderr
    data = json.loads(shown.stdout)
    assert data["documents"] > 1
    assert data["propensity"] == {"a": 0.6, "b": 2.6}
    assert data["p"]["1"] == 1  # each document is answered with its own gold label

    theirs = ir_measures.calc_aggregate(
        [ir_measures.parse_measure(f"nDCG@{k}") for k in CUTS],
        ir_measures.read_trec_qrels(data["trec"]["qrels"]),
        ir_measures.read_trec_run(data["trec"]["run"]),
    )
    assert list(theirs.values()) == pytest.approx([data["ndcg"][str(k)] for k in CUTS], abs=1e-9)

    files = ["--trec-run", data["trec"]["retrieved"], "--trec-qrels", data["trec"]["qrels"]]
    again = CliRunner().invoke(app, ["eval", *files, "--dataset", "tiny", "--json"])
    assert again.exit_code == 0, again.stderr
    back = json.loads(again.stdout)
    for name in ("p", "r", "ndcg"):
        assert back[name] == pytest.approx(data["retrieval"][name], abs=1e-12)
    assert "nDCG" in CliRunner().invoke(app, ["eval", *files]).stdout


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["abcd", "--trec-run", "x", "--trec-qrels", "y"],
        ["--trec-run", "x"],
        ["--trec-run", "x", "--trec-qrels", "y", "--trec", "z"],
        ["abcd", "--dataset", "icd"],
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(words: list[str]) -> None:
    assert CliRunner().invoke(app, ["eval", *words]).exit_code == 2


def test_what_was_retrieved_keeps_the_order_of_retrieval(
    run: Run, store: Store, pipeline: Pipeline
) -> None:
    """Words and fusion do not order by cosine, and the model's order must not break its ties."""

    def by_words(document: Document) -> Answered:
        cosines = {"L03": 0.2, "L01": 0.9, "L02": 0.9}
        rows = tuple(
            ShortlistRow(label_id, "a label", rank, cosine, source="lexical", score=9.0 - rank)
            for rank, (label_id, cosine) in enumerate(cosines.items(), start=1)
        )
        ranking = tuple(
            RankedLabel(label_id, "a label", rank, PlacedBy.ANSWER, None, cosines[label_id])
            for rank, label_id in enumerate(("L02", "L01", "L03"), start=1)
        )
        done = answered(document)
        return replace(
            done,
            shortlist=replace(done.shortlist, rows=rows, method="lexical"),
            prediction=Prediction(ranking, ("L02",), Bucket.OK),
        )

    pipeline.behaviour = by_words
    done = run(limit=1)

    with store.read() as session:
        (record,) = run_records(session, done.run)
    assert record.retrieved == ("L03", "L01", "L02")
    assert record.ranking == ("L02", "L01", "L03")
