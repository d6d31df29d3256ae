"""Small, whole examples of what the store keeps."""

from core.datasets.base import Document, Split
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
from core.systems import RunConfig
from core.traces.base import (
    BoundarySource,
    CurvePoint,
    Curves,
    FinishReason,
    Mention,
    NearMiss,
    Phase,
    PhaseKind,
    Trace,
)
from db.traces import TraceRecord

CONFIG = RunConfig(dataset="icd", system="base", prompt="{document}\n{candidates}", k=3, n=2)
DOCUMENT = Document("4280", "Congestive heart failure, unspecified", ("I50.9", "I50.20"), Split.DEV)
TEXT = "Shortlist:\n1. Heart failure\nReasoning:\n1. keep: heart\nAnswer: 1"


def shortlist() -> Shortlist:
    rows = (
        ShortlistRow("I50.9", "Heart failure, unspecified", 1, 0.91, 1),
        ShortlistRow("I50.1", "Left ventricular failure", 2, 0.72, 2),
        ShortlistRow("I51.9", "Heart disease, unspecified", 3, 0.70, 4),
    )
    return Shortlist(rows, 3, 100, "minilm@1234", "abcd", 74044, 74044, 6.5, 0.8)


def trace(text: str = TEXT, finish_reason: FinishReason = FinishReason.STOP) -> Trace:
    return Trace(
        text=text,
        finish_reason=finish_reason,
        prompt_tokens=210,
        tokens=24,
        seconds=0.6,
        seconds_to_first_token=0.2,
        token_offsets=((0, 9), (9, 10), (10, 11)),
        phases=(Phase(PhaseKind.SHORTLISTING, 0, 27), Phase(PhaseKind.REASONING, 28, 54)),
        boundary=0.5,
        boundary_source=BoundarySource.GRAMMAR,
        mentions=(Mention("I50.9", 11, 27, False),),
        curves=Curves(
            (CurvePoint(0.5, 0.4, None), CurvePoint(1.0, 0.6, 0.1)),
            (NearMiss("I51.9", "Heart disease, unspecified", "I50.9", 0.8),),
            "gold",
        ),
        notes=("Text cut to fit.",),
    )


def prediction(*selected: str, bucket: Bucket = Bucket.OK) -> Prediction:
    ranking = tuple(
        RankedLabel(row.label_id, row.name, row.rank, PlacedBy.SCORE, 0.5, row.cosine)
        for row in shortlist().rows
    )
    return Prediction(ranking, selected, bucket, "because" if bucket != Bucket.OK else "")


def record(
    document: Document = DOCUMENT,
    *,
    text: str = TEXT,
    bucket: Bucket = Bucket.OK,
    finish_reason: FinishReason = FinishReason.STOP,
    f1: float | None = 0.5,
    fates: tuple[Fate, ...] = (Fate.SELECTED, Fate.ENCODER_MISS),
) -> TraceRecord:
    names = {"I50.9": "Heart failure, unspecified"}
    return TraceRecord(
        document=document,
        gold=tuple(GoldRank(g, names.get(g, "Systolic"), True, 7) for g in document.gold),
        shortlist=shortlist(),
        candidates=(Candidate(1, "I50.9", names["I50.9"]), Candidate(2, "I50.1", "Left")),
        rendered="<|im_start|>user\nWhich labels?",
        trace=trace(text, finish_reason),
        prediction=prediction("I50.9", bucket=bucket),
        fates=tuple(GoldFate(f"G{i}", f"Gold {i}", fate, i, i) for i, fate in enumerate(fates, 1)),
        stages=(("Embed the text", 6.5, ""), ("Search labels", 0.8, "partial index")),
        example_f1=f1,
        recall_at_k=0.5,
    )
