"""Judgements are events: never changed, never lost, never doubled, and never overwritten unseen."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from core.annotation.judgement import Judgement
from core.annotation.verdicts import LabelVerdict, ShortlistVerdict
from core.errors import ConflictError, InputError, NotAllowedError, StoreError, UnknownNameError
from db.judgement_drafts import add_missing, draft, drop_missing, save_draft
from db.judgements import (
    judge_task,
    judge_trace,
    judgements_of,
    last_of,
    newest,
    own_judgement,
    undo_judgement,
)
from db.queues import close_queue
from db.session import Store
from db.tasks import next_task
from tests.db.asked import ADA, BAD, BEN, GOOD, made_queue, made_traces, sent


@pytest.fixture
def task(store: Store) -> int:
    queue = made_queue(store, 2, overlap=2)
    with store.write() as session:
        found = next_task(session, ADA, queue.id)
    assert found is not None
    return found.id


def test_a_judgement_keeps_who_what_when_and_the_screen(store: Store, task: int) -> None:
    full = Judgement(
        ShortlistVerdict.MISSING_GOLD, {"I50.9": LabelVerdict.NEAR_MISS}, ("I51",),
        reasons=("negated",), comment="see line 2",
    )  # fmt: skip
    with store.write() as session:
        judge_task(session, ADA, task, sent(full))
    with store.read() as session:
        (found,) = judgements_of(session, f"task:{task}")
    assert found.judgement == full
    assert (found.annotator, found.seconds, found.guideline) == ("Ada", 2.5, 1)
    assert found.shown["labels"] == ["I50.9", "I50.1", "I51.9"]


def test_the_same_click_sent_twice_is_one_judgement(store: Store, task: int) -> None:
    with store.write() as session:
        first = judge_task(session, ADA, task, sent(token="click"))
    with store.write() as session:
        assert judge_task(session, ADA, task, sent(token="click")) == first
        assert len(judgements_of(session, f"task:{task}")) == 1


def test_a_second_window_overwrites_nothing_that_it_has_not_seen(store: Store, task: int) -> None:
    with store.write() as session:
        first = judge_task(session, ADA, task, sent(GOOD))
        with pytest.raises(ConflictError, match="good"):
            judge_task(session, ADA, task, sent(BAD))
        assert newest(session, ADA, f"task:{task}") == first
        judge_task(session, ADA, task, sent(BAD, after=first))
        with pytest.raises(ConflictError, match="off topic"):
            judge_task(session, ADA, task, sent(GOOD, after=first))
        (found,) = judgements_of(session, f"task:{task}")
    assert found.judgement == BAD


def test_an_undo_brings_back_what_stood_before(store: Store, task: int) -> None:
    with store.write() as session:
        first = judge_task(session, ADA, task, sent(GOOD))
        second = judge_task(session, ADA, task, sent(BAD, after=first))
        with pytest.raises(ConflictError):
            undo_judgement(session, ADA, first)
        event = undo_judgement(session, ADA, second)
        assert undo_judgement(session, ADA, second) == event, "twice is the same as once"
        (found,) = judgements_of(session, f"task:{task}")
        assert found.judgement == GOOD
        with pytest.raises(ConflictError, match="taken your judgement back"):
            judge_task(session, ADA, task, sent(BAD, after=second))
        judge_task(session, ADA, task, sent(BAD, after=event))


def test_nobody_undoes_the_judgement_of_another(store: Store, task: int) -> None:
    with store.write() as session:
        made = judge_task(session, ADA, task, sent())
        with pytest.raises(UnknownNameError):
            undo_judgement(session, BEN, made)


def test_the_last_judgement_is_known_after_a_reload(store: Store) -> None:
    queue = made_queue(store, 3)
    with store.write() as session:
        made = []
        for _ in range(2):
            found = next_task(session, ADA, queue.id)
            assert found is not None
            made.append(judge_task(session, ADA, found.id, sent()))
    with store.read() as session:
        last = last_of(session, ADA, queue.id)
        assert last is not None
        assert last.id == made[1]
        assert last_of(session, BEN, queue.id) is None


def test_a_draft_is_kept_until_it_is_submitted(store: Store, task: int) -> None:
    subject = f"task:{task}"
    with store.write() as session:
        save_draft(session, ADA, subject, Judgement(comment="half"), 3.0)
        save_draft(session, ADA, subject, BAD, 4.0)
        assert draft(session, ADA, subject) == (BAD, 4.0)
        assert draft(session, BEN, subject) is None
        event = judge_task(session, ADA, task, sent(BAD))
        assert draft(session, ADA, subject) is None
        undo_judgement(session, ADA, event)
        kept = draft(session, ADA, subject)
        assert kept is not None, "what was taken back can be said again, changed"
        assert kept[0] == BAD


def test_labels_are_added_to_a_draft_and_taken_back(store: Store, task: int) -> None:
    subject = f"task:{task}"
    with store.write() as session:
        for label in ("I51", "I52", "I51"):
            add_missing(session, ADA, subject, label, BAD)
        drop_missing(session, ADA, subject, "I52", BAD)
        kept = draft(session, ADA, subject)
        assert kept is not None
        assert kept[0] == replace(BAD, missing=("I51",))


def test_a_trace_is_judged_outside_any_queue(store: Store) -> None:
    (trace,) = made_traces(store, 1)
    with store.write() as session:
        judge_trace(session, ADA, trace, sent())
        with pytest.raises(InputError, match="Nothing is judged"):
            judge_trace(session, BEN, trace, sent(Judgement(comment="hm")))
        with pytest.raises(UnknownNameError):
            judge_trace(session, ADA, "no such trace", sent())
        found = own_judgement(session, ADA, f"trace:{trace}")
    assert found is not None
    assert found.judgement == GOOD


def test_what_does_not_answer_the_task_is_refused(store: Store, task: int) -> None:
    with store.write() as session:
        with pytest.raises(InputError, match="verdict on the shortlist"):
            judge_task(session, ADA, task, sent(Judgement(missing=("I51",))))
        with pytest.raises(UnknownNameError):
            judge_task(session, ADA, 10**9, sent())


def test_a_closed_queue_takes_nothing(store: Store) -> None:
    queue = made_queue(store, 1)
    with store.write() as session:
        found = next_task(session, ADA, queue.id)
        assert found is not None
        close_queue(session, ADA, queue.id)
        with pytest.raises(InputError, match="closed"):
            judge_task(session, ADA, found.id, sent())


@pytest.mark.parametrize(
    "statement", ["UPDATE judgements SET value = NULL", "DELETE FROM judgements"]
)
def test_the_database_itself_keeps_every_event(store: Store, task: int, statement: str) -> None:
    with store.write() as session:
        judge_task(session, ADA, task, sent())
    with pytest.raises(StoreError), store.write() as session:
        session.execute(text(statement))
    with store.read() as session:
        assert len(judgements_of(session, f"task:{task}")) == 1


def test_one_goes_back_step_by_step(store: Store) -> None:
    (trace,) = made_traces(store, 1)
    subject = f"trace:{trace}"
    with store.write() as session:
        first = judge_trace(session, ADA, trace, sent(GOOD))
        second = judge_trace(session, ADA, trace, sent(BAD, after=first))
        undo_judgement(session, ADA, second)
        stands = own_judgement(session, ADA, subject)
        assert stands is not None
        assert stands.id == first
        undo_judgement(session, ADA, first)
        assert own_judgement(session, ADA, subject) is None


def test_a_queue_for_others_takes_no_judgement(store: Store) -> None:
    queue = made_queue(store, 1, assigned=[BEN])
    with store.write() as session:
        task = next_task(session, BEN, queue.id)
        assert task is not None
        with pytest.raises(NotAllowedError, match="for others"):
            judge_task(session, ADA, task.id, sent())
        judge_task(session, BEN, task.id, sent())


def test_names_of_queues_differ_by_more_than_case(store: Store) -> None:
    made_queue(store, 1, name="École")
    with pytest.raises(InputError, match="already a queue"):
        made_queue(store, 1, name="éCOLE")
