"""`phaselens annotations`: judgements leave, come back, and are put to use."""

import json
from pathlib import Path

import pytest

from core.annotation.judgement import Judgement
from core.annotation.verdicts import TaskKind
from core.config import Settings
from core.trec import read_qrels
from db.queues import add_queue
from db.session import Store, open_store
from tests.cli.conftest import Cli
from tests.db.asked import ADA
from tests.db.said import GOOD, NEAR, NO, say
from tests.db.test_queue_sources import run_of


@pytest.fixture
def judged(home: Path) -> Store:
    """A run of one document, whose shortlist Ada has judged in a queue named "Mine"."""
    store = open_store(Settings(home=home))
    _, (trace,) = run_of(store, "base", [("I50.9",)])
    with store.write() as session:
        queue = add_queue(
            session, ADA, name="Mine", kind=TaskKind.SHORTLIST, traces=[(trace, None)]
        )
    said = Judgement(GOOD, {"I50.1": NO, "I51.9": NEAR}, ("M 1",), comment="=1+1")
    say(store, queue, ("ada", said))
    return store


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_export_and_import(cli: Cli, judged: Store, tmp_path: Path, ending: str) -> None:
    out = tmp_path / "new" / f"j.{ending}"
    done = cli("annotations", "export", "--out", str(out), "--queue", "mine", "--json")
    assert done.status == 0, done.stderr
    assert (done.json["exported"], done.json["format"]) == (1, ending)
    back = cli("annotations", "import", str(out), "--json")
    assert back.status == 0, back.stderr
    assert (back.json["events"], back.json["known"], back.json["rejected"]) == (0, 1, 0)
    assert "Here already: 1." in cli("annotations", "import", str(out)).stdout


def test_formats_are_named_or_told_by_the_ending(cli: Cli, judged: Store, tmp_path: Path) -> None:
    out = tmp_path / "j.txt"
    assert cli("annotations", "export", "--out", str(out), "--format", "csv").status == 0
    assert "'=1+1" in out.read_text()
    wrong = cli("annotations", "export", "--out", str(out))
    assert (wrong.status, "csv, jsonl, parquet" in wrong.line) == (1, True)
    qrels = tmp_path / "gold.qrels"
    assert cli("annotations", "export", "--out", str(qrels), "--json").json["exported"] == 4
    assert read_qrels(qrels) == {"d0": ("I50.9", "M 1")}
    graded = cli("annotations", "export", "--out", str(qrels), "--format", "graded-qrels")
    assert graded.status == 0
    assert "d0 0 I51.9 1" in qrels.read_text().splitlines()
    assert cli("annotations", "export", "--out", str(qrels), "--history").status == 2
    assert cli("annotations", "export", "--out", "x.csv", "--dataset", "icd").status == 2


def test_bad_rows_are_named(cli: Cli, judged: Store, tmp_path: Path) -> None:
    out = tmp_path / "j.jsonl"
    cli("annotations", "export", "--out", str(out))
    row = json.loads(out.read_text())
    out.write_text(out.read_text() + "no json\n" + json.dumps({**row, "id": "x", "trace": "gone",
                                                             "trace_sha256": "0"}))  # fmt: skip
    done = cli("annotations", "import", str(out))
    assert done.status == 0
    assert "Rows left out: 2." in done.stdout
    assert "j.jsonl row 2" in done.stdout
    assert "judgements of traces that are not here" in done.stdout
    assert "All problems:" in done.stdout
    assert "There is no file" in cli("annotations", "import", str(tmp_path / "gone.csv")).line
    unknown = cli("annotations", "export", "--out", str(out), "--queue", "other")
    assert "There are: 'Mine'." in unknown.line


def test_gold_metrics_and_hard_negatives(cli: Cli, judged: Store, tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    done = cli("annotations", "gold", "--out", str(folder), "--json")
    assert done.status == 0, done.stderr
    assert (done.json["dataset"], done.json["documents"], done.json["added"]) == ("icd", 1, 1)
    assert Path(done.json["files"]["documents.jsonl"]).is_file()
    assert (
        "Documents: 1. With changed gold: 1 (labels added: 1, removed: 0)"
        in cli("annotations", "gold", "--out", str(folder)).stdout
    )
    whole = cli("annotations", "gold", "--out", str(folder), "--labels", "--json")
    assert len(Path(whole.json["files"]["labels.jsonl"]).read_text().splitlines()) > 70_000

    found = cli("annotations", "metrics", "--k", "1", "--json").json["runs"]
    (effect,) = [one["effect"] for one in found]
    assert effect["measures"]["R@10"]["revised"] == pytest.approx(0.5)
    assert effect["recall"][0]["fixed"] == pytest.approx(1.0)
    shown = cli("annotations", "metrics", "--queue", "Mine")
    assert shown.status == 0
    assert "Example F1" in shown.stdout

    out = tmp_path / "hard.jsonl"
    held = cli("annotations", "hard-negatives", "--out", str(out))
    assert "dev and test" in held.line
    made = cli("annotations", "hard-negatives", "--out", str(out), "--all-splits", "--json")
    assert (made.json["negatives"], made.json["positives"]) == (2, 1)
    shape = cli("annotations", "hard-negatives", "--out", str(out), "--shape", "pairs")
    assert "documents, triplets" in shape.line


def test_without_judgements_it_is_said(cli: Cli, tmp_path: Path) -> None:
    assert "No shortlist has been judged" in cli("annotations", "gold", "--out", str(tmp_path)).line
    assert "No run has answered" in cli("annotations", "metrics").stdout
    out = str(tmp_path / "none.csv")
    assert cli("annotations", "export", "--out", out, "--json").json["exported"] == 0
