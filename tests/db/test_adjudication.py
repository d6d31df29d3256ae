"""From judgements to ratings, a lead's last word, and revised gold."""

from dataclasses import replace

import pytest

from core.annotation.judgement import Judgement
from core.annotation.people import Role
from core.annotation.verdicts import LabelVerdict, ShortlistVerdict
from core.errors import ConflictError, InputError, UnknownNameError
from db.adjudication import (
    adjudicate,
    judged_task,
    judged_tasks,
    last_settled,
    newest_adjudication,
    newest_judged,
    settled,
    undo_adjudication,
)
from db.judged_gold import judged_documents
from db.judgement_drafts import draft, save_draft
from db.judgements import judge_task
from db.people import sign_in
from db.queues import Queue, add_queue
from db.session import Store
from db.tasks import find_task, next_task
from tests.db.asked import ADA, BEN, EVA, made_queue, sent

YES, NO = LabelVerdict.RELEVANT, LabelVerdict.IRRELEVANT
GOOD, BAD = ShortlistVerdict.GOOD, ShortlistVerdict.OFF_TOPIC


def say(store: Store, queue: Queue, **said: Judgement) -> int:
    """Each of the people judges the same task, which is given back."""
    people = {"ada": ADA, "ben": BEN, "eva": EVA}
    for name, judgement in said.items():
        with store.write() as session:
            task = next_task(session, people[name], queue.id)
            assert task is not None
            judge_task(session, people[name], task.id, sent(judgement))
    return task.id


def test_a_lead_has_the_last_word_and_two_leads_do_not_overwrite_each_other(store: Store) -> None:
    queue = made_queue(store, 1, overlap=3)
    no, yes = Judgement(BAD, {"I50.9": NO}), Judgement(GOOD, {"I50.9": YES})
    task = say(store, queue, ada=no, ben=no, eva=yes)
    with store.write() as session:
        (one,) = judged_documents(session, queue.id).values()
        assert one.revised.removed == {"I50.9"}
        first = adjudicate(session, ADA, task, sent(yes))
        with pytest.raises(ConflictError, match="Ada has settled this"):
            adjudicate(session, BEN, task, sent(no))
        assert newest_adjudication(session, task) == first
        (one,) = judged_documents(session, queue.id).values()
        assert one.revised.gold == {"I50.9"}
        adjudicate(session, BEN, task, sent(no, after=first))
        (task_said,) = judged_tasks(session, queue.id)
        assert len(task_said.judgements) == 3, "the annotators' own stay"
        assert task_said.final is not None
        assert (task_said.final.annotator, task_said.final.judgement) == ("Ben", no)
        with pytest.raises(UnknownNameError):
            adjudicate(session, ADA, 10**9, sent(yes))


def test_a_settlement_is_taken_back_and_counted(store: Store) -> None:
    queue = made_queue(store, 2, overlap=2)
    task = say(store, queue, ada=Judgement(BAD), ben=Judgement(GOOD))
    with store.write() as session:
        before = newest_judged(session, queue.id)
        assert settled(session, queue.id) == set()
        assert before > 0
        first = adjudicate(session, ADA, task, sent(Judgement(GOOD), token="a"))
        assert adjudicate(session, ADA, task, sent(Judgement(GOOD), token="a")) == first
        assert newest_judged(session, queue.id) == before
        assert settled(session, queue.id) == {task}
        last = last_settled(session, ADA, queue.id)
        assert last is not None
        assert last.id == first
        assert last_settled(session, BEN, queue.id) is None
        undone = undo_adjudication(session, BEN, first)
        assert undo_adjudication(session, BEN, first) == undone
        assert settled(session, queue.id) == set()
        kept = draft(session, BEN, f"settle:{task}")
        assert kept is not None
        assert kept[0] == Judgement(GOOD)
        with pytest.raises(ConflictError, match="Ben has taken the settlement back"):
            adjudicate(session, ADA, task, sent(Judgement(BAD), after=first))
        adjudicate(session, ADA, task, sent(Judgement(BAD), after=undone))
        one = judged_task(session, task)
        assert one.final is not None
        assert one.final.judgement == Judgement(BAD)
        assert len(one.judgements) == 2
        with pytest.raises(UnknownNameError):
            undo_adjudication(session, ADA, one.judgements[0].id)
        with pytest.raises(InputError, match="No verdict"):
            adjudicate(session, ADA, task, sent(Judgement(), after=one.final.id))


def test_a_settlement_does_not_touch_the_leads_own_draft(store: Store) -> None:
    queue = made_queue(store, 1, overlap=3)
    task = say(store, queue, ada=Judgement(BAD), ben=Judgement(GOOD))
    with store.write() as session:
        save_draft(session, EVA, f"task:{task}", Judgement(comment="half"), 1.0)
        save_draft(session, EVA, f"settle:{task}", Judgement(GOOD), 1.0)
        adjudicate(session, EVA, task, sent(Judgement(GOOD)))
        assert draft(session, EVA, f"settle:{task}") is None
        assert draft(session, EVA, f"task:{task}") is not None


def test_a_lead_goes_back_step_by_step_and_over_nobody_elses_word(store: Store) -> None:
    queue = made_queue(store, 2, overlap=2)
    one = say(store, queue, ada=Judgement(BAD), ben=Judgement(GOOD))
    two = say(store, queue, ada=Judgement(BAD), ben=Judgement(GOOD))
    namesake = replace(ADA, id="iss|another-ada")
    with store.write() as session:
        sign_in(session, id=namesake.id, name="Ada", email="", first_role=Role.LEAD)
        first = adjudicate(session, ADA, one, sent(Judgement(GOOD)))
        second = adjudicate(session, ADA, one, sent(Judgement(BAD), after=first))
        adjudicate(session, namesake, two, sent(Judgement(GOOD)))
        for expected in (second, first):
            last = last_settled(session, ADA, queue.id)
            assert last is not None
            assert last.id == expected
            undo_adjudication(session, ADA, last.id)
        assert last_settled(session, ADA, queue.id) is None
        assert settled(session, queue.id) == {two}


def test_two_settlements_of_one_document_hold_label_by_label(store: Store) -> None:
    queue = made_queue(store, 1, overlap=1)
    task = say(store, queue, ada=Judgement(GOOD, {"x": YES, "y": YES}))
    with store.write() as session:
        trace = find_task(session, task).trace_id
        other = add_queue(
            session, ADA, name="second", kind=queue.kind, traces=[(trace, None)], overlap=1
        )
    again = say(store, other, ben=Judgement(GOOD, {"x": YES}))
    with store.write() as session:
        adjudicate(session, ADA, again, sent(Judgement(GOOD, {"y": YES})))
        adjudicate(session, ADA, task, sent(Judgement(GOOD, {"x": NO})))
    with store.read() as session:
        (found,) = judged_documents(session).values()
    assert found.revised.gold == {"I50.9", "y"}
