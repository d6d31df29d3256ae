"""An imported trace worked out: what our own runs know of a trace when they end.

1. The document's shortlist, by the dataset's own index: the model that wrote the trace may never
   have seen it, so it is there to compare with.
2. Labels to look for in the trace: those it was shown, or, where that is not known, those of the
   shortlist, the gold ones and the answered ones.
3. Phases, mentions, answer, fates, curves.

Fates: a trace whose candidates are not known was shown everything, for all we know, so a gold label
is lost by what the trace says of it, not by our shortlist.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.datasets.base import Dataset, Document, LabelSpace
from core.errors import PhaseLensError, StoreError
from core.metrics.sets import example_f1
from core.rerank.base import (
    Bucket,
    Candidate,
    Fate,
    GoldFate,
    PlacedBy,
    Prediction,
    RankedLabel,
    Verdict,
    nearness_of,
)
from core.shortlist.base import GoldRank, Shortlist
from core.toolbox import Toolbox
from core.trace_curves import measured, near_misses_of
from core.traces.base import BoundarySource, FinishReason, Mention, PhaseKind, Trace
from core.traces.functions import functions_of, verdicts_of
from core.traces.fuzzy_mentions import fuzzy_mentions
from core.traces.mentions import find_mentions
from core.traces.prose import segment_any, with_answer
from core.traces.prose_answer import answer_span, answered
from core.traces.references import apart, referred
from db.boundaries import keep_moved
from db.trace_imports import count_to_analyse, to_analyse
from db.trace_views import StoredTrace, TraceFilter, TraceRecord
from db.traces import finish_trace, load_trace

K = 50
log = logging.getLogger(__name__)

Report = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]


@dataclass
class TraceAnalyst:
    """Works out imported traces with the tools of one process; one caller at a time."""

    toolbox: Toolbox

    def analyse(self, stored: StoredTrace) -> TraceRecord:
        """All that can be known of a stored trace. Raises InputError, DataError, IndexFileError."""
        if stored.trace is None:
            raise ValueError(f"{stored.id} was never imported")
        dataset = self.toolbox.dataset(stored.summary.dataset)
        retriever, encoder = self.toolbox.retriever(dataset), self.toolbox.encoder()
        document = _whole(stored, dataset)
        vector = encoder.encode([document.text])[0]
        k = min(K, len(dataset.labels))
        shortlist = retriever.search(document.text, vector, k, excluded=document.excluded)
        gold = retriever.gold_ranks(
            document.text, vector, document.gold, k=k, excluded=document.excluded
        )
        said = stored.answer
        looked = labels_to_look_for(stored.candidates, shortlist, gold, said or (), dataset.labels)
        trace = read(stored.trace, looked, document.text)
        answer = said if said is not None else answer_in(trace, looked)
        prediction = _prediction(trace, answer, looked, shortlist, given=said is not None)
        near, source = near_misses_of(retriever.index, document, looked, prediction.selected)
        if trace.text.strip():
            trace = measured(encoder, trace, document.text, near, source)
        fates = _fates(gold, shortlist, stored.candidates, trace, prediction, document.text)
        gold_ids = set(document.gold)
        found = {row.label_id for row in shortlist.rows}
        return TraceRecord(
            document=document, gold=gold, shortlist=shortlist, candidates=stored.candidates,
            rendered="", trace=trace, prediction=prediction, fates=fates,
            example_f1=example_f1(set(answer or ()), gold_ids) if gold_ids else None,
            recall_at_k=len(gold_ids & found) / len(gold_ids) if gold_ids else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Analysed:
    """A trace whose phases, mentions, curves and fates are in the store now."""

    trace_id: str


def analyse_stored(toolbox: Toolbox, trace_id: str) -> Analysed:
    """Works out one imported trace, unless that is done. Raises as TraceAnalyst.analyse, and
    UnknownNameError, StoreError."""
    with toolbox.store.read() as session:
        stored = load_trace(session, trace_id)
    if stored.to_analyse:
        record = TraceAnalyst(toolbox).analyse(stored)
        with toolbox.store.write() as session:
            finish_trace(session, trace_id, record)
            keep_moved(session, trace_id)
    return Analysed(trace_id)


def analyse_all(
    toolbox: Toolbox, filter: TraceFilter, report: Report, cancelled: Cancelled
) -> dict[str, int]:
    """Works out every imported trace that the filter leaves and that is still to be; counts by
    "done" and "failed". One that cannot be worked out is passed over. Cancelled, it stops."""
    counts = {"done": 0, "failed": 0}
    with toolbox.store.read() as session:
        total = count_to_analyse(session, filter)
    report("Working out traces", 0, total)
    last = 0
    while True:
        with toolbox.store.read() as session:
            some = to_analyse(session, filter, last)
        if not some:
            return counts
        last = some[-1][0]
        for _, trace_id in some:
            if cancelled():
                return counts
            try:
                analyse_stored(toolbox, trace_id)
                counts["done"] += 1
            except StoreError:  # of the store, not of this trace: the next would fail as well
                raise
            except (PhaseLensError, RuntimeError, ValueError, MemoryError) as error:
                log.warning("trace %s cannot be worked out: %s", trace_id, error)
                counts["failed"] += 1
            report("Working out traces", sum(counts.values()), total)


def _whole(stored: StoredTrace, dataset: Dataset) -> Document:
    """The document with what the dataset excludes for it, where it is the dataset's."""
    if stored.document.split is None:
        return stored.document
    return replace(stored.document, excluded=dataset.document(stored.document.id).excluded)


