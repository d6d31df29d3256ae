"""What the Explore tests put in place of data, index and model process: small, and in memory."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from streamlit.testing.v1 import AppTest

from core.annotation.people import Person
from core.datasets.base import Dataset, DatasetInfo, Document, LabelSpace, Split
from core.events import Failed, PhaseBegan, Stage
from core.live.view import LiveView, StageView
from core.rerank.base import Bucket, Candidate, Fate, GoldFate, PlacedBy, Prediction, RankedLabel
from core.shortlist.base import GoldRank, Shortlist, ShortlistRow
from core.systems import RunConfig
from core.text_check import check_text
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
from db.trace_views import TraceState

NASTY = '<img src=x onerror="alert(1)"> **bold** :material/bug_report: \u202eevil'
LABELS = [
    ("A01", "Typhoid fever"),
    ("A02", "Salmonella infection"),
    ("I50", "Heart failure"),
    ("J18", "Pneumonia"),
    ("Z99", NASTY),
]
DOCUMENTS = [
    ("100", "Fever after a journey", ["A01"], Split.TRAIN_TEACHER),
    ("101", "Failing heart and pneumonia", ["I50", "J18"], Split.DEV),
    ("102", f"Nasty {NASTY}", ["Z99"], Split.TEST),
]
TEXT = (
    "Shortlist:\n1. Heart failure\n2. Pneumonia\n"
    "Reasoning:\n1. keep: failing heart\n2. drop: none\nAnswer: 1\n"
)
REASONING, ANSWER = TEXT.index("Reasoning"), TEXT.index("Answer")


def tiny_dataset(folder: Path) -> Dataset:
    """Three documents and five labels; document 101 is what a newcomer sees."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = pa.table(
        {
            "id": [i for i, _ in LABELS],
            "name": [n for _, n in LABELS],
            "description": [""] * len(LABELS),
        }
    )
    with (
        pa.OSFile(str(folder / "labels.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, labels.schema) as writer,
    ):
        writer.write_table(labels)
    columns = list(zip(*DOCUMENTS, strict=True))
    documents = pa.table(
        {
            "id": columns[0],
            "text": columns[1],
            "gold": list(columns[2]),
            "split": [str(split) for split in columns[3]],
        }
    )
    info = DatasetInfo("icd", "Tiny", "tiny", "test", "CC0", "here", "f" * 64, 5, 3)
    return Dataset(info, LabelSpace(folder / "labels.arrow"), documents)


class FakeWorker:
    """A live worker whose examples stand still until the test moves them on."""

    def __init__(self) -> None:
        self.views: dict[str, LiveView] = {}
        self.cancelled: list[str] = []
        self.warming = False
        self.warm_error: Failed | None = None

    def start(self, by: Person, config: RunConfig, document: Document) -> str:
        check_text(document.text, 200_000)
        trace_id = f"{len(self.views):016x}"
        self.views[trace_id] = LiveView(trace_id, config, document)
        return trace_id

    def view(self, trace_id: str) -> LiveView | None:
        return self.views.get(trace_id)

    def cancel(self, by: Person, trace_id: str) -> None:
        self.cancelled.append(trace_id)
        self.views[trace_id] = replace(self.views[trace_id], state=TraceState.CANCELLED)

    @property
    def busy(self) -> str | None:
        return next((i for i, view in self.views.items() if view.running), None)

    def change(self, trace_id: str, **values: object) -> None:
        self.views[trace_id] = replace(self.views[trace_id], **values)


def shortlist() -> Shortlist:
    ids = ["I50", "J18", "Z99", "A01"]
    names = dict(LABELS)
    rows = tuple(
        ShortlistRow(i, names[i], rank, 0.9 - rank / 10, rank + (rank == 4))
        for rank, i in enumerate(ids, 1)
    )
    return Shortlist(rows, 4, 100, "minilm@1", "abcd", 5, 5, 20.0, 0.5)


def candidates() -> tuple[Candidate, ...]:
    return tuple(Candidate(r.rank, r.label_id, r.name) for r in shortlist().rows[:3])


def streaming() -> dict[str, object]:
    """The parts of a view in the middle of its reasoning."""
    return {
        "stages": (
            StageView(Stage.EMBED, 20.0),
            StageView(Stage.SEARCH, 0.5),
            StageView(Stage.REASON),
        ),
        "shortlist": shortlist(),
        "candidates": candidates(),
        "rendered": f"<|im_start|>user {NASTY}",
        "text": TEXT[: REASONING + 20],
        "tokens": 12,
        "seconds": 0.5,
        "phases_begun": (
            PhaseBegan(PhaseKind.SHORTLISTING, 0),
            PhaseBegan(PhaseKind.REASONING, REASONING),
        ),
    }


def trace(text: str = TEXT, *, phases: bool = True) -> Trace:
    found = (
        Phase(PhaseKind.SHORTLISTING, 0, REASONING),
        Phase(PhaseKind.REASONING, REASONING, ANSWER),
        Phase(PhaseKind.ANSWER, ANSWER, len(text)),
    )
    at = text.find("Heart failure")
    return Trace(
        text=text,
        finish_reason=FinishReason.STOP,
        prompt_tokens=200,
        tokens=40,
        seconds=2.0,
        seconds_to_first_token=0.4,
        phases=found if phases else (),
        boundary=0.45 if phases else None,
        boundary_source=BoundarySource.GRAMMAR if phases else None,
        mentions=(Mention("I50", at, at + 13),) if at >= 0 else (),
        curves=Curves(
            (CurvePoint(0.5, 0.6, 0.4), CurvePoint(1.0, 0.8, None)),
            (NearMiss("Z99", NASTY, "I50", 0.7),),
            "gold",
        ),
    )


def finished(text: str = TEXT, *, phases: bool = True) -> dict[str, object]:
    """The parts of a view that has ended: I50 selected, J18 dropped in reasoning."""
    rows = shortlist().rows
    placed = [PlacedBy.ANSWER, PlacedBy.SCORE, PlacedBy.SCORE, PlacedBy.COMPLETED]
    scores = [0.9, 0.4, 0.2, None]
    ranking = tuple(
        RankedLabel(row.label_id, row.name, row.rank, by, score, row.cosine)
        for row, by, score in zip(rows, placed, scores, strict=True)
    )
    done = streaming()
    done["stages"] = tuple(StageView(stage, 10.0) for stage in Stage)
    return done | {
        "state": TraceState.DONE,
        "text": text,
        "tokens": 40,
        "seconds": 2.0,
        "trace": trace(text, phases=phases),
        "gold": (
            GoldRank("I50", "Heart failure", True, 1),
            GoldRank("J18", "Pneumonia", True, 2),
        ),
        "prediction": Prediction(ranking, ("I50",), Bucket.OK),
        "fates": (
            GoldFate("I50", "Heart failure", Fate.SELECTED, 1, 1),
            GoldFate("J18", "Pneumonia", Fate.DROPPED_IN_REASONING, 2, 2),
        ),
    }


def everything(app: AppTest) -> str:
    """All text and HTML on the page."""
    parts = [e.value for kind in ("text", "markdown", "caption", "html") for e in app.get(kind)]
    return "\n".join(str(part) for part in parts)


def press_run(app: AppTest) -> str:
    """Presses Run and returns the trace id in the address."""
    app.button(key="explore_run").click().run()
    assert not app.exception
    return app.query_params["trace"]
