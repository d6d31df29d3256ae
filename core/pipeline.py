"""One document through one system: embed, search, reason, score, analyse.

The live worker and batch runs both call `answer`; there is no second path.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from core.config import Settings
from core.datasets.base import Dataset, Document
from core.encoders import Encoder
from core.errors import InputError, ModelError, PhaseLensError
from core.events import (
    Event,
    Finished,
    Prompted,
    Shortlisted,
    Stage,
    StageDone,
    StageStarted,
)
from core.metrics.sets import example_f1
from core.models.base import LanguageModel
from core.rerank.base import Candidate, GoldFate, Prediction
from core.rerank.parser import parse
from core.rerank.prompts import build_prompt, fit_document
from core.rerank.ranking import predict
from core.rerank.reasoner import Reasoner
from core.rerank.scorer import Scorer
from core.shortlist.base import GoldRank, Shortlist
from core.shortlist.fates import fate_of_gold
from core.shortlist.index import LabelIndex
from core.shortlist.lexical import WORDS
from core.shortlist.retriever import Method, Retriever
from core.systems import RunConfig, System, parse_method, run_identity
from core.text_check import check_text
from core.traces.base import FinishReason, NearMiss, Trace
from core.traces.curves import curves

Emit = Callable[[Event], None]
Cancelled = Callable[[], bool]

NEAR_MISSES = 10  # how many wrong labels stand for N(x)


@dataclass(frozen=True)
class Tools:
    """What `answer` works with; opened once, used for many documents, by one caller at a time."""

    settings: Settings
    dataset: Dataset
    encoder: Encoder
    retriever: Retriever
    model: LanguageModel
    system: System

    @property
    def index(self) -> LabelIndex:
        return self.retriever.index

    def resolved(self, config: RunConfig) -> RunConfig:
        """The configuration with the method that an empty one stands for now."""
        return replace(config, method=config.method or self.retriever.default.value)

    def identity(self, config: RunConfig, found: Shortlist | None = None) -> dict[str, Any]:
        """The identity of the run that `answer` would belong to, as the index stands now; with
        a shortlist, of the run in which it was found (a growing index may be further by now)."""
        config = self.resolved(config)
        return run_identity(
            config,
            dataset_fingerprint=self.dataset.info.fingerprint,
            encoder=self.encoder.identity,
            index=self.index.identity if found is None else index_of(found),
            model=self.model.identity(),
            words=None if config.method == Method.DENSE else WORDS.identity,
        )


def index_of(shortlist: Shortlist) -> str:
    """The `LabelIndex.identity` of the index that gave a shortlist."""
    return f"partial:{shortlist.searched}" if shortlist.index == "partial" else shortlist.index


@dataclass(frozen=True)
class Answered:
    """All that came of one document; the fields of a stored trace."""

    document: Document
    gold: tuple[GoldRank, ...]
    shortlist: Shortlist
    candidates: tuple[Candidate, ...]
    rendered: str
    trace: Trace
    prediction: Prediction
    fates: tuple[GoldFate, ...]
    stages: tuple[tuple[str, float, str], ...]

    @property
    def example_f1(self) -> float | None:
        """F1 of the selected set against gold, in [0, 1]; None without gold."""
        gold, selected = set(self.document.gold), set(self.prediction.selected)
        if not gold:
            return None
        return example_f1(selected, gold)

    @property
    def recall_at_k(self) -> float | None:
        """Share of gold labels retrieved, in [0, 1]; None without gold."""
        gold = set(self.document.gold)
        if not gold:
            return None
        return len(gold & {row.label_id for row in self.shortlist.rows}) / len(gold)

    def record(self) -> dict[str, Any]:
        """Keyword arguments of db.traces.TraceRecord."""
        return {
            "document": self.document,
            "gold": self.gold,
            "shortlist": self.shortlist,
            "candidates": self.candidates,
            "rendered": self.rendered,
            "trace": self.trace,
            "prediction": self.prediction,
            "fates": self.fates,
            "stages": self.stages,
            "example_f1": self.example_f1,
            "recall_at_k": self.recall_at_k,
        }


class Stopwatch:
    """Times the stages of one example and tells the watcher."""

    def __init__(self, emit: Emit) -> None:
        self.emit = emit
        self.stages: list[tuple[str, float, str]] = []

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[list[str]]:
        """Times a block; text appended to the yielded list becomes the stage's note."""
        self.emit(StageStarted(stage))
        started = time.perf_counter()
        note: list[str] = []
        yield note
        ms = (time.perf_counter() - started) * 1000
        self.stages.append((stage.value, ms, " ".join(note)))
        self.emit(StageDone(stage, ms, " ".join(note)))


