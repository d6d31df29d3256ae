"""A batch run answers every document once, whatever interrupts it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import func, select

import core.batch
from core.batch import ANSWERING
from core.config import Settings
from core.datasets.base import Document, Split
from core.datasets.catalogue import open_dataset
from core.errors import InputError, UnknownNameError
from core.events import Event, Stage, StageStarted, Wrote
from core.pipeline import Answered
from core.run_request import documents_of, parse_split
from core.systems import RunConfig
from core.traces.base import FinishReason
from db.models import TraceRow
from db.runs import load_run
from db.session import Store
from db.traces import begin_trace
from tests.runs.conftest import Pipeline, Run, Writing, answered, done, stored_traces


def test_a_run_answers_the_documents_of_its_split(run: Run, store: Store) -> None:
    result = run()
    assert (result.documents, result.answered, result.skipped_as_done, result.failed) == (
        12, 12, 0, 0,
    )  # fmt: skip
    assert done(store, result.run) == {f"doc{i:02}" for i in range(12)}
    assert result.tokens == 48
    assert result.tokens_per_second == pytest.approx(8)


def test_the_same_command_again_skips_what_is_done(run: Run, pipeline: Pipeline) -> None:
    first = run(limit=5)
    again = run(limit=5)
    assert again.run == first.run
    assert (again.documents, again.skipped_as_done, again.answered) == (5, 5, 0)
    assert again.documents_per_second is None, "no rate is made up when nothing was done"
    assert len(pipeline.asked) == 5


def test_a_larger_limit_goes_on_from_a_smaller_one(run: Run, pipeline: Pipeline) -> None:
    run(limit=4)
    more = run(limit=9)
    assert (more.skipped_as_done, more.answered) == (4, 5)
    assert len(set(pipeline.asked)) == 9


def test_a_limit_is_a_fixed_sample_and_not_the_first_of_the_file(settings: Settings) -> None:
    dataset = open_dataset(settings, "tiny")
    chosen = [d.id for d in documents_of(dataset, Split.TEST, 6)]
    assert chosen == [d.id for d in documents_of(dataset, Split.TEST, None)][:6]
    assert chosen != sorted(chosen)


def test_a_split_without_documents_is_no_error(settings: Settings) -> None:
    assert documents_of(open_dataset(settings, "tiny"), Split.DEV, 5) == []


def test_another_split_or_model_is_another_run(run: Run, pipeline: Pipeline) -> None:
    first = run(limit=1)
    assert run(limit=1, split=Split.TRAIN_TEACHER).run != first.run
    pipeline.model = {"weights": "other"}
    assert run(limit=1).run != first.run


def test_a_system_is_shown_what_another_was_shown_on_another_machine(
    run: Run, pipeline: Pipeline, store: Store, config: RunConfig
) -> None:
    pipeline.index = "of there"
    first = run(limit=3)
    pipeline.index, pipeline.model = "of here", {"weights": "other"}
    second = run(limit=3, shown_in=first.run)
    assert second.run != first.run
    with store.read() as session:
        identity = load_run(session, second.run).identity
    assert identity["index"] == "of there"
    shown = [trace.shortlist for trace in stored_traces(store)]
    assert [one and one.index for one in shown] == ["of there"] * 6
    more = run(limit=9, shown_in=first.run)
    assert (more.documents, more.skipped_as_done, more.answered) == (3, 3, 0), "of no others"
    with pytest.raises(InputError, match="otherwise"):
        run(config=replace(config, k=4), shown_in=first.run)


def test_what_another_system_was_shown_must_be_in_the_store(run: Run) -> None:
    with pytest.raises(InputError, match="run abc are not in this store"):
        run(shown_in="abc")


def test_an_interrupted_run_goes_on_without_loss_or_repeat(
    run: Run, pipeline: Pipeline, store: Store
) -> None:
    def break_at_fifth(document: Document) -> Answered:
        if len(pipeline.asked) == 5:
            raise KeyboardInterrupt  # nothing catches it, as nothing catches a kill
        return answered(document)

    pipeline.behaviour = break_at_fifth
    with pytest.raises(KeyboardInterrupt):
        run()
    before = list(pipeline.asked)
    pipeline.behaviour = answered
    result = run()
    assert (result.skipped_as_done, result.answered) == (4, 8)
    assert pipeline.asked[len(before)] == before[-1], "the document it died in is done again"
    assert len(done(store, result.run)) == 12


def test_a_cancelled_run_keeps_what_is_finished_and_not_the_half_document(
    run: Run, pipeline: Pipeline, store: Store
) -> None:
    def cancel_at_third(document: Document) -> Answered:
        stopped = len(pipeline.asked) == 3
        return answered(document, FinishReason.CANCELLED if stopped else FinishReason.STOP)

    pipeline.behaviour = cancel_at_third
    result = run()
    assert result.cancelled
    assert result.answered == 2
    assert len(done(store, result.run)) == 2


def test_cancelling_between_documents_stops_before_the_next(run: Run, pipeline: Pipeline) -> None:
    result = run(cancelled=lambda: len(pipeline.asked) >= 4)
    assert result.cancelled
    assert result.answered == 4


def test_progress_counts_skipped_documents_from_the_start(run: Run) -> None:
    run(limit=4)
    told: list[tuple[str, int, int]] = []
    run(limit=6, report=lambda *progress: told.append(progress))
    assert [p for p in told if p[0] == ANSWERING] == [
        (ANSWERING, 4, 6),
        (ANSWERING, 5, 6),
        (ANSWERING, 6, 6),
    ]


def test_a_document_in_another_process_hands_is_left_to_it(
    run: Run, pipeline: Pipeline, store: Store, config: RunConfig, settings: Settings
) -> None:
    first = run(limit=1).run
    second = documents_of(open_dataset(settings, "tiny"), Split.TEST, 2)[1]
    with store.write() as session:
        begin_trace(
            session,
            run_id=first,
            config=config,
            document=second,
            origin="batch",
            owner="another-machine:1:1",
        )
    result = run(limit=3)
    assert (result.skipped_as_done, result.answered, result.elsewhere) == (1, 1, 1)
    assert second.id not in pipeline.asked


def take_over(store: Store, document: str) -> None:
    """What another process does with a document whose process was silent for long."""
    with store.write() as session:
        row = session.execute(select(TraceRow).where(TraceRow.document_id == document)).scalar_one()
        row.owner = "elsewhere:1:1"


@pytest.mark.parametrize("fails", [False, True])
def test_a_document_that_was_taken_over_is_left_to_the_other_process(
    run: Run, pipeline: Pipeline, store: Store, fails: bool
) -> None:
    def slow(document: Document) -> Answered:
        if len(pipeline.asked) == 1:
            take_over(store, document.id)
            if fails:
                raise InputError("too late", "anyway")
        return answered(document)

    pipeline.behaviour = slow
    result = run(limit=3)
    assert (result.answered, result.elsewhere + result.failed) == (2, 1)
    with store.read() as session:
        row = session.execute(
            select(TraceRow).where(TraceRow.document_id == pipeline.asked[0])
        ).scalar_one()
    assert (row.state, row.owner) == ("running", "elsewhere:1:1")


def last_sign_of_life(store: Store) -> datetime:
    with store.read() as session:
        return session.execute(select(func.max(TraceRow.updated_at))).scalar_one()


def test_a_long_answer_is_saved_and_its_claim_renewed_on_the_way(
    run: Run,
    store: Store,
    while_writing: Callable[[Writing], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[str, bool]] = []
    monkeypatch.setattr(core.batch, "SAVE_EVERY_S", 0.0)

    def write(emit: Callable[[Event], None]) -> None:
        begun = last_sign_of_life(store)
        for event in (Wrote("Shortlist:", 2, 0.1), StageStarted(Stage.SCORE)):
            emit(event)
            [now] = stored_traces(store)
            seen.append((now.text, last_sign_of_life(store) > begun))
            begun = last_sign_of_life(store)

    while_writing(write)
    assert run(limit=1).answered == 1
    assert seen == [("Shortlist:", True), ("Shortlist:", True)]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"dataset": "nowhere"}, UnknownNameError),
        ({"system": "nobody"}, UnknownNameError),
        ({"k": 0}, InputError),
        ({"k": -1}, InputError),
        ({"k": 21}, InputError),
        ({"n": 4}, InputError),
        ({"n": 0}, InputError),
        ({"ef": 1}, InputError),
    ],
)
def test_a_wrong_request_is_refused_before_any_work(
    run: Run,
    pipeline: Pipeline,
    config: RunConfig,
    changes: dict[str, object],
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        run(config=replace(config, **changes))  # type: ignore[arg-type]
    assert pipeline.asked == []


@pytest.mark.parametrize("limit", [0, -5])
def test_a_limit_below_one_is_refused(run: Run, limit: int) -> None:
    with pytest.raises(InputError, match="at least 1"):
        run(limit=limit)


def test_split_names() -> None:
    assert parse_split("test") is Split.TEST
    assert parse_split("all") is None
    with pytest.raises(UnknownNameError, match="train-teacher"):
        parse_split("tset")
