"""An imported trace is worked out once: phases, mentions, answer, fates and curves."""

from pathlib import Path

import pytest

from core.annotation.people import local_person
from core.config import Settings
from core.datasets.catalogue import open_dataset
from core.encoders import Encoder
from core.rerank.base import Bucket
from core.shortlist.build import build_index
from core.toolbox import Toolbox
from core.trace_analysis import analyse_all, analyse_stored
from db.boundaries import move_boundary
from db.session import open_store
from db.trace_views import StoredTrace, TraceFilter
from db.traces import load_trace, page_of
from tests.traces.importing.brought import GOOD, brought_in, rows_file, with_dataset

pytestmark = pytest.mark.model


@pytest.fixture
def toolbox(home: Path, tmp_path: Path, shared_home: Path) -> Toolbox:
    settings: Settings = with_dataset(home, tmp_path)
    build_index(settings, open_dataset(settings, "mine"), Encoder.load(settings))
    return Toolbox(settings, open_store(settings))


def analysed(toolbox: Toolbox, tmp_path: Path, row: dict[str, object]) -> StoredTrace:
    brought_in(toolbox.settings, rows_file(tmp_path, [row]), store=toolbox.store)
    with toolbox.store.read() as session:
        (summary,) = page_of(session, TraceFilter())
    analyse_stored(toolbox, summary.id)
    with toolbox.store.read() as session:
        return load_trace(session, summary.id)


def test_all_that_our_own_runs_know_is_known(toolbox: Toolbox, tmp_path: Path) -> None:
    stored = analysed(toolbox, tmp_path, GOOD)
    assert stored.trace is not None
    assert stored.prediction is not None
    assert not stored.to_analyse
    assert stored.prediction.selected == ("L3",)
    assert {m.label_id for m in stored.trace.mentions} == {"L2", "L3"}
    assert [fate.fate for fate in stored.fates] == ["selected"]
    assert stored.trace.curves is not None
    assert len(stored.trace.curves.points) > 10
    assert stored.shortlist is not None
    assert stored.summary.example_f1 == 1.0
    assert stored.summary.chars == len(GOOD["trace"])


def test_an_answer_is_read_off_the_text_where_none_is_given(
    toolbox: Toolbox, tmp_path: Path
) -> None:
    row = {key: value for key, value in GOOD.items() if key not in ("answer", "trace")}
    text = "<think>Topic 2 or topic 3?</think>\nTopic 3"
    stored = analysed(toolbox, tmp_path, {**row, "trace": text})
    assert stored.prediction is not None
    assert stored.prediction.selected == ("L3",)
    assert "read off" in stored.prediction.bucket_why


@pytest.mark.parametrize(
    ("finish", "bucket"), [("length", Bucket.CUT_OFF), ("stop", Bucket.WRONG_FORMAT)]
)
def test_an_answer_that_cannot_be_read_is_none(
    toolbox: Toolbox, tmp_path: Path, finish: str, bucket: Bucket
) -> None:
    row = {key: value for key, value in GOOD.items() if key not in ("answer", "trace")}
    text = "<think>Topic 2 or topic 3?</think>\n\nThe best matches are listed be"
    stored = analysed(toolbox, tmp_path, {**row, "trace": text, "finish_reason": finish})
    assert stored.prediction is not None
    assert (stored.prediction.selected, stored.prediction.bucket) == ((), bucket)


def test_a_gold_label_is_lost_by_what_the_trace_says_of_it(
    toolbox: Toolbox, tmp_path: Path
) -> None:
    text = "Maybe topic 3. But topic 3 is too broad.\nAnswer: topic 1"
    stored = analysed(toolbox, tmp_path, {**GOOD, "trace": text, "answer": ["L1"]})
    assert [fate.fate for fate in stored.fates] == ["dropped in reasoning"]


def test_a_boundary_that_was_moved_before_still_holds(toolbox: Toolbox, tmp_path: Path) -> None:
    brought_in(toolbox.settings, rows_file(tmp_path, [GOOD]), store=toolbox.store)
    with toolbox.store.write() as session:
        (summary,) = page_of(session, TraceFilter())
        move_boundary(session, local_person(), summary.id, 10)
    analyse_stored(toolbox, summary.id)
    with toolbox.store.read() as session:
        (after,) = page_of(session, TraceFilter())
    assert (after.has_phases, after.boundary_source) == (True, "human")


def test_all_are_worked_out_by_a_job_that_goes_on(toolbox: Toolbox, tmp_path: Path) -> None:
    rows = [{**GOOD, "trace": f"{GOOD['trace']} {n}"} for n in range(5)]
    brought_in(toolbox.settings, rows_file(tmp_path, rows), store=toolbox.store)
    asked = iter([False, False, True])
    first = analyse_all(toolbox, TraceFilter(), lambda *_: None, lambda: next(asked))
    assert first == {"done": 2, "failed": 0}
    rest = analyse_all(toolbox, TraceFilter(), lambda *_: None, lambda: False)
    assert rest == {"done": 3, "failed": 0}
    with toolbox.store.read() as session:
        rows_now = page_of(session, TraceFilter())
    assert all(row.has_phases is not None for row in rows_now)