def answer(
    tools: Tools, document: Document, config: RunConfig, *, emit: Emit, cancelled: Cancelled
) -> Answered:
    """Runs one document through the stages, telling `emit` each step.

    `cancelled` is asked between tokens and stages; a cancelled trace is kept as far as it got.
    Raises InputError, IndexFileError, ModelError.
    """
    config = tools.resolved(config)
    config.check(len(tools.dataset.labels))
    text = check_text(document.text, tools.settings.max_text_chars)
    clock = Stopwatch(emit)
    shortlist, gold = retrieve(tools, text, document, config, clock)
    emit(Shortlisted(shortlist, gold))
    if not shortlist.rows:  # by words alone; vectors always find something
        raise InputError(
            f"No label of {config.dataset} shares a word with the text.",
            "Choose another method of retrieval: vectors find what is nearest in meaning.",
        )
    candidates = tuple(
        Candidate(number, row.label_id, row.name)
        for number, row in enumerate(shortlist.rows[: config.n], start=1)
    )
    with clock.stage(Stage.REASON):
        fitted, cut = fit_document(tools.model, config.prompt, text, candidates, config.decoding)
        prompt = build_prompt(config.prompt, fitted, candidates)
        rendered = tools.model.render(prompt)
        emit(Prompted(rendered, candidates))
        trace = Reasoner(tools.model).write(
            prompt, candidates, config.decoding, emit=emit, cancelled=cancelled
        )
        if cut:
            trace = with_notes(trace, cut)
    scores = None
    if config.use_scorer and trace.finish_reason is not FinishReason.CANCELLED and not cancelled():
        with clock.stage(Stage.SCORE) as note:
            scores, problem = scored(tools.model, fitted, candidates)
            note += [problem] if problem else []
    with clock.stage(Stage.ANALYSE):
        parsed = parse(trace.text, candidates, trace.finish_reason)
        prediction = predict(shortlist, candidates, parsed, scores)
        fates = fate_of_gold(gold, shortlist, candidates, parsed)
        trace = curved(tools, trace, text, document, candidates, prediction.selected)
    emit(Finished(trace, prediction, fates))
    return Answered(
        document,
        gold,
        shortlist,
        candidates,
        rendered,
        trace,
        prediction,
        fates,
        tuple(clock.stages),
    )


def retrieve(
    tools: Tools, text: str, document: Document, config: RunConfig, clock: Stopwatch
) -> tuple[Shortlist, tuple[GoldRank, ...]]:
    """The two stages before the model: embed the text, search the labels."""
    with clock.stage(Stage.EMBED) as note:
        started = time.perf_counter()
        vector = tools.encoder.encode([text])[0]
        ms_encode = (time.perf_counter() - started) * 1000
        if (tokens := tools.encoder.count_tokens([text])[0]) > tools.encoder.max_tokens:
            note.append(f"only the first {tools.encoder.max_tokens} of {tokens:,} tokens are read")
        if tools.encoder.cache_problem:
            note.append(tools.encoder.cache_problem)
    with clock.stage(Stage.SEARCH) as note:
        tools.index.refresh()
        method = parse_method(config.method)
        shortlist = tools.retriever.search(
            text,
            vector,
            config.k,
            method=method,
            ef=config.ef,
            ms_encode=ms_encode,
            excluded=document.excluded,
        )
        gold = tools.retriever.gold_ranks(
            text, vector, document.gold, method, k=config.k, excluded=document.excluded
        )
        if shortlist.partial:
            note.append(f"{shortlist.searched:,} of {shortlist.labels:,} labels indexed so far")
    return shortlist, gold


def scored(
    model: LanguageModel, text: str, candidates: Sequence[Candidate]
) -> tuple[list[float] | None, str]:
    """Scores of the candidates, or None and why not: a written trace is never lost to them."""
    try:
        scores = Scorer(model).score(text, candidates)
    except (ModelError, InputError, RuntimeError, MemoryError) as error:
        return None, f"ranked without scores: {error}"
    if scores is None:
        return None, "this model gives no probabilities; ranked without scores"
    return scores, ""


def with_notes(trace: Trace, *notes: str) -> Trace:
    return replace(trace, notes=(*trace.notes, *notes))


def curved(
    tools: Tools,
    trace: Trace,
    text: str,
    document: Document,
    candidates: Sequence[Candidate],
    selected: Sequence[str],
) -> Trace:
    """As `with_curves`; where they cannot be computed a note says why: an answered example is
    never lost to them."""
    try:
        return with_curves(tools, trace, text, document, candidates, selected)
    except (PhaseLensError, RuntimeError, MemoryError, OSError, ValueError) as error:
        why = str(error) or type(error).__name__
        return with_notes(trace, f"Focus and Confusion could not be computed: {why}")


def with_curves(
    tools: Tools,
    trace: Trace,
    text: str,
    document: Document,
    candidates: Sequence[Candidate],
    selected: Sequence[str],
) -> Trace:
    """The trace with Focus and Confusion; unchanged when it holds no words to embed."""
    if not trace.text.strip():
        return trace
    near, source = near_misses_of(tools.index, document, candidates, selected)
    found = curves(
        trace.text,
        trace.token_offsets,
        text,
        near,
        partial(tools.encoder.encode, cache=False),  # prefixes never come again
        near_misses_from=source,
        encode_known=tools.encoder.encode,  # other systems meet the same document
    )
    return replace(trace, curves=found)


def near_misses_of(
    index: LabelIndex,
    document: Document,
    candidates: Sequence[Candidate],
    selected: Sequence[str],
) -> tuple[tuple[NearMiss, ...], str]:
    """N(x) and where it came from: wrong labels nearest to gold; without gold, those shown
    and not chosen. Labels that the document excludes are not among them."""
    if document.gold:
        out = set(document.excluded)
        near = index.nearest_wrong(document.gold, NEAR_MISSES + len(out))
        return tuple(miss for miss in near if miss.label_id not in out)[:NEAR_MISSES], "gold"
    left = [c for c in candidates if c.label_id not in set(selected)]
    return tuple(index.near_of(left, selected)), "not chosen"
