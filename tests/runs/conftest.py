"""A small dataset, and a pipeline whose model answers from a list.

The real pipeline, model and index are run over real documents in tests/cli/test_real_models.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import core.batch
import core.runs
from core.config import Settings, load_settings
from core.datasets.base import Dataset, Document, Split
from core.datasets.catalogue import open_dataset
from core.events import Event
from core.pipeline import Answered
from core.rerank.base import (
    Bucket,
    Candidate,
    Fate,
    GoldFate,
    PlacedBy,
    Prediction,
    RankedLabel,
)
from core.run_request import BATCH_SIZE
from core.run_result import RunResult
from core.runs import run_batch
from core.shortlist.base import Found, GoldRank, Shortlist, ShortlistRow
from core.systems import RunConfig, run_identity
from core.traces.base import FinishReason, Trace
from db.models import TraceRow
from db.runs import done_documents
from db.session import Store, open_store
from db.traces import StoredTrace, load_trace
from tests.runs.tiny import write_tiny


@pytest.fixture
def settings(home: Path) -> Settings:
    write_tiny(home)
    return load_settings()


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings)


@pytest.fixture
def config() -> RunConfig:
    return RunConfig("tiny", "base", "Text: {document}\n{candidates}", k=3, n=2)


def answered(document: Document, reason: FinishReason = FinishReason.STOP) -> Answered:
    """A finished answer that selects the document's gold label."""
    gold = document.gold[0]
    row = ShortlistRow(gold, "a label", 1, 0.9, 1)
    return Answered(
        document,
        (GoldRank(gold, "a label", True, 1),),
        Shortlist((row,), 3, 50, "encoder", "index", 20, 20, 1.0, 1.0),
        (Candidate(1, gold, "a label"),),
        "the prompt",
        Trace("Answer: 1", reason, 10, 4, 0.5, 0.1),
        Prediction(
            (RankedLabel(gold, "a label", 1, PlacedBy.ANSWER, 0.8, 0.9),), (gold,), Bucket.OK
        ),
        (GoldFate(gold, "a label", Fate.SELECTED, 1, 1),),
        (("Search labels", 1.0, ""),),
    )


@dataclass
class Pipeline:
    """Stands for the pipeline: `behaviour` answers a document, or raises."""

    behaviour: Callable[[Document], Answered] = answered
    asked: list[str] = field(default_factory=list)
    model: dict[str, Any] = field(default_factory=lambda: {"weights": "abc"})
    many: Any = None  # a model that writes many texts at a time
    index: str = "index"  # which one finds labels, where the behaviour leaves it at that

    def answer(self, tools: Any, document: Document, config: RunConfig, **_: Any) -> Answered:
        self.asked.append(document.id)
        found = self.behaviour(document)
        known = found.shortlist.index
        here = replace(found.shortlist, index=self.index if known == "index" else known), found.gold
        shortlist, gold = tools.found.get(document.id, here)
        return replace(found, shortlist=shortlist, gold=gold)


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    double = Pipeline()

    @dataclass
    class Tools:
        found: Mapping[str, Found] = field(default_factory=dict)

        def resolved(self, config: RunConfig) -> RunConfig:
            return replace(config, method=config.method or "dense")

        def mode_note(self, config: RunConfig) -> str:
            return ""

        @property
        def model(self) -> Any:
            return double.many

        def side_by_side(self, config: RunConfig, most: int) -> int:
            return 1 if double.many is None else most

        def identity(self, config: RunConfig, found: Shortlist | None = None) -> dict[str, Any]:
            return run_identity(
                config,
                dataset_fingerprint="d",
                encoder="e",
                index=found.index if found else double.index,
                model=double.model,
            )

    @dataclass
    class Toolbox:
        settings: Settings
        store: Store

        def dataset(self, name: str) -> Dataset:
            return open_dataset(self.settings, name)

        def tools(self, config: RunConfig, cancelled: object = None) -> Tools:
            return Tools()

    monkeypatch.setattr(core.runs, "Toolbox", Toolbox)
    monkeypatch.setattr(core.runs, "ensure_index", lambda *_: True)
    monkeypatch.setattr(core.batch, "answer", double.answer)
    return double


Run = Callable[..., RunResult]


@pytest.fixture
def run(settings: Settings, store: Store, config: RunConfig, pipeline: Pipeline) -> Run:
    """`run(limit=3)`: one call of run_batch over the test split, as the command makes it."""

    def call(
        *,
        limit: int | None = None,
        split: Split | None = Split.TEST,
        config: RunConfig = config,
        report: Callable[[str, int, int], None] = lambda *_: None,
        cancelled: Callable[[], bool] = lambda: False,
        batch_size: int = BATCH_SIZE,
        shown_in: str | None = None,
    ) -> RunResult:
        return run_batch(
            settings, store, config, split, limit, report, cancelled, batch_size, shown_in
        )

    return call


def done(store: Store, run: str) -> set[str]:
    with store.read() as session:
        return done_documents(session, run)


def stored_traces(store: Store) -> list[StoredTrace]:
    with store.read() as session:
        ids = session.execute(select(TraceRow.id).order_by(TraceRow.seq)).scalars().all()
        return [load_trace(session, trace_id) for trace_id in ids]


Writing = Callable[[Callable[[Event], None]], None]


@pytest.fixture
def while_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Writing], None]:
    """`while_writing(events)`: the pipeline tells those events of each document, then answers."""

    def use(events: Writing) -> None:
        def told(
            tools: Any, document: Document, config: RunConfig, *, emit: Any, **_: Any
        ) -> Answered:
            events(emit)
            return answered(document)

        monkeypatch.setattr(core.batch, "answer", told)

    return use
