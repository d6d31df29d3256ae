"""A trace is saved from its beginning to its end, and comes back as it was."""

import os
import pickle
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from core.config import Settings
from core.datasets.base import Document
from core.errors import InputError, UnknownNameError
from core.rerank.base import Bucket, Candidate, Fate
from core.traces.base import FinishReason
from db.models import TraceRow
from db.owners import this_owner
from db.runs import ensure_run
from db.session import Store, open_store
from db.trace_batches import SILENT
from db.traces import (
    StoredTrace,
    TakenError,
    TraceFilter,
    TraceState,
    attach_run,
    begin_trace,
    count_of,
    fail_trace,
    finish_trace,
    interrupt_running,
    load_trace,
    previous_of,
    save_partial,
    save_progress,
)
from tests.db.examples import CONFIG, DOCUMENT, TEXT, record, shortlist

SOMEBODY_DEAD = "elsewhere:1:1"


def begin(store: Store, document: Document = DOCUMENT, **options: str | None) -> str:
    given = {"run_id": None, "origin": "live", **options}
    with store.write() as session:
        return begin_trace(session, config=CONFIG, document=document, **given)  # type: ignore[arg-type]


def finish(store: Store, trace_id: str, **changes: object) -> None:
    with store.write() as session:
        finish_trace(session, trace_id, record(**changes))  # type: ignore[arg-type]


def load(store: Store, trace_id: str) -> StoredTrace:
    with store.read() as session:
        return load_trace(session, trace_id)


def set_row(session: Session, trace_id: str, **values: object) -> None:
    session.execute(update(TraceRow).where(TraceRow.id == trace_id).values(**values))


def add_run(store: Store, mark: object = 1) -> str:
    with store.write() as session:
        return ensure_run(session, {"mark": mark}, CONFIG, "dev", "batch")


def test_a_finished_trace_comes_back_as_it_was_even_after_a_restart(settings: Settings) -> None:
    store = open_store(settings)
    trace_id = begin(store)
    finish(store, trace_id)
    store.close()
    saved, stored = record(), load(open_store(settings), trace_id)
    assert stored.trace == saved.trace
    assert stored.shortlist == saved.shortlist
    assert stored.prediction == saved.prediction
    assert stored.document == saved.document
    assert (stored.gold, stored.candidates) == (saved.gold, saved.candidates)
    assert (stored.fates, stored.stages) == (saved.fates, saved.stages)
    assert (stored.rendered, stored.text) == (saved.rendered, TEXT)
    assert stored.config == CONFIG
    summary = stored.summary
    assert summary.state == TraceState.DONE
    assert (summary.bucket, summary.has_phases, summary.example_f1) == (Bucket.OK, True, 0.5)
    assert (summary.gold, summary.selected, summary.tokens) == (2, 1, 24)
    assert pickle.loads(pickle.dumps(stored)) == stored


def test_the_chosen_id_is_kept_and_others_are_long_hexadecimal(store: Store) -> None:
    assert begin(store, trace_id="abcdef123456") == "abcdef123456"
    made = begin(store)
    assert len(made) >= 12
    int(made, 16)


def test_a_running_trace_shows_what_there_is_so_far(store: Store) -> None:
    trace_id = begin(store)
    with store.write() as session:
        save_progress(
            session,
            trace_id,
            shortlist=shortlist(),
            gold=record().gold,
            rendered="prompt",
            candidates=[Candidate(1, "I50.9", "Heart failure")],
            stages=[("Search labels", 0.8, "")],
        )
        save_partial(session, trace_id, "Shortlist:\n1. He", 5)
    stored = load(store, trace_id)
    assert stored.summary.state == TraceState.RUNNING
    assert stored.text == "Shortlist:\n1. He"
    assert stored.summary.tokens == 5
    assert stored.shortlist == shortlist()
    assert stored.stages == (("Search labels", 0.8, ""),)
    assert (stored.trace, stored.prediction, stored.fates) == (None, None, ())


