"""Boundaries that people move: the machine's stays, the last move holds, undo takes it back."""

import pytest

from core.errors import InputError, UnknownNameError
from db.annotations import flags_of
from db.boundaries import boundary_moves, move_boundary, undo_move
from db.runs import ensure_run
from db.session import Store
from db.trace_views import TraceFilter, TraceSummary
from db.traces import begin_trace, finish_trace, load_trace, page_of
from tests.db.asked import ADA, BEN
from tests.db.examples import CONFIG, DOCUMENT, record


@pytest.fixture
def trace_id(store: Store) -> str:
    with store.write() as session:
        run = ensure_run(session, {"x": 1}, CONFIG, None, "batch")
        made = begin_trace(session, run_id=run, config=CONFIG, document=DOCUMENT, origin="batch")
        finish_trace(session, made, record(DOCUMENT))
    return made


def summary(store: Store, trace_id: str) -> TraceSummary:
    with store.read() as session:
        return load_trace(session, trace_id).summary


def test_the_last_move_holds_and_undo_brings_back_the_one_before(
    store: Store, trace_id: str
) -> None:
    before = summary(store, trace_id)
    with store.write() as session:
        first = move_boundary(session, ADA, trace_id, 10)
        second = move_boundary(session, BEN, trace_id, None)
    now = summary(store, trace_id)
    assert (now.boundary, now.boundary_source, now.has_phases) == (None, "human", False)
    with store.write() as session:
        undo_move(session, ADA, second)
        assert undo_move(session, ADA, second) == undo_move(session, ADA, second)
    now = summary(store, trace_id)
    assert now.boundary_source == "human"
    assert now.boundary is not None
    with store.read() as session:
        assert [(m.at, m.annotator) for m in boundary_moves(session, trace_id)] == [(10, "Ada")]
        trace = load_trace(session, trace_id).trace
        assert trace is not None
        assert trace.boundary == before.boundary, "the machine's own is kept"
    with store.write() as session:
        undo_move(session, ADA, first)
    after = summary(store, trace_id)
    assert (after.boundary, after.boundary_source) == (before.boundary, before.boundary_source)


def test_lists_find_traces_by_who_said_where_the_boundary_is(store: Store, trace_id: str) -> None:
    def found(source: str) -> int:
        with store.read() as session:
            return len(page_of(session, TraceFilter(boundary_source=source)))

    assert (found("grammar"), found("human")) == (1, 0)
    with store.write() as session:
        move_boundary(session, ADA, trace_id, 10)
    assert (found("grammar"), found("human")) == (0, 1)


def test_a_double_click_moves_once_and_moves_are_no_flags(store: Store, trace_id: str) -> None:
    with store.write() as session:
        one = move_boundary(session, ADA, trace_id, 5, client_token="click")
        assert move_boundary(session, ADA, trace_id, 9, client_token="click") == one
        assert flags_of(session, trace_id) == []
        with pytest.raises(InputError, match="not in this trace"):
            move_boundary(session, ADA, trace_id, 10_000)
        with pytest.raises(UnknownNameError):
            move_boundary(session, ADA, "nowhere", 1)
        with pytest.raises(UnknownNameError):
            undo_move(session, ADA, "nothing")
