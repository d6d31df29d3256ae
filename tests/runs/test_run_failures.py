"""What goes wrong in a batch run: it is counted, said, and costs no other document."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import core.batch
from core.batch import GIVE_UP_AFTER
from core.datasets.base import Document
from core.errors import EndpointError, IndexFileError, InputError, StoreError
from core.events import Event, Wrote
from core.pipeline import Answered
from core.traces.base import FinishReason
from db.session import Store
from tests.runs.conftest import Pipeline, Run, Writing, answered, done, stored_traces


def test_a_failed_document_is_counted_stored_and_tried_again(
    run: Run, pipeline: Pipeline, store: Store
) -> None:
    def fail_one(document: Document) -> Answered:
        if document.id == "doc07":
            raise InputError("The text is empty.", "Pick another.")
        return answered(document)

    pipeline.behaviour = fail_one
    result = run()
    assert (result.answered, result.failed) == (11, 1)
    assert result.failures[0].document == "doc07"
    assert "doc07" not in done(store, result.run)
    pipeline.behaviour = answered
    retried = run()
    assert (retried.skipped_as_done, retried.answered, retried.failed) == (11, 1, 0)
    assert "doc07" in done(store, result.run)


def test_a_document_that_keeps_failing_never_stops_the_others(run: Run, pipeline: Pipeline) -> None:
    def fail(document: Document) -> Answered:
        raise InputError("The text is empty.", "Pick another.")

    pipeline.behaviour = fail
    assert run().failed == 12
    assert run().failed == 12


def test_a_server_that_breaks_off_leaves_a_failed_document(
    run: Run, pipeline: Pipeline, store: Store
) -> None:
    def broken(document: Document) -> Answered:
        whole = answered(document, FinishReason.ERROR)
        return replace(whole, trace=replace(whole.trace, notes=("The server hung up.",)))

    pipeline.behaviour = broken
    result = run(limit=1)
    assert result.failures[0].what == "The server hung up."
    assert done(store, result.run) == set()


def test_a_dead_endpoint_ends_the_run_early_and_keeps_what_was_done(
    run: Run, pipeline: Pipeline
) -> None:
    def die_after_three(document: Document) -> Answered:
        if len(pipeline.asked) > 3:
            raise EndpointError("The server refuses.", "Start it.")
        return answered(document)

    pipeline.behaviour = die_after_three
    with pytest.raises(EndpointError, match="3 were answered before"):
        run()
    assert len(pipeline.asked) == 3 + GIVE_UP_AFTER
    pipeline.behaviour = answered
    assert run().skipped_as_done == 3


def test_a_full_disk_is_no_failure_of_a_document(run: Run, pipeline: Pipeline) -> None:
    def full(document: Document) -> Answered:
        raise StoreError("The disk is full.", "Free some room.")

    pipeline.behaviour = full
    with pytest.raises(StoreError):
        run()
    assert len(pipeline.asked) == 1


def test_a_failure_after_the_writing_keeps_what_was_written(
    run: Run, store: Store, while_writing: Callable[[Writing], None]
) -> None:
    def fail_at_scoring(emit: Callable[[Event], None]) -> None:
        emit(Wrote("Shortlist:\n", 3, 0.1))
        emit(Wrote("1. a label", 7, 0.2))
        raise RuntimeError("out of memory")

    while_writing(fail_at_scoring)
    assert run(limit=1).failed == 1
    [trace] = stored_traces(store)
    assert (trace.summary.state, trace.summary.tokens) == ("failed", 7)
    assert trace.text == "Shortlist:\n1. a label"


def test_a_save_on_the_way_that_fails_does_not_end_the_document(
    run: Run,
    while_writing: Callable[[Writing], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def locked(*_: object) -> None:
        raise StoreError("locked", "wait")

    monkeypatch.setattr(core.batch, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(core.batch, "save_partial", locked)
    while_writing(lambda emit: emit(Wrote("Shortlist:", 2, 0.1)))
    assert run(limit=2).answered == 2


def test_a_run_ends_when_its_index_is_built_anew(run: Run, pipeline: Pipeline) -> None:
    def rebuilt(document: Document) -> Answered:
        whole = answered(document)
        changed = len(pipeline.asked) > 2
        return replace(whole, shortlist=replace(whole.shortlist, index="new")) if changed else whole

    pipeline.behaviour = rebuilt
    with pytest.raises(IndexFileError, match="built anew"):
        run(limit=5)
    pipeline.behaviour = answered
    assert run(limit=5).skipped_as_done == 2


def test_a_fault_of_a_library_on_one_document_is_a_failed_document(
    run: Run, pipeline: Pipeline
) -> None:
    def burst(document: Document) -> Answered:
        if document.id == "doc03":
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
        return answered(document)

    pipeline.behaviour = burst
    result = run()
    assert (result.answered, result.failed) == (11, 1)
    assert "mat1" in result.failures[0].what
