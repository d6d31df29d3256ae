"""Who is given which task of a queue."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from core.annotation.people import Person
from core.annotation.verdicts import TaskKind
from core.errors import InputError, NotAllowedError, UnknownNameError
from db.annotation_models import TaskStateRow
from db.clock import now
from db.judgements import judge_task, undo_judgement
from db.queues import Queue, add_queue, close_queue, progress, queues
from db.session import Store
from db.tasks import Task, claim_task, find_task, next_task, skip_task, take_back_skips
from tests.db.asked import ADA, BEN, EVA, made_queue, made_traces, sent


def given(store: Store, person: Person, queue: Queue) -> Task | None:
    with store.write() as session:
        return next_task(session, person, queue.id)


def judged(store: Store, person: Person, queue: Queue) -> int:
    """Judges the person's next task and returns its position."""
    task = given(store, person, queue)
    assert task is not None
    with store.write() as session:
        judge_task(session, person, task.id, sent())
    return task.position


def test_a_task_is_claimed_for_one_and_kept_until_it_is_judged(store: Store) -> None:
    queue = made_queue(store)
    first = given(store, ADA, queue)
    again = given(store, ADA, queue)
    other = given(store, BEN, queue)
    assert first is not None
    assert again is not None
    assert other is not None
    assert (first.position, again.position, other.position) == (0, 0, 1)
    assert judged(store, ADA, queue) == 0
    assert judged(store, ADA, queue) == 2
    assert given(store, ADA, queue) is None, "the one left is Ben's"
    assert judged(store, BEN, queue) == 1
    assert given(store, BEN, queue) is None


def test_each_task_is_judged_by_as_many_as_asked_and_never_twice_by_one(store: Store) -> None:
    queue = made_queue(store, 2, overlap=2)
    assert [judged(store, person, queue) for person in (ADA, BEN)] == [0, 0]
    assert [judged(store, person, queue) for person in (ADA, EVA)] == [1, 1]
    assert [given(store, person, queue) for person in (ADA, BEN, EVA)] == [None] * 3


def test_an_expired_claim_is_free_for_others_and_its_owner_is_heard_all_the_same(
    store: Store,
) -> None:
    queue = made_queue(store, 1)
    task = given(store, ADA, queue)
    assert task is not None
    assert given(store, BEN, queue) is None
    with store.write() as session:
        past = now(session) - timedelta(seconds=1)
        session.execute(update(TaskStateRow).values(expires_at=past))
    assert judged(store, BEN, queue) == 0
    assert given(store, ADA, queue) is None, "it is complete"
    with store.write() as session:
        judge_task(session, ADA, task.id, sent())
        assert find_task(session, task.id).judged == 2


def test_what_was_skipped_comes_again_when_asked_for(store: Store) -> None:
    queue = made_queue(store)
    first = given(store, ADA, queue)
    assert first is not None
    with store.write() as session:
        skip_task(session, ADA, first.id)
    assert [judged(store, ADA, queue) for _ in range(2)] == [1, 2]
    assert given(store, ADA, queue) is None
    with store.write() as session:
        assert take_back_skips(session, BEN, queue.id) == 0
        assert take_back_skips(session, ADA, queue.id) == 1
    assert judged(store, ADA, queue) == 0
    with store.write() as session, pytest.raises(InputError, match="have judged"):
        skip_task(session, ADA, first.id)


def test_after_an_undo_its_task_comes_next(store: Store) -> None:
    queue = made_queue(store)
    task = given(store, ADA, queue)
    assert task is not None
    with store.write() as session:
        event = judge_task(session, ADA, task.id, sent())
    assert given(store, ADA, queue) != task
    with store.write() as session:
        undo_judgement(session, ADA, event)
        assert find_task(session, task.id).judged == 0
    next_one = given(store, ADA, queue)
    assert next_one is not None
    assert next_one.position == 0


def test_one_goes_on_after_the_last_task_that_one_had(store: Store) -> None:
    queue = made_queue(store, 5)
    with store.write() as session:
        some = next_task(session, ADA, queue.id)
        assert some is not None
        claim_task(session, ADA, some.id + 2)
        skip_task(session, ADA, some.id)
        judge_task(session, ADA, some.id + 2, sent())
    assert judged(store, ADA, queue) == 3
    assert judged(store, ADA, queue) == 4
    assert judged(store, ADA, queue) == 1
    assert given(store, ADA, queue) is None, "the first was skipped"


def test_a_queue_is_for_those_it_is_given_to_while_it_is_open(store: Store) -> None:
    queue = made_queue(store, assigned=[BEN])
    with store.write() as session:
        with pytest.raises(NotAllowedError, match="for others"):
            next_task(session, EVA, queue.id)
        assert [one.name for one in queues(session, BEN)] == ["first"]
        assert queues(session, EVA) == []
        close_queue(session, ADA, queue.id)
        with pytest.raises(InputError, match="closed"):
            next_task(session, BEN, queue.id)
        close_queue(session, ADA, queue.id, closed=False)
        assert next_task(session, BEN, queue.id) is not None


def test_progress_of_a_queue_and_of_a_person(store: Store) -> None:
    queue = made_queue(store, 4, overlap=2)
    for person in (ADA, BEN, ADA):
        judged(store, person, queue)
    skipped = given(store, ADA, queue)
    assert skipped is not None
    with store.write() as session:
        skip_task(session, ADA, skipped.id)
    with store.read() as session:
        found = progress(session, queue, ADA)
    assert (found.tasks, found.complete, found.judgements) == (4, 1, 3)
    assert (found.mine, found.skipped, found.last_hour) == (2, 1, 2)


def test_sides_of_a_preference_are_swapped_by_chance_and_stay_so(store: Store) -> None:
    queue = made_queue(store, 40, kind=TaskKind.PREFERENCE, overlap=3)
    with store.read() as session:
        tasks = [find_task(session, at) for at in range(1, 41)]
    sides = [task.swapped(ADA) for task in tasks]
    assert 5 < sum(sides) < 35
    assert sides == [task.swapped(ADA) for task in tasks]
    assert sides != [task.swapped(BEN) for task in tasks]
    assert queue.tasks == 40


def test_queues_that_cannot_be_made(store: Store) -> None:
    trace, other = made_traces(store, 2)
    made_queue(store, 1, name="taken")
    asked = {"name": "new", "kind": TaskKind.SHORTLIST, "traces": [(trace, None)]}
    wrong = [
        ({"name": "Taken"}, "already"), ({"name": "  "}, "cannot be"), ({"traces": []}, "no task"),
        ({"overlap": 0}, "annotators"), ({"traces": [(trace, other)]}, "between two"),
        ({"kind": TaskKind.PREFERENCE}, "between two"),
    ]  # fmt: skip
    with store.write() as session:
        for change, words in wrong:
            with pytest.raises(InputError, match=words):
                add_queue(session, ADA, **{**asked, **change})  # type: ignore[arg-type]
        with pytest.raises(UnknownNameError):
            next_task(session, ADA, "no such queue")
