"""How far the annotators of a queue agree: the verdicts it asks for, each label, each reason, each
pair of annotators, and where they contradict gold."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Protocol

from core.agreement.annotators import AnnotatorAgreement, annotator_agreement
from core.agreement.base import Agreement
from core.agreement.cohen import cohen_kappa
from core.agreement.label_errors import LabelError, label_errors
from core.agreement.ratings import Ratings
from core.agreement.reasons import Mark, ReasonAgreement, reason_agreement
from core.agreement.summary import Summary, summary
from core.annotation.judgement import Judgement
from core.annotation.verdicts import LabelVerdict, TaskKind
from core.annotation.votes import Difference, difference
from core.metrics.bootstrap import RESAMPLES

MOST_PAIRED = 12  # annotators of whom every pair is compared


class Stood(Protocol):
    """The part of db's Judged that is needed; core/agreement uses no store."""

    @property
    def person(self) -> str: ...
    @property
    def annotator(self) -> str: ...
    @property
    def judgement(self) -> Judgement: ...
    @property
    def seconds(self) -> float | None: ...
    @property
    def created_at(self) -> datetime: ...


class JudgedOne(Protocol):
    """The part of db's JudgedTask that is needed."""

    @property
    def task_id(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def dataset(self) -> str: ...
    @property
    def document_id(self) -> str: ...
    @property
    def gold(self) -> Sequence[str]: ...
    @property
    def judgements(self) -> Sequence[Stood]: ...


@dataclass(frozen=True, slots=True)
class Pair:
    """Cohen's kappa of two annotators."""

    first: str
    second: str
    kappa: Agreement


@dataclass(frozen=True, slots=True)
class Work:
    """What one annotator did: tasks judged, median seconds a task (None where no time is known),
    and how far they agree with the others."""

    annotator: str
    tasks: int
    seconds: float | None
    agreement: AnnotatorAgreement | None


@dataclass(frozen=True, slots=True)
class DisputedTask:
    """A task on which annotators differ, and who they are."""

    task_id: int
    position: int
    dataset: str
    document_id: str
    annotators: tuple[str, ...]
    difference: Difference


@dataclass(frozen=True, slots=True)
class QueueAgreement:
    """`verdicts`: of what the queue asks for; `by_name`: each part of it by itself, where it asks
    for several (the two phases of a trace); `labels`: of single labels, an item a (task, label).
    `shared`: tasks that two or more have judged. `disputes`: the most disputed first. Errors are
    candidates for a lead to look at. Documents are named "dataset / document" in `errors`."""

    tasks: int
    shared: int
    verdicts: Summary
    by_name: Mapping[str, Summary]
    labels: Summary | None
    pairs: tuple[Pair, ...]
    work: tuple[Work, ...]
    reasons: tuple[ReasonAgreement, ...]
    disputes: tuple[DisputedTask, ...]
    errors: tuple[LabelError, ...]


def queue_agreement(
    tasks: Iterable[JudgedOne], kind: TaskKind, *, resamples: int = RESAMPLES
) -> QueueAgreement:
    """Of all tasks of a queue that somebody has judged. Annotators are called by their names; two
    of one name by name and id."""
    kept = list(tasks)
    names = names_of(kept)
    ratings, by_name = _verdicts(kept, kind, names)
    labels = Ratings.of(
        (f"{task.task_id}/{label}", names[one.person], str(verdict))
        for task in kept
        for one in task.judgements
        for label, verdict in one.judgement.labels.items()
    )
    marks: list[Mark] = [
        (str(task.task_id), names[one.person], frozenset(one.judgement.reasons))
        for task in kept
        for one in task.judgements
    ]
    return QueueAgreement(
        tasks=len(kept),
        shared=sum(len(task.judgements) > 1 for task in kept),
        verdicts=summary(ratings, resamples=resamples),
        by_name={
            name: summary(some, resamples=resamples) for name, some in by_name.items()
        },
        labels=summary(labels, resamples=resamples) if labels.items else None,
        pairs=_pairs(ratings, resamples),
        work=_work(kept, names, ratings),
        reasons=tuple(reason_agreement(marks, resamples=resamples)),
        disputes=disputed_tasks(kept, names),
        errors=_errors(kept, names),
    )  # fmt: skip


def names_of(tasks: Iterable[JudgedOne]) -> dict[str, str]:
    """Person's id -> name, the newest one given; with the id where two people have one name."""
    newest: dict[str, tuple[datetime, str]] = {}
    for task in tasks:
        for one in task.judgements:
            now = (one.created_at, one.annotator or one.person)
            newest[one.person] = max(newest.get(one.person, now), now)
    names = {person: name for person, (_, name) in newest.items()}
    often = Counter(names.values())
    return {
        person: f"{name} ({person})" if often[name] > 1 else name for person, name in names.items()
    }


def disputed_tasks(
    tasks: Iterable[JudgedOne], names: Mapping[str, str]
) -> tuple[DisputedTask, ...]:
    """Tasks on which annotators differ, the most disputed first, then in the queue's order."""
    found = []
    for task in tasks:
        how = difference([one.judgement for one in task.judgements])
        if how.any:
            who = tuple(names[one.person] for one in task.judgements)
            found.append(
                DisputedTask(task.task_id, task.position, task.dataset, task.document_id, who, how)
            )
    found.sort(key=lambda one: one.position)
    return tuple(sorted(found, key=lambda one: one.difference.rank, reverse=True))


def _verdicts(
    tasks: Sequence[JudgedOne], kind: TaskKind, names: Mapping[str, str]
) -> tuple[Ratings, dict[str, Ratings]]:
    """What the queue asks for, whole and by part."""
    parts: dict[str, list[tuple[str, str, str]]] = {}
    for task in tasks:
        for one in task.judgements:
            said = one.judgement
            if kind is TaskKind.TRACE:
                given = {str(phase): str(verdict) for phase, verdict in said.phases.items()}
            else:
                verdict = said.shortlist if kind is TaskKind.SHORTLIST else said.preference
                given = {"": str(verdict)} if verdict else {}
            for part, word in given.items():
                item = f"{task.task_id}/{part}" if part else str(task.task_id)
                parts.setdefault(part, []).append((item, names[one.person], word))
    whole = Ratings.of(rating for some in parts.values() for rating in some)
    if len(parts) < 2:
        return whole, {}
    return whole, {part: Ratings.of(some) for part, some in sorted(parts.items(), reverse=True)}


def _pairs(ratings: Ratings, resamples: int) -> tuple[Pair, ...]:
    people = ratings.annotators[:MOST_PAIRED]
    return tuple(
        Pair(first, second, cohen_kappa(ratings, first, second, resamples=resamples))
        for at, first in enumerate(people)
        for second in people[at + 1 :]
    )


def _work(
    tasks: Sequence[JudgedOne], names: Mapping[str, str], ratings: Ratings
) -> tuple[Work, ...]:
    seconds: dict[str, list[float]] = {}
    done: Counter[str] = Counter()
    for task in tasks:
        for one in task.judgements:
            name = names[one.person]
            done[name] += 1
            if one.seconds is not None:
                seconds.setdefault(name, []).append(one.seconds)
    agreed = {one.annotator: one for one in annotator_agreement(ratings)}
    return tuple(
        Work(name, count, median(seconds[name]) if name in seconds else None, agreed.get(name))
        for name, count in sorted(done.items())
    )


def _errors(tasks: Sequence[JudgedOne], names: Mapping[str, str]) -> tuple[LabelError, ...]:
    """Of several tasks on one document, what an annotator said last of a label counts."""
    gold: dict[str, frozenset[str]] = {}
    said: dict[tuple[str, str, str], tuple[datetime, LabelVerdict]] = {}
    for task in tasks:
        document = f"{task.dataset} / {task.document_id}"
        gold[document] = frozenset(task.gold)
        for one in task.judgements:
            given = dict(one.judgement.labels)
            given |= dict.fromkeys(one.judgement.missing, LabelVerdict.RELEVANT)
            for label, verdict in given.items():
                key = (document, label, names[one.person])
                now = (one.created_at, verdict)
                said[key] = max(said.get(key, now), now, key=lambda both: both[0])
    return tuple(label_errors(gold, [(*key, verdict) for key, (_, verdict) in said.items()]))
