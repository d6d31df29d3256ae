"""One document through one system: embed, search, reason, score, analyse.

The live worker and batch runs go through `prepare` and `Example.conclude`; between them the model
writes, one text (`answer`) or many side by side (core/batch.py).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.datasets.base import Document
from core.errors import InputError, ModelError
from core.events import Event, Finished, Prompted, Shortlisted, Stage
from core.metrics.sets import example_f1
from core.models.base import LanguageModel
from core.rerank.base import Candidate, GoldFate, Mode, Prediction, nearness_of
from core.rerank.parser import parse
from core.rerank.prompts import build_prompt, fit_document
from core.rerank.ranking import predict
from core.rerank.reasoner import Reasoner
from core.rerank.scorer import Scorer
from core.shortlist.base import GoldRank, Shortlist
from core.shortlist.fates import fate_of_gold
from core.stopwatch import Stopwatch
from core.systems import RunConfig, parse_method
from core.text_check import check_text
from core.tools import Tools
from core.trace_curves import curved, with_notes
from core.traces.base import FinishReason, Trace

Emit = Callable[[Event], None]
Cancelled = Callable[[], bool]


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


@dataclass
class Example:
    """One document between what comes before the model and what comes after it."""

    tools: Tools
    document: Document
    config: RunConfig
    emit: Emit
    clock: Stopwatch
    text: str
    shortlist: Shortlist
    gold: tuple[GoldRank, ...]
    candidates: tuple[Candidate, ...]
    fitted: str  # the text as the model gets it
    cut: str  # a note where that is shorter
    prompt: str
    rendered: str

    def conclude(self, trace: Trace, cancelled: Cancelled) -> Answered:
        """Scores and analyses a finished or cancelled trace."""
        clock, candidates, shortlist = self.clock, self.candidates, self.shortlist
        clock.end(Stage.REASON)
        if self.cut:
            trace = with_notes(trace, self.cut)
        scores = None
        stopped = trace.finish_reason is FinishReason.CANCELLED or cancelled()
        if self.config.use_scorer and not stopped:
            with clock.stage(Stage.SCORE) as note:
                mode = self.config.decoding.mode
                scores, problem = scored(self.tools.model, self.fitted, candidates, mode)
                note += [problem] if problem else []
        with clock.stage(Stage.ANALYSE):
            parsed = parse(trace.text, candidates, trace.finish_reason)
            prediction = predict(shortlist, candidates, parsed, scores)
            fates = fate_of_gold(self.gold, shortlist, candidates, parsed)
            trace = curved(
                self.tools, trace, self.text, self.document, candidates, prediction.selected
            )
        self.emit(Finished(trace, prediction, fates))
        return Answered(
            self.document,
            self.gold,
            shortlist,
            candidates,
            self.rendered,
            trace,
            prediction,
            fates,
            tuple(clock.stages),
        )


def answer(
    tools: Tools, document: Document, config: RunConfig, *, emit: Emit, cancelled: Cancelled
) -> Answered:
    """Runs one document through the stages, telling `emit` each step.

    `cancelled` is asked between tokens and stages; a cancelled trace is kept as far as it got.
    Raises InputError, IndexFileError, ModelError.
    """
    example = prepare(tools, document, config, emit)
    trace = Reasoner(tools.model).write(
        example.prompt,
        example.candidates,
        example.config.decoding,
        emit=emit,
        cancelled=cancelled,
    )
    return example.conclude(trace, cancelled)


def prepare(tools: Tools, document: Document, config: RunConfig, emit: Emit) -> Example:
    """All that comes before the model writes. Raises InputError, IndexFileError, ModelError."""
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
        Candidate(number, row.label_id, row.name, nearness_of(row.cosine))
        for number, row in enumerate(shortlist.rows[: config.n], start=1)
    )
    clock.begin(Stage.REASON)
    fitted, cut = fit_document(tools.model, config.prompt, text, candidates, config.decoding)
    prompt = build_prompt(config.prompt, fitted, candidates)
    rendered = tools.model.render(prompt)
    emit(Prompted(rendered, candidates))
    return Example(
        tools=tools,
        document=document,
        config=config,
        emit=emit,
        clock=clock,
        text=text,
        shortlist=shortlist,
        gold=gold,
        candidates=candidates,
        fitted=fitted,
        cut=cut,
        prompt=prompt,
        rendered=rendered,
    )


def retrieve(
    tools: Tools, text: str, document: Document, config: RunConfig, clock: Stopwatch
) -> tuple[Shortlist, tuple[GoldRank, ...]]:
    """The two stages before the model: embed the text, search the labels. Where the tools have the
    document's shortlist already, it is taken as it is."""
    if document.id in tools.found:
        with clock.stage(Stage.SEARCH) as note:
            note.append("as another system of the same study was shown it")
        return tools.found[document.id]
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
    model: LanguageModel, text: str, candidates: Sequence[Candidate], mode: Mode
) -> tuple[list[float] | None, str]:
    """Scores of the candidates, or None and why not: a written trace is never lost to them."""
    try:
        scores = Scorer(model).score(text, candidates, mode)
    except (ModelError, InputError, RuntimeError, MemoryError) as error:
        return None, f"ranked without scores: {error}"
    if scores is None:
        return None, "this model gives no probabilities; ranked without scores"
    return scores, ""