def test_a_late_partial_text_does_not_spoil_a_finished_trace(store: Store) -> None:
    trace_id = begin(store)
    finish(store, trace_id)
    with store.write() as session:
        save_partial(session, trace_id, "old", 1)
        save_progress(session, trace_id, rendered="old")
        fail_trace(session, trace_id, "late", "late")
    stored = load(store, trace_id)
    assert (stored.text, stored.rendered) == (TEXT, record().rendered)
    assert stored.summary.state == TraceState.DONE
    assert stored.error is None


def test_a_failed_trace_keeps_its_text_and_says_why(store: Store) -> None:
    trace_id = begin(store)
    with store.write() as session:
        save_partial(session, trace_id, "Shortlist: half", 3)
        fail_trace(session, trace_id, "The model failed.", "Try another.")
    stored = load(store, trace_id)
    assert stored.summary.state == TraceState.FAILED
    assert stored.error == ("The model failed.", "Try another.")
    assert stored.text == "Shortlist: half"
    with store.read() as session:
        assert count_of(session, TraceFilter(text="half")) == 1


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (FinishReason.STOP, TraceState.DONE),
        (FinishReason.LENGTH, TraceState.DONE),
        (FinishReason.CANCELLED, TraceState.CANCELLED),
        (FinishReason.ERROR, TraceState.FAILED),
    ],
)
def test_how_a_trace_ended_decides_its_state(
    store: Store, reason: FinishReason, state: TraceState
) -> None:
    trace_id = begin(store)
    finish(store, trace_id, finish_reason=reason)
    assert load(store, trace_id).summary.state == state


def test_traces_of_dead_processes_are_interrupted_and_others_left(store: Store) -> None:
    dead, alive = begin(store, owner=SOMEBODY_DEAD), begin(store)
    with store.write() as session:
        save_partial(session, dead, "half a tr", 2)
    with store.write() as session:
        assert interrupt_running(session, lambda owner: owner == SOMEBODY_DEAD) == 1
    assert load(store, dead).summary.state == TraceState.INTERRUPTED
    assert load(store, dead).text == "half a tr"
    assert load(store, alive).summary.state == TraceState.RUNNING


def test_a_live_document_may_be_answered_again_and_counts_its_attempts(store: Store) -> None:
    first, second = begin(store), begin(store)
    other = begin(store, Document("9", "Other", ()))
    attempts = [load(store, t).summary.attempt for t in (first, second, other)]
    assert attempts == [1, 2, 1]


def test_a_run_can_be_attached_when_it_is_known_and_gives_the_provenance(store: Store) -> None:
    trace_id, run = begin(store), add_run(store)
    assert load(store, trace_id).identity is None
    with store.write() as session:
        attach_run(session, trace_id, run, replace(CONFIG, method="dense"))
    assert load(store, trace_id).config.method == "dense"
    assert load(store, trace_id).identity == {"mark": 1}


def test_a_batch_answers_a_document_once(store: Store) -> None:
    run = add_run(store)
    trace_id = begin(store, run_id=run, origin="batch")
    finish(store, trace_id)
    with pytest.raises(TakenError, match="answered already"):
        begin(store, run_id=run, origin="batch")
    begin(store, run_id=add_run(store, 2), origin="batch")
    begin(store, run_id=run, origin="live")


def test_a_batch_leaves_a_document_to_the_live_process_that_has_it(store: Store) -> None:
    run = add_run(store)
    begin(store, run_id=run, origin="batch", owner="elsewhere:1:1")  # its host cannot be asked
    with pytest.raises(TakenError, match="another process"):
        begin(store, run_id=run, origin="batch")


def test_a_batch_begins_a_dead_process_s_document_again_under_its_id(store: Store) -> None:
    run = add_run(store)
    host = this_owner().split(":")[0]
    first = begin(store, run_id=run, origin="batch")
    with store.write() as session:
        save_partial(session, first, "half", 1)
        set_row(session, first, owner=f"{host}:999999999:1")
    again = begin(store, run_id=run, origin="batch")
    stored = load(store, again)
    assert again == first
    assert (stored.text, stored.summary.attempt) == ("", 2)
    assert stored.summary.state == TraceState.RUNNING


