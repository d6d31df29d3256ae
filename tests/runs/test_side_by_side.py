"""A batch run whose model writes several documents at a time loses and repeats none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import core.batch
from core.batch import GIVE_UP_AFTER
from core.datasets.base import Document
from core.errors import EndpointError, IndexFileError, InputError, ModelError
from core.models.base import Generated, Outcome, Piece, Request
from core.pipeline import Answered
from core.rerank.base import Candidate
from core.shortlist.base import Shortlist
from core.systems import RunConfig
from core.traces.base import FinishReason, Trace
from db.session import Store
from db.traces import TakenError
from tests.runs.conftest import Pipeline, Run, answered, done, stored_traces

WRITTEN = Generated("Answer: 1", (), FinishReason.STOP, 10, 4, 0.5, 0.1)


@dataclass
class Example:
    """What comes before and after the model, of one document."""

    document: Document
    config: RunConfig
    candidates: tuple[Candidate, ...] = ()

    @property
    def prompt(self) -> str:
        return self.document.id

    @property
    def shortlist(self) -> Shortlist:
        return answered(self.document).shortlist

    def conclude(self, trace: Trace, cancelled: object) -> Answered:
        return replace(answered(self.document), trace=trace)


@dataclass
class Many:
    """A model that finishes the last of the texts in its hands first."""

    behaviour: Callable[[Request], Outcome] = lambda request: WRITTEN
    most: int = 0
    asked: list[str] = field(default_factory=list)

    def generate_many(
        self, requests: Iterator[Request], at_once: int
    ) -> Iterator[tuple[Request, Outcome]]:
        hand: list[Request] = []
        more = True
        while more or hand:
            while more and len(hand) < at_once:
                request = next(requests, None)
                more = request is not None
                if request is not None:
                    self.asked.append(request.prompt)
                    hand.append(request)
            self.most = max(self.most, len(hand))
            if hand:
                request = hand.pop()
                request.on_piece(Piece("Answer: 1", 4))
                stopped = replace(WRITTEN, finish_reason=FinishReason.CANCELLED)
                yield request, stopped if request.cancelled() else self.behaviour(request)


@pytest.fixture
def many(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Many:
    model = Many()

    def prepare(tools: Any, document: Document, config: RunConfig, emit: Any) -> Example:
        pipeline.behaviour(document)  # raises what the stages before the model may raise
        return Example(document, config)

    monkeypatch.setattr(core.batch, "prepare", prepare)
    pipeline.many = model
    return model


def test_all_documents_are_answered_once_and_no_more_than_asked_at_a_time(
    run: Run, many: Many, store: Store
) -> None:
    result = run(batch_size=4)
    assert (result.answered, result.failed, result.batch_size) == (12, 0, 4)
    assert done(store, result.run) == {f"doc{i:02}" for i in range(12)}
    assert sorted(many.asked) == sorted(done(store, result.run))
    assert many.most == 4
    assert result.tokens == 48
    again = run(batch_size=4)
    assert (again.run, again.skipped_as_done, again.answered) == (result.run, 12, 0)


def test_the_batch_size_is_part_of_the_identity(run: Run, many: Many) -> None:
    assert run(limit=1, batch_size=4).run != run(limit=1, batch_size=5).run


@pytest.mark.parametrize("size", [0, 257])
def test_a_batch_size_that_cannot_be_is_refused(run: Run, many: Many, size: int) -> None:
    with pytest.raises(InputError, match="batch size"):
        run(batch_size=size)


def test_progress_counts_each_document(run: Run, many: Many) -> None:
    told: list[int] = []
    run(limit=5, batch_size=3, report=lambda stage, done, total: told.append(done))
    assert told[-6:] == [0, 1, 2, 3, 4, 5]


def test_what_fails_before_or_in_the_model_costs_no_other_document(
    run: Run, many: Many, pipeline: Pipeline, store: Store
) -> None:
    def unreadable(document: Document) -> Answered:
        if document.id == "doc03":
            raise InputError("The text is empty.", "Pick another.")
        return answered(document)

    def too_long(request: Request) -> Outcome:
        return InputError("Too long.", "Cut it.") if request.prompt == "doc05" else WRITTEN

    pipeline.behaviour, many.behaviour = unreadable, too_long
    result = run(batch_size=4)
    assert (result.answered, result.failed) == (10, 2)
    assert {f.document for f in result.failures} == {"doc03", "doc05"}
    states = {t.summary.document_id: t.summary.state for t in stored_traces(store)}
    assert (states["doc03"], states["doc05"]) == ("failed", "failed")


def test_cancelling_keeps_what_is_finished_and_the_text_of_what_was_begun(
    run: Run, many: Many, store: Store
) -> None:
    finished: list[str] = []

    def note(request: Request) -> Outcome:
        finished.append(request.prompt)
        return WRITTEN

    many.behaviour = note
    result = run(batch_size=3, cancelled=lambda: len(finished) >= 4)
    assert result.cancelled
    assert result.answered == 4
    assert done(store, result.run) == set(finished)
    begun = [t for t in stored_traces(store) if t.summary.state == "cancelled"]
    assert len(begun) == 2
    many.behaviour = lambda request: WRITTEN
    again = run(batch_size=3)
    assert (again.skipped_as_done, again.answered) == (4, 8)


def test_a_broken_model_ends_the_run_and_keeps_what_was_begun(run: Run, many: Many) -> None:
    def die(request: Request) -> Outcome:
        return EndpointError("No memory.", "Use less.")

    many.behaviour = die
    with pytest.raises(ModelError, match="Gave up after 5"):
        run(batch_size=3)
    assert len(many.asked) == GIVE_UP_AFTER + 2  # the two in hand are still finished


def test_a_new_index_ends_the_run_when_what_was_begun_is_finished(
    run: Run, many: Many, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shortlist(self: Example) -> Shortlist:
        anew = len(many.asked) >= 4
        return replace(answered(self.document).shortlist, index="new" if anew else "index")

    monkeypatch.setattr(Example, "shortlist", property(shortlist))
    with pytest.raises(IndexFileError, match="built anew"):
        run(batch_size=3)
    states = [t.summary.state for t in stored_traces(store)]
    assert states.count("done") == 4
    assert states.count("failed") == 1


def test_a_document_in_other_hands_is_left_to_them(
    run: Run, many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = core.batch.Batch.claim

    def taken(self: Any, document: Document) -> str:
        if document.id == "doc02":
            raise TakenError("Another process has it.", "Wait.")
        return claim(self, document)

    monkeypatch.setattr(core.batch.Batch, "claim", taken)
    result = run(batch_size=4)
    assert (result.answered, result.elsewhere) == (11, 1)
