"""From judgements to ratings, a lead's last word, and revised gold."""

import pytest

from core.annotation.judgement import Judgement
from core.annotation.verdicts import (
    LabelVerdict,
    PhaseVerdict,
    Preference,
    ShortlistVerdict,
    TaskKind,
)
from core.errors import ConflictError, UnknownNameError
from core.traces.base import PhaseKind
from db.adjudication import (
    adjudicate,
    judged_tasks,
    label_verdicts_of,
    newest_adjudication,
    ratings_of,
    revised_gold,
)
from db.judgements import judge_task
from db.queues import Queue
from db.session import Store
from db.tasks import next_task
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


def test_ratings_of_each_kind(store: Store) -> None:
    shortlists = made_queue(store, 2, overlap=2)
    one = say(store, shortlists, ada=Judgement(GOOD), ben=Judgement(BAD))
    traces = made_queue(store, 1, kind=TaskKind.TRACE, name="traces")
    phases = {PhaseKind.SHORTLISTING: PhaseVerdict.SOUND, PhaseKind.REASONING: PhaseVerdict.FLAWED}
    two = say(store, traces, ada=Judgement(phases=phases))
    sides = made_queue(store, 1, kind=TaskKind.PREFERENCE, name="sides")
    three = say(store, sides, ada=Judgement(preference=Preference.BOTH))
    with store.read() as session:
        assert ratings_of(judged_tasks(session, shortlists.id), TaskKind.SHORTLIST) == [
            (str(one), ADA.id, "good"), (str(one), BEN.id, "off_topic"),
        ]  # fmt: skip
        assert ratings_of(judged_tasks(session, traces.id), TaskKind.TRACE) == [
            (f"{two}/shortlisting", ADA.id, "sound"), (f"{two}/reasoning", ADA.id, "flawed"),
        ]  # fmt: skip
        assert ratings_of(judged_tasks(session, sides.id), TaskKind.PREFERENCE) == [
            (str(three), ADA.id, "both")
        ]


def test_verdicts_on_labels_with_those_that_were_missing(store: Store) -> None:
    queue = made_queue(store, 1, overlap=2)
    say(store, queue, ada=Judgement(GOOD, {"I50.9": NO}), ben=Judgement(GOOD, missing=("I51",)))
    with store.read() as session:
        assert label_verdicts_of(judged_tasks(session, queue.id)) == [
            ("d0", "I50.9", ADA.id, NO), ("d0", "I51", BEN.id, YES),
        ]  # fmt: skip


def test_a_lead_has_the_last_word_and_two_leads_do_not_overwrite_each_other(store: Store) -> None:
    queue = made_queue(store, 1, overlap=3)
    no, yes = Judgement(BAD, {"I50.9": NO}), Judgement(GOOD, {"I50.9": YES})
    task = say(store, queue, ada=no, ben=no, eva=yes)
    with store.write() as session:
        (gold,) = revised_gold(judged_tasks(session, queue.id)).values()
        assert gold.removed == {"I50.9"}
        first = adjudicate(session, ADA, task, sent(yes))
        with pytest.raises(ConflictError, match="Ada has settled this"):
            adjudicate(session, BEN, task, sent(no))
        assert newest_adjudication(session, task) == first
        ((_, gold),) = revised_gold(judged_tasks(session, queue.id)).items()
        assert gold.gold == {"I50.9"}
        adjudicate(session, BEN, task, sent(no, after=first))
        (one,) = judged_tasks(session, queue.id)
        assert len(one.judgements) == 3, "the annotators' own stay"
        assert one.final is not None
        assert (one.final.annotator, one.final.judgement) == ("Ben", no)
        with pytest.raises(UnknownNameError):
            adjudicate(session, ADA, 10**9, sent(yes))
