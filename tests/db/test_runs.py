"""Runs: the same identity is the same run, and evaluation reads what it needs."""

from dataclasses import replace

import pytest

from core.datasets.base import Document, Split
from core.errors import UnknownNameError
from core.rerank.base import Bucket, Fate
from core.traces.base import FinishReason
from db.runs import done_documents, ensure_run, list_runs, load_run, run_records
from db.session import Store
from db.traces import begin_trace, fail_trace, finish_trace
from tests.db.examples import CONFIG, record


def add_run(store: Store, mark: int, origin: str = "batch", split: str | None = "dev") -> str:
    with store.write() as session:
        return ensure_run(session, {"mark": mark}, CONFIG, split, origin)


def answer(store: Store, run: str, number: int, reason: FinishReason = FinishReason.STOP) -> str:
    document = Document(f"d{number}", "Heart failure", ("I50.9", "X"), Split.DEV)
    with store.write() as session:
        trace_id = begin_trace(
            session, run_id=run, config=CONFIG, document=document, origin="batch"
        )
        finish_trace(session, trace_id, record(document, finish_reason=reason))
    return trace_id


def test_equal_identities_are_one_run(store: Store) -> None:
    assert add_run(store, 1) == add_run(store, 1) != add_run(store, 2)
    with store.read() as session:
        assert len(list_runs(session)) == 2


def test_a_live_run_becomes_a_batch_when_one_asks_for_it(store: Store) -> None:
    run = add_run(store, 1, "live", None)
    with store.read() as session:
        assert list_runs(session) == []
        assert load_run(session, run).summary.origin == "live"
    add_run(store, 1, "batch", "test")
    add_run(store, 1, "live", None)
    with store.read() as session:
        [summary] = list_runs(session)
    assert (summary.origin, summary.split, summary.config) == ("batch", "test", CONFIG)


def test_only_answered_documents_of_the_batch_are_done(store: Store) -> None:
    run = add_run(store, 1)
    answer(store, run, 1)
    answer(store, run, 2, FinishReason.CANCELLED)
    answer(store, add_run(store, 2), 3)
    with store.write() as session:
        failed = begin_trace(
            session, run_id=run, config=CONFIG, document=Document("d4", "x", ()), origin="batch"
        )
        fail_trace(session, failed, "what", "fix")
        live = begin_trace(
            session, run_id=run, config=CONFIG, document=Document("d5", "x", ()), origin="live"
        )
        finish_trace(session, live, record())
    with store.read() as session:
        assert done_documents(session, run) == {"d1"}
        stored = load_run(session, run)
    assert stored.identity == {"mark": 1}
    summary = stored.summary
    assert (summary.done, summary.failed, summary.by_state["cancelled"]) == (2, 1, 1)
    assert (summary.mean_f1, summary.mean_tokens) == (0.5, 24.0)


def test_evaluation_gets_every_finished_document_of_the_batch_in_order(store: Store) -> None:
    run = add_run(store, 1)
    ids = [answer(store, run, number) for number in range(450)]
    with store.read() as session:
        records = list(run_records(session, run))
    assert [r.trace_id for r in records] == ids
    assert records[0] == replace(records[7], trace_id=ids[0], document_id="d0")
    assert records[0].ranking == ("I50.9", "I50.1", "I51.9")
    assert (records[0].selected, records[0].gold) == (("I50.9",), ("I50.9", "X"))
    assert records[0].fates == (Fate.SELECTED, Fate.ENCODER_MISS)
    assert (records[0].bucket, records[0].tokens, records[0].seconds) == (Bucket.OK, 24, 0.6)


def test_a_run_is_found_by_a_unique_beginning_of_its_id(store: Store) -> None:
    run = add_run(store, 1)
    with store.read() as session:
        assert load_run(session, run[:6]).summary.id == run
        for wrong in ("", run[:3], "zzzzzz", "%%%%"):
            with pytest.raises(UnknownNameError):
                load_run(session, wrong)