def labels_to_look_for(
    shown: Sequence[Candidate],
    shortlist: Shortlist,
    gold: Sequence[GoldRank],
    answered: Sequence[str],
    labels: LabelSpace,
) -> tuple[Candidate, ...]:
    """The candidates shown; where these are not known, all labels that the trace may well name,
    under numbers below 0, which no text refers to."""
    if shown:
        return tuple(shown)
    names = {row.label_id: row.name for row in shortlist.rows}
    names |= {one.label_id: one.name for one in gold if one.in_vocabulary}
    for label_id in answered:
        row = labels.row(label_id)
        names.setdefault(label_id, label_id if row is None else labels.name(row))
    cosines = {row.label_id: row.cosine for row in shortlist.rows}
    return tuple(
        Candidate(-at, label_id, name, nearness_of(cosines.get(label_id, -1.0)))
        for at, (label_id, name) in enumerate(names.items(), start=1)
    )


def read(trace: Trace, looked: Sequence[Candidate], document: str) -> Trace:
    """The trace with its phases, its answer among them, and all mentions of the labels: by name,
    exact and fuzzy, by code and by number."""
    phases, boundary, source = segment_any(trace.text, trace.token_offsets, looked)
    mentions = all_mentions(trace.text, looked, document)
    if source is not BoundarySource.GRAMMAR:
        phases = with_answer(trace.text, phases, answer_span(trace.text, mentions, looked))
    return replace(
        trace, phases=phases, boundary=boundary, boundary_source=source, mentions=mentions
    )


def all_mentions(text: str, looked: Sequence[Candidate], document: str) -> tuple[Mention, ...]:
    """In order, none overlapping another."""
    exact = find_mentions(text, looked)
    found = [*exact, *apart(referred(text, looked, document), exact)]
    found += fuzzy_mentions(text, looked, found)
    return tuple(sorted(found, key=lambda m: m.start))


def answer_in(trace: Trace, looked: Sequence[Candidate]) -> tuple[str, ...] | None:
    """The labels of the trace's answer, in order; () where it says that none fits, None where it
    has no answer, or one that cannot be read."""
    parts = [phase for phase in trace.phases if phase.kind is PhaseKind.ANSWER]
    if not parts:
        return None
    last = max(parts, key=lambda phase: phase.start)
    found = answer_span(trace.text, trace.mentions, looked)
    inside = found is not None and found[0] >= last.start
    span = found if found is not None and inside else (last.start, last.end)
    return answered(trace.text, span, trace.mentions, looked)


def named_before_answer(trace: Trace) -> tuple[Mention, ...]:
    answer = min((p.start for p in trace.phases if p.kind is PhaseKind.ANSWER), default=None)
    return tuple(m for m in trace.mentions if answer is None or m.start < answer)


def verdicts_in(trace: Trace, document: str) -> tuple[tuple[str, Verdict, int], ...]:
    """(label, verdict, character) of each decision, in order."""
    return verdicts_of(functions_of(trace.text, trace.phases, trace.mentions, document))


def _prediction(
    trace: Trace,
    answer: tuple[str, ...] | None,
    looked: Sequence[Candidate],
    shortlist: Shortlist,
    *,
    given: bool,
) -> Prediction:
    """The answered labels alone: the shortlist is ours, and completes nobody else's answer."""
    names = {c.label_id: c.name for c in looked}
    cosines = {row.label_id: row.cosine for row in shortlist.rows}
    ranking = tuple(
        RankedLabel(
            label_id, names.get(label_id, label_id), rank, PlacedBy.ANSWER, None,
            cosines.get(label_id, 0.0),
        )
        for rank, label_id in enumerate(answer or (), start=1)
    )  # fmt: skip
    if answer is not None:
        why = "" if given else "The answer was read off the text."
        return Prediction(ranking, answer, Bucket.OK, why)
    if not trace.text.strip():
        return Prediction((), (), Bucket.NOTHING, "The model wrote nothing.")
    if trace.finish_reason is FinishReason.LENGTH:
        return Prediction((), (), Bucket.CUT_OFF, "The trace ends before an answer.")
    return Prediction((), (), Bucket.WRONG_FORMAT, "No answer was found in the trace.")


def _fates(
    gold: Sequence[GoldRank],
    shortlist: Shortlist,
    shown: Sequence[Candidate],
    trace: Trace,
    prediction: Prediction,
    document: str,
) -> tuple[GoldFate, ...]:
    ranks = {row.label_id: row.rank for row in shortlist.rows}
    named = {m.label_id for m in named_before_answer(trace)}
    last = {label: verdict for label, verdict, _ in verdicts_in(trace, document)}
    seen = {c.label_id for c in shown}

    def fate(one: GoldRank) -> Fate:
        if one.label_id in prediction.selected:
            return Fate.SELECTED
        if not one.in_vocabulary:
            return Fate.NOT_IN_VOCABULARY
        if seen and one.label_id not in seen:
            return Fate.NOT_SHOWN
        if last.get(one.label_id) is Verdict.KEEP:
            return Fate.LOST_IN_PARSING
        return Fate.DROPPED_IN_REASONING if one.label_id in named else Fate.DROPPED_IN_SHORTLISTING

    return tuple(
        GoldFate(one.label_id, one.name, fate(one), ranks.get(one.label_id), one.exact_rank)
        for one in gold
    )
