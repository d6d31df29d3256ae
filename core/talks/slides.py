"""A slide made from a stored trace: what the Trace page shows of it, as plain data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from math import isfinite
from typing import Any, Protocol

from core.datasets.base import Document
from core.errors import InputError
from core.metrics.sets import example_f1
from core.rerank.base import Bucket, Candidate, Fate, GoldFate, Prediction
from core.shortlist.base import GoldRank, Method, Shortlist
from core.systems import RunConfig
from core.talks.deck import FateLine, LabelLine, PhaseSpan, ShortlistLine, Slide, StepLine, neutral
from core.talks.fates import why
from core.talks.pieces import Places, document_pieces, places_of, step_pieces
from core.traces.base import Mention, Trace
from core.traces.inert import one_line
from core.traces.reading import Reading, reading_of

ROWS = 50  # of the shortlist
TITLE_CHARS = 60  # of the document, where no title is given
LONGEST_TITLE = 200


class Summary(Protocol):
    """The part of db's TraceSummary that a slide needs; core/talks uses no store."""

    @property
    def origin(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def system(self) -> str: ...
    @property
    def run_id(self) -> str | None: ...
    @property
    def state(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def finished_at(self) -> datetime | None: ...


class Stored(Protocol):
    """The part of db's StoredTrace that a slide needs."""

    @property
    def id(self) -> str: ...
    @property
    def summary(self) -> Summary: ...
    @property
    def config(self) -> RunConfig: ...
    @property
    def document(self) -> Document: ...
    @property
    def gold(self) -> tuple[GoldRank, ...]: ...
    @property
    def shortlist(self) -> Shortlist | None: ...
    @property
    def candidates(self) -> tuple[Candidate, ...]: ...
    @property
    def trace(self) -> Trace | None: ...
    @property
    def prediction(self) -> Prediction | None: ...
    @property
    def fates(self) -> tuple[GoldFate, ...]: ...


def slide_of(
    stored: Stored, *, note: str = "", title: str = "", moved_to: tuple[int | None] | None = None
) -> Slide:
    """The slide of a stored trace (db's StoredTrace). `title`: "" for the start of the document.
    `moved_to`: as core.traces.reading.reading_of has it, the boundary that a person says. All texts
    are neutralised. Raises InputError for a trace that has nothing to show."""
    trace = _shown(stored)
    reading = reading_of(
        trace, stored.document.text, stored.candidates, _answer(stored.prediction), moved_to
    )
    places = places_of(reading.anchors)
    summary, names = stored.summary, _names(stored)
    named = tuple(dict.fromkeys(m.label_id for m in trace.mentions))
    curves = trace.curves
    slide = Slide(
        trace_id=stored.id,
        title=one_line(title, LONGEST_TITLE) or _start(stored.document),
        note=note.strip(),
        dataset=summary.dataset, document_id=stored.document.id, system=summary.system,
        run_id=summary.run_id, made_at=_utc(summary.finished_at or summary.created_at),
        state=str(summary.state),
        document=document_pieces(stored.document.text, places),
        labels=_lines(named, stored, names),
        gold=_lines(stored.document.gold, stored, names),
        shortlist=_shortlist(stored, trace), shortlist_said=_shortlist_said(stored),
        steps=_steps(reading, named, places), phases=_phases(reading),
        boundary=reading.trace.boundary, boundary_source=_word(reading.trace.boundary_source),
        boundary_confidence=None if moved_to is not None else reading.boundary_confidence,
        curves=tuple(p for p in curves.points if isfinite(p.focus)) if curves else (),
        near_misses_from=curves.near_misses_from if curves else "",
        **_outcome(stored, names),
        notes=trace.notes,
    )  # fmt: skip
    return Slide.from_json(neutral(slide.to_json()))


def _shown(stored: Stored) -> Trace:
    if stored.trace is None:
        raise InputError(
            f"Trace {stored.id} has nothing to show: it is {stored.summary.state}, without an end.",
            "Choose one that has ended.",
        )
    if not stored.trace.text.strip() and stored.shortlist is None:
        raise InputError(
            f"Trace {stored.id} has nothing to show: it has neither text nor shortlist.",
            "Choose another trace.",
        )
    return stored.trace


def _answer(found: Prediction | None) -> tuple[str, ...] | None:
    """The labels answered; None where there is no answer."""
    answered = found is not None and (found.selected or found.bucket is Bucket.OK)
    return found.selected if found is not None and answered else None


def _start(document: Document) -> str:
    return one_line(document.text, TITLE_CHARS) or document.id


def _utc(moment: datetime) -> str:
    """Naive moments are UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds")


def _word(one: object) -> str | None:
    return None if one is None else str(one)


def _names(stored: Stored) -> dict[str, str]:
    names = {c.label_id: c.name for c in stored.candidates}
    if stored.shortlist is not None:
        names |= {row.label_id: row.name for row in stored.shortlist.rows}
    if stored.prediction is not None:
        names |= {row.label_id: row.name for row in stored.prediction.ranking}
    names |= {one.label_id: one.name for one in stored.gold}
    return names | {fate.label_id: fate.name for fate in stored.fates}


def _lines(
    labels: Sequence[str], stored: Stored, names: Mapping[str, str]
) -> tuple[LabelLine, ...]:
    gold = set(stored.document.gold)
    rows = stored.shortlist.rows if stored.shortlist else ()
    ranks = {row.label_id: row.rank for row in rows}
    return tuple(
        LabelLine(label, names.get(label, ""), label in gold, ranks.get(label)) for label in labels
    )


def _shortlist(stored: Stored, trace: Trace) -> tuple[ShortlistLine, ...] | None:
    if stored.shortlist is None:
        return None
    gold, named = set(stored.document.gold), Counter(m.label_id for m in trace.mentions)
    seen = {c.label_id for c in stored.candidates}
    known = bool(seen) or stored.summary.origin != "import"

    def shown(label_id: str, rank: int) -> bool | None:
        if not known:
            return None
        return label_id in seen if seen else rank <= stored.config.n

    return tuple(
        ShortlistLine(
            row.rank, row.label_id, row.name, round(row.cosine, 4), row.label_id in gold,
            shown(row.label_id, row.rank), named[row.label_id],
        )
        for row in stored.shortlist.rows[:ROWS]
    )  # fmt: skip


def _shortlist_said(stored: Stored) -> str:
    found = stored.shortlist
    if found is None:
        return ""
    what = "nearest" if found.method == Method.DENSE else "best"
    first = f"first {ROWS} of the " if len(found.rows) > ROWS else ""
    said = f"the {first}{len(found.rows):,} {what} of {found.searched:,} labels"
    if stored.summary.origin == "import":
        said += ", by PhaseLens: what the model was shown may be another list"
    return said[0].upper() + said[1:] + "."


def _steps(reading: Reading, named: Sequence[str], places: Places) -> tuple[StepLine, ...]:
    trace = reading.trace
    numbers = {label_id: at for at, label_id in enumerate(named)}
    mentions = sorted(trace.mentions, key=lambda m: m.start)
    found, at = [], 0
    for step, phase in zip(reading.steps, reading.step_phase, strict=True):
        while at < len(mentions) and mentions[at].end <= step.start:
            at += 1
        inside: list[Mention] = []
        for mention in mentions[at:]:
            if mention.start >= step.end:
                break
            inside.append(mention)
        span = (step.start, step.end)
        words = step_pieces(trace.text, span, inside, numbers, places, trace.given)
        given = bool(words) and all(piece.given for piece in words)
        found.append(StepLine(_word(phase) or "", str(step.function), given, words))
    return tuple(found)


def _phases(reading: Reading) -> tuple[PhaseSpan, ...]:
    """Steps of one phase in a row as one part; none for a trace without phases."""
    if not reading.trace.phases:
        return ()
    found, start = [], 0.0
    steps = zip(reading.step_phase, reading.ends, strict=True)
    for kind, some in groupby(steps, key=lambda one: one[0]):
        end = list(some)[-1][1]
        found.append(PhaseSpan(_word(kind) or "", round(start, 4), round(end, 4)))
        start = end
    return tuple(found)


def _outcome(stored: Stored, names: Mapping[str, str]) -> dict[str, Any]:
    """The answer, how good it is, and the fates of the gold labels."""
    found, gold = stored.prediction, set(stored.document.gold)
    answer = _answer(found)
    k = stored.shortlist.k if stored.shortlist else None
    n = len(stored.candidates) or (None if stored.summary.origin == "import" else stored.config.n)
    return {
        "answer": None if answer is None else _lines(answer, stored, names),
        "f1": example_f1(set(found.selected), gold) if found is not None and gold else None,
        "format": str(found.bucket) if found is not None else "",
        "format_why": found.bucket_why if found is not None else "",
        "fates": tuple(
            FateLine(
                one.label_id, one.name, str(one.fate), why(one, k, n), one.fate is Fate.SELECTED
            )
            for one in stored.fates
        ),
    }
