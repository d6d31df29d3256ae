"""Stored traces for talks: saved and read back through the store, as the app does it."""

import dataclasses

from core.config import load_settings
from core.datasets.base import Document, Split
from core.metrics.sets import example_f1
from core.rerank.base import (
    Bucket,
    Candidate,
    Fate,
    GoldFate,
    PlacedBy,
    Prediction,
    RankedLabel,
)
from core.shortlist.base import GoldRank, Shortlist, ShortlistRow
from core.traces.base import CurvePoint, Curves, FinishReason, NearMiss, Trace
from core.traces.mentions import find_mentions
from core.traces.phases import segment
from db.runs import ensure_run
from db.session import open_store
from db.trace_views import StoredTrace, TraceRecord
from db.traces import begin_trace, finish_trace, load_trace
from tests.db.examples import CONFIG
from tests.pages.saved import IDENTITY

TEXT = (
    "Shortness of breath and swollen ankles for two weeks. Known congestive heart failure, "
    "last admission in spring. No fever, no cough. Takes furosemide irregularly."
)
NAMES = (
    ("I50.9", "Heart failure, unspecified", 0.71),
    ("R06.02", "Shortness of breath", 0.68),
    ("R60.0", "Localized edema", 0.61),
    ("I50.22", "Chronic systolic (congestive) heart failure", 0.60),
    ("J18.9", "Pneumonia, unspecified organism", 0.52),
    ("R05", "Cough", 0.49),
    ("I11.0", "Hypertensive heart disease with heart failure", 0.48),
    ("R50.9", "Fever, unspecified", 0.44),
)
SHOWN = 6
GOLD = ("I50.9", "R60.0", "Z91.14")
TRACE = """Shortlist:
1. Heart failure, unspecified <- "congestive heart failure"
2. Shortness of breath <- "Shortness of breath"
3. Localized edema <- "swollen ankles"
5. Pneumonia, unspecified organism <- "breath"
6. Cough <- "no cough"
Reasoning:
1. keep: the note says "Known congestive heart failure", and nothing more exact.
2. drop: a sign of the heart failure, not a diagnosis of its own.
3. drop: "swollen ankles" go with the failing heart as well.
5. drop: there is "No fever", so nothing speaks for pneumonia.
6. drop: the text denies it.
Answer: 1"""
FOCUS = (
    0.21, 0.30, 0.38, 0.44, 0.47, 0.49, 0.50, 0.53, 0.55, 0.58,
    0.60, 0.62, 0.63, 0.65, 0.66, 0.68, 0.69, 0.70, 0.70, 0.71,
)  # fmt: skip
CONFUSION = (
    0.42, 0.50, 0.55, 0.58, 0.60, 0.61, 0.60, 0.59, 0.58, 0.55,
    0.52, 0.50, 0.47, 0.45, 0.44, 0.42, 0.41, 0.39, 0.38, 0.37,
)  # fmt: skip


def shortlist() -> Shortlist:
    rows = tuple(
        ShortlistRow(label_id, name, rank, cosine, rank)
        for rank, (label_id, name, cosine) in enumerate(NAMES, start=1)
    )
    return Shortlist(rows, len(rows), 100, "minilm@1234", "abcd", 74044, 74044, 6.5, 0.8)


def candidates() -> tuple[Candidate, ...]:
    return tuple(
        Candidate(number, label_id, name)
        for number, (label_id, name, _) in enumerate(NAMES[:SHOWN], start=1)
    )


def trace_of(text: str, **changed: object) -> Trace:
    phases, boundary, source = segment(text, (), candidates())
    points = zip(FOCUS, CONFUSION, strict=True)
    curves = Curves(
        tuple(CurvePoint(round(at / 20, 2), f, c) for at, (f, c) in enumerate(points, start=1)),
        (NearMiss("R05", "Cough", "I50.9", 0.5),),
        "gold",
    )
    made = Trace(
        text, FinishReason.STOP, 310, 190, 9.2, 0.4, (), phases, boundary, source,
        find_mentions(text, candidates()), curves,
    )  # fmt: skip
    return dataclasses.replace(made, **changed)  # type: ignore[arg-type]


def prediction(*selected: str, bucket: Bucket = Bucket.OK, why: str = "") -> Prediction:
    ranking = tuple(
        RankedLabel(label_id, name, rank, PlacedBy.SCORE, 0.5, cosine)
        for rank, (label_id, name, cosine) in enumerate(NAMES, start=1)
    )
    return Prediction(ranking, selected, bucket, why)


def fates() -> tuple[GoldFate, ...]:
    return (
        GoldFate("I50.9", "Heart failure, unspecified", Fate.SELECTED, 1, 1),
        GoldFate("R60.0", "Localized edema", Fate.DROPPED_IN_REASONING, 3, 3),
        GoldFate("Z91.14", "Noncompliance with medication regimen", Fate.ENCODER_MISS, None, 412),
    )


def record(
    *,
    text: str = TEXT,
    gold: tuple[str, ...] = GOLD,
    trace: Trace | None = None,
    fates: tuple[GoldFate, ...] = fates(),
    found: Shortlist | None = None,
    answer: Prediction | None = None,
) -> TraceRecord:
    names = {label_id: name for label_id, name, _ in NAMES} | {f.label_id: f.name for f in fates}
    answer = answer or prediction("I50.9")
    return TraceRecord(
        document=Document("note-17", text, gold, Split.DEV),
        gold=tuple(GoldRank(one, names.get(one, one), True, 7) for one in gold),
        shortlist=found or shortlist(),
        candidates=candidates(),
        rendered="Which labels?",
        trace=trace or trace_of(TRACE),
        prediction=answer,
        fates=fates,
        example_f1=example_f1(set(answer.selected), set(gold)) if gold else None,
        recall_at_k=0.5 if gold else None,
    )


def stored(made: TraceRecord | None = None, system: str = "base") -> StoredTrace:
    """Saves one finished trace of the app's own and reads it back."""
    made = made or record()
    store = open_store(load_settings())
    config = dataclasses.replace(CONFIG, system=system, n=SHOWN, k=len(NAMES))
    with store.write() as session:
        run = ensure_run(session, {**IDENTITY, "config": config.to_json()}, config, "dev", "live")
        trace_id = begin_trace(
            session, run_id=run, config=config, document=made.document, origin="live"
        )
        finish_trace(session, trace_id, made)
    with store.read() as session:
        found = load_trace(session, trace_id)
    store.close()
    return found
