"""Judgements of every kind, with the nastiest texts there are, for the tests of their use."""

from core.annotation.judgement import Judgement
from core.annotation.verdicts import (
    LabelVerdict,
    PhaseVerdict,
    Preference,
    ShortlistVerdict,
    TaskKind,
)
from core.traces.base import PhaseKind
from db.adjudication import adjudicate
from db.annotation_models import QueueRow
from db.judgements import Submission, judge_task, judge_trace, undo_judgement
from db.queues import Queue
from db.session import Store
from db.tasks import next_task
from tests.db.asked import ADA, BEN, EVA, made_queue, made_traces, sent

YES, NO, NEAR = LabelVerdict.RELEVANT, LabelVerdict.IRRELEVANT, LabelVerdict.NEAR_MISS
GOOD, BAD = ShortlistVerdict.GOOD, ShortlistVerdict.OFF_TOPIC
NASTY = (
    "=1+1", "'=1", "-2", "+3", "@A1", "\ttab", "\rcr", "a\r\nb\n\nc", 'a";=cmd|x', "C:\\new",
    "\x00\x1f", "lone \ud800 one", "日本語 🙂", "\u202eabc\u2028", "", "x" * 5_000,
)  # fmt: skip


def say(store: Store, queue: Queue, *said: tuple[str, Judgement]) -> int:
    """Each of these people judges the next task, which is given back."""
    people = {"ada": ADA, "ben": BEN, "eva": EVA}
    for name, judgement in said:
        with store.write() as session:
            task = next_task(session, people[name], queue.id)
            assert task is not None
            judge_task(session, people[name], task.id, sent(judgement))
    return task.id


def nasty_store(store: Store) -> list[Queue]:
    """Three queues: judged, judged again, taken back, settled; and a trace outside any."""
    first = made_queue(store, len(NASTY), overlap=2, name="=queue, first")
    for number, text in enumerate(NASTY):
        one = Judgement(GOOD, {f"L{number}": NO, text: NEAR}, (text,), comment=text)
        task = say(store, first, ("ada", one), ("ben", Judgement(BAD, reasons=(text,))))
    with store.write() as session:
        again = judge_task(session, ADA, task, sent(Judgement(BAD), after=newest_of(store, task)))
        undo_judgement(session, ADA, again, "click")
        settled = Submission(Judgement(GOOD, {"L0": YES}), shown={"-x": ["=1", -1.5, None]})
        adjudicate(session, EVA, task, settled)
    traces = made_queue(store, 1, kind=TaskKind.TRACE, name="traces")
    phases = {PhaseKind.SHORTLISTING: PhaseVerdict.SOUND, PhaseKind.REASONING: PhaseVerdict.FLAWED}
    say(store, traces, ("ada", Judgement(phases=phases, boundary=-1)))
    sides = made_queue(store, 1, kind=TaskKind.PREFERENCE, name="sides")
    with store.write() as session:
        session.get_one(QueueRow, sides.id).source = {"compared": "shortlist", "asked": {"x": "=1"}}
    say(store, sides, ("ada", Judgement(preference=Preference.BOTH)))
    (trace,) = made_traces(store, 1)
    with store.write() as session:
        judge_trace(session, BEN, trace, sent(Judgement(labels={"L": YES}), token="t" * 64))
    return [first, traces, sides]


def newest_of(store: Store, task: int) -> str:
    """Ada's newest event on a task."""
    from db.judgements import newest

    with store.read() as session:
        return newest(session, ADA, f"task:{task}")