def test_a_slow_process_of_this_host_keeps_its_document(store: Store) -> None:
    run, parent = add_run(store), psutil.Process(os.getppid())
    host = this_owner().split(":")[0]
    alive = f"{host}:{parent.pid}:{int(parent.create_time())}"
    trace_id = begin(store, run_id=run, origin="batch", owner=alive)
    with store.write() as session:
        set_row(session, trace_id, updated_at=datetime.now(UTC) - 2 * SILENT)
    with pytest.raises(TakenError, match="another process"):
        begin(store, run_id=run, origin="batch")


def test_a_process_of_another_host_loses_its_document_after_a_long_silence(store: Store) -> None:
    run = add_run(store)
    trace_id = begin(store, run_id=run, origin="batch", owner="elsewhere:1:1")
    with store.write() as session:
        set_row(session, trace_id, updated_at=datetime.now(UTC) - 2 * SILENT)
    assert begin(store, run_id=run, origin="batch") == trace_id


def test_the_text_of_a_process_that_lost_its_document_is_not_kept(store: Store) -> None:
    trace_id = begin(store, run_id=add_run(store), origin="batch", owner="elsewhere:1:1")
    with store.write() as session:
        save_partial(session, trace_id, "too late", 2)
    assert load(store, trace_id).text == ""


def test_a_batch_tries_a_failed_document_again_and_keeps_nothing_of_the_failure(
    store: Store,
) -> None:
    run = add_run(store)
    first = begin(store, run_id=run, origin="batch")
    finish(store, first, finish_reason=FinishReason.ERROR, fates=(Fate.SELECTED,))
    again = begin(store, run_id=run, origin="batch")
    stored = load(store, again)
    assert (stored.trace, stored.fates, stored.error, stored.summary.bucket) == (
        None,
        (),
        None,
        None,
    )
    finish(store, again)
    assert load(store, again).summary.state == TraceState.DONE


def test_a_process_that_lost_its_document_cannot_overwrite_the_other_s_result(
    store: Store,
) -> None:
    run = add_run(store)
    trace_id = begin(store, run_id=run, origin="batch", owner="elsewhere:1:1")
    with pytest.raises(TakenError, match="taken over"):
        finish(store, trace_id)
    assert load(store, trace_id).trace is None


def test_a_batch_without_a_run_is_refused(store: Store) -> None:
    with pytest.raises(InputError):
        begin(store, origin="batch")


def test_the_trace_to_compare_with_is_the_last_finished_live_one_of_the_document(
    store: Store,
) -> None:
    first, cancelled, batch = (
        begin(store),
        begin(store),
        begin(store, run_id=add_run(store), origin="batch"),
    )
    other, last = begin(store, Document("9", "Other", ())), begin(store)
    finish(store, first)
    finish(store, cancelled, finish_reason=FinishReason.CANCELLED)
    finish(store, batch)
    finish(store, other)
    with store.read() as session:
        previous = previous_of(session, last)
        assert previous is not None
        assert previous.id == first
        assert previous_of(session, first) is None


def test_an_unknown_trace_is_named(store: Store) -> None:
    with pytest.raises(UnknownNameError, match="nothere"):
        load(store, "nothere")
    with pytest.raises(UnknownNameError), store.write() as session:
        save_partial(session, "nothere", "", 0)


def test_text_in_any_script_and_of_any_size_is_kept(store: Store) -> None:
    text = "心不全 сердце ٱلْقَلْب 🫀 " + "a\x00b " + "long " * 200_000
    document = Document("x" * 500, text, ("Ü",))
    trace_id = begin(store, document)
    finish(store, trace_id, document=document, text=text)
    stored = load(store, trace_id)
    assert stored.text == stored.document.text == text.replace("\x00", "\ufffd")
    assert stored.document.id == "x" * 500


def test_the_document_s_first_words_are_shown_on_one_line(store: Store, tmp_path: Path) -> None:
    trace_id = begin(store, Document("1", "  first\n\nwords " + "on and " * 100, ()))
    start = load(store, trace_id).summary.document_start
    assert start.startswith("first words on and")
    assert len(start) == 160
