"""What annotators say of documents' gold labels: all judgements of a document together, and the
flags that say that gold is missing.

A verdict or flag "missing gold" that names no label means the gold labels that were not on the
screen.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.annotation.gold import Revised, heard, last_words, revised, settled_verdicts
from core.annotation.judgement import Judgement
from core.annotation.verdicts import LabelVerdict, ShortlistVerdict, TaskKind
from core.errors import InputError
from db.adjudication import JudgedTask, judged_tasks
from db.annotation_models import AnnotationEventRow, JudgementRow, QueueRow, TaskRow
from db.judgements import JUDGEMENT, Judged, judged, standing
from db.models import TraceBodyRow, TraceRow
from db.queues import Queue, find_queue, queues
from db.shortlist_flags import shortlist_flags
from db.trace_filters import standing_flags

AT_A_TIME = 500
MANY_FLAGS = 1_000_000
Key = tuple[str, str]  # (dataset, document id)
_OF_GOLD = (ShortlistVerdict.WRONG_GOLD, ShortlistVerdict.MISSING_GOLD)


@dataclass
class JudgedDocument:
    """All that was said of one document's labels. `own`: gold as the dataset has it; `screens`: the
    labels that were on the screen of those who missed gold without naming it."""

    trace_id: str
    own: tuple[str, ...]
    said: list[Judgement] = field(default_factory=list)
    finals: list[tuple[datetime, Judgement]] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    guidelines: set[int] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    screens: list[frozenset[str]] = field(default_factory=list)

    @property
    def final(self) -> Judgement | None:
        """What leads have settled, of each label the last word."""
        return last_words([one for _, one in sorted(self.finals, key=lambda both: both[0])])

    @property
    def revised(self) -> Revised:
        """Revised gold; `missed` also holds what flags and verdicts miss without naming it."""
        found = revised(self.own, self.said, self.final)
        unnamed = {label for screen in self.screens for label in found.gold - screen}
        return replace(found, missed=found.missed | unnamed)

    @property
    def verdicts(self) -> dict[str, LabelVerdict]:
        return settled_verdicts(self.said, self.final)

    @property
    def unresolved(self) -> bool:
        """Whether most say that gold is wrong or missing, and nobody says which label."""
        last = [self.final] if self.final is not None else self.said
        against = [one for one in last if one.shortlist in _OF_GOLD]
        named = any(
            one.missing or LabelVerdict.WRONG_GOLD in one.labels.values()
            or any(label in one.labels for label in self.own)
            for one in last
        )  # fmt: skip
        return 2 * len(against) > len(last) and not named

    def add(self, task: JudgedTask, queue: str) -> None:
        """Several tasks on one document count together; of several adjudications the last one's
        word on a label holds."""
        for one in (*task.judgements, *((task.final,) if task.final else ())):
            self.guidelines |= {one.guideline} if one.guideline is not None else set()
            if one.judgement.shortlist is ShortlistVerdict.MISSING_GOLD:
                self.screens += _screen(one.judgement, one.shown)
        final = task.final.judgement if task.final else None
        self.said += heard([one.judgement for one in task.judgements], final)
        self.people |= {one.person for one in task.judgements}
        self.queues |= {queue} if queue else set()
        if task.final is not None:
            self.finals.append((task.final.created_at, task.final.judgement))


def judged_documents(session: Session, queue_id: str | None = None) -> dict[Key, JudgedDocument]:
    """Of one queue of shortlists, or of all of them and of traces outside any queue, in the order
    they were judged in. Raises UnknownNameError; InputError for a queue of another kind."""
    found: dict[Key, JudgedDocument] = {}
    for queue, tasks in _sources(session, queue_id):
        for task in tasks:
            key = (task.dataset, task.document_id)
            if key not in found:
                found[key] = JudgedDocument(task.trace_id, task.gold)
            found[key].add(task, queue)
    return found


def judged_keys(session: Session, queue_id: str | None = None) -> set[Key]:
    """The keys of `judged_documents`, without what was said. Raises as that does."""
    query = (
        select(TraceRow.dataset, TraceRow.document_id)
        .join(TaskRow, TaskRow.trace_id == TraceRow.id)
        .join(QueueRow, QueueRow.id == TaskRow.queue_id)
        .where(QueueRow.kind == TaskKind.SHORTLIST.value, TaskRow.judged > 0)
        .distinct()
    )
    if queue_id is not None:
        query = query.where(QueueRow.id == _queue_of_labels(session, queue_id).id)
    found = {(dataset, document) for dataset, document in session.execute(query)}
    if queue_id is None:
        found |= {(task.dataset, task.document_id) for task in _single_traces(session)}
    return found


def _queue_of_labels(session: Session, queue_id: str) -> Queue:
    queue = find_queue(session, queue_id)
    if queue.kind is not TaskKind.SHORTLIST:
        raise InputError(
            f"The queue {queue.name!r} asks for no labels.", "Choose a queue of shortlists."
        )
    return queue


def _sources(session: Session, queue_id: str | None) -> Iterator[tuple[str, Iterable[JudgedTask]]]:
    if queue_id is not None:
        queue = _queue_of_labels(session, queue_id)
        yield queue.name, judged_tasks(session, queue.id)
        return
    for queue in reversed(queues(session)):
        if queue.kind is TaskKind.SHORTLIST:
            yield queue.name, judged_tasks(session, queue.id)
    yield "", _single_traces(session)


def _single_traces(session: Session) -> Iterator[JudgedTask]:
    """Judgements of labels outside any queue, each as a task of its own."""
    last = 0
    while True:
        rows = session.execute(
            standing()
            .add_columns(TraceRow.dataset, TraceRow.document_id, TraceBodyRow.gold)
            .join(TraceRow, TraceRow.id == JudgementRow.trace_id)
            .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
            .where(
                JudgementRow.task_id.is_(None), JudgementRow.kind == JUDGEMENT,
                JudgementRow.seq > last,
            )
            .order_by(JudgementRow.seq)
            .limit(AT_A_TIME)
        ).all()  # fmt: skip
        if not rows:
            return
        for row, dataset, document, gold in rows:
            one: Judged = judged(row)
            if one.judgement.shortlist or one.judgement.labels or one.judgement.missing:
                yield JudgedTask(0, 0, one.trace_id, dataset, document, tuple(gold), (one,), None)
        last = rows[-1][0].seq


def flagged_documents(session: Session) -> dict[Key, JudgedDocument]:
    """Documents of which some trace or shortlist is flagged as missing gold, in the same form."""
    found: dict[Key, JudgedDocument] = {}
    rows = session.execute(
        select(TraceRow.id, TraceRow.dataset, TraceRow.document_id, TraceBodyRow.gold,
               AnnotationEventRow.shown)
        .join(TraceRow, TraceRow.id == AnnotationEventRow.trace_id)
        .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
        .where(standing_flags(), AnnotationEventRow.verdict == ShortlistVerdict.MISSING_GOLD)
        .order_by(AnnotationEventRow.created_at, AnnotationEventRow.id)
    )  # fmt: skip
    for id, dataset, document, gold, shown in rows:
        one = found.setdefault((dataset, document), JudgedDocument(id, tuple(gold)))
        one.screens += _screen(None, shown or {})
    flags = shortlist_flags(session, verdict=ShortlistVerdict.MISSING_GOLD, limit=MANY_FLAGS)
    for flag in reversed(flags):
        if flag.document_id:  # a text of one's own has no gold
            gold = tuple(flag.shown.get("gold") or ())
            key = (flag.dataset, flag.document_id)
            found.setdefault(key, JudgedDocument("", gold)).screens += _screen(None, flag.shown)
    return found


def _screen(said: Judgement | None, shown: dict[str, Any]) -> list[frozenset[str]]:
    """The labels on a screen, where what is missing is not named but some labels were shown."""
    labels = shown.get("labels")
    named = said is not None and bool(said.missing)
    return [] if named or not labels else [frozenset(map(str, labels))]


def with_flags(
    judged: dict[Key, JudgedDocument], flagged: dict[Key, JudgedDocument], *, only_judged: bool
) -> dict[Key, Revised]:
    """Revised gold by document, with what flags miss. `only_judged`: without documents that were
    flagged and never judged."""
    screens: dict[Key, list[frozenset[str]]] = defaultdict(list)
    for key, one in flagged.items():
        screens[key] = one.screens
    found = {
        key: replace(one, screens=[*one.screens, *screens[key]]).revised
        for key, one in judged.items()
    }
    if not only_judged:
        found |= {key: one.revised for key, one in flagged.items() if key not in judged}
    return found
