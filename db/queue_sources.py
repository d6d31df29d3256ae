"""Which traces a queue asks about: a slice of them, the telling ones first."""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.annotation.verdicts import Compared, TaskKind
from core.errors import InputError
from db.hard_negatives import hard_negative_traces
from db.models import TraceRow
from db.runs import run_records
from db.trace_asked import filter_of
from db.trace_filters import conditions_of
from db.trace_views import TraceState

MAX_TASKS = 1_000_000


class Rule(StrEnum):
    """In which order, and so which first."""

    NEWEST = "newest"
    RANDOM = "random"
    LOWEST_RECALL = "lowest recall"
    HIGHEST_CONFUSION = "highest confusion"
    DISAGREEMENT = "largest disagreement"  # between two runs


class TrainingRule(StrEnum):
    """The same, for queues that are made where training data is: the view Use offers them, the form
    of a new queue does not."""

    HARD_NEGATIVES = "most hard negatives"  # not judged yet (db/hard_negatives.py)


@dataclass(frozen=True, slots=True)
class Source:
    """`asked`: a filter of traces in words (db/trace_asked.py), {} for all; `limit`: the most
    tasks; `seed`: of the random order; `runs`: the two of a disagreement or preference;
    `compared`: what a preference is about."""

    asked: Mapping[str, str] = field(default_factory=dict)
    rule: Rule | TrainingRule = Rule.RANDOM
    limit: int = 100
    seed: int = 0
    runs: tuple[str, ...] = ()
    compared: Compared = Compared.TRACE

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "asked": dict(self.asked), "runs": list(self.runs)}


def chosen(session: Session, kind: TaskKind, source: Source) -> list[tuple[str, str | None]]:
    """(trace, the other one of a preference) of each task, in order. Raises InputError where runs
    are missing or share nothing."""
    if not 1 <= source.limit <= MAX_TASKS:
        raise InputError(f"{source.limit:,} tasks are asked for.", f"Ask for 1 to {MAX_TASKS:,}.")
    if kind is TaskKind.PREFERENCE or source.rule is Rule.DISAGREEMENT:
        pairs = _pairs(session, source)
        both = kind is TaskKind.PREFERENCE
        return [(one, other if both else None) for one, other in pairs][: source.limit]
    _, conditions = conditions_of(session, filter_of(source.asked))
    if source.rule is TrainingRule.HARD_NEGATIVES:
        return [(trace, None) for trace in hard_negative_traces(session, conditions, source.limit)]
    query = select(TraceRow.id).where(*conditions, TraceRow.state == TraceState.DONE)
    if source.rule is Rule.RANDOM:
        ids = list(session.execute(query.order_by(TraceRow.seq)).scalars())
        random.Random(source.seed).shuffle(ids)
        return [(trace, None) for trace in ids[: source.limit]]
    order: dict[Rule | TrainingRule, list[Any]] = {
        Rule.NEWEST: [TraceRow.seq.desc()],
        Rule.LOWEST_RECALL: [TraceRow.recall_at_k.asc(), TraceRow.seq],
        Rule.HIGHEST_CONFUSION: [TraceRow.mean_confusion.desc(), TraceRow.seq],
    }
    known = {
        Rule.LOWEST_RECALL: TraceRow.recall_at_k.is_not(None),
        Rule.HIGHEST_CONFUSION: TraceRow.mean_confusion.is_not(None),
    }.get(source.rule)
    if known is not None:
        query = query.where(known)
    found = session.execute(query.order_by(*order[source.rule]).limit(source.limit)).scalars()
    return [(trace, None) for trace in found]


def _pairs(session: Session, source: Source) -> list[tuple[str, str]]:
    """Traces of both runs on the documents that both have answered, by the rule."""
    if len(source.runs) != 2 or source.runs[0] == source.runs[1]:
        raise InputError("Two runs are needed.", "Choose two different runs over one dataset.")
    one, other = (
        {
            record.document_id: (record.trace_id, frozenset(record.selected))
            for record in run_records(session, run)
        }
        for run in source.runs
    )
    shared = sorted(one.keys() & other.keys())
    if not shared:
        raise InputError(
            "The two runs have no answered document in common.", "Choose runs over one split."
        )
    random.Random(source.seed).shuffle(shared)
    if source.rule is Rule.DISAGREEMENT:
        shared.sort(key=lambda d: _likeness(one[d][1], other[d][1]))
    return [(one[document][0], other[document][0]) for document in shared]


def _likeness(a: frozenset[str], b: frozenset[str]) -> float:
    """Jaccard similarity, in [0, 1]; of two empty answers 1."""
    return len(a & b) / len(a | b) if a | b else 1.0
