"""What a watcher sees of a running example: events folded into one snapshot."""

from dataclasses import dataclass, replace

from core.datasets.base import Document
from core.events import (
    Event,
    Failed,
    Finished,
    PhaseBegan,
    Prompted,
    Saved,
    Shortlisted,
    Stage,
    StageDone,
    StageStarted,
    Stopped,
    Warned,
    Wrote,
)
from core.rerank.base import Candidate, GoldFate, Prediction
from core.shortlist.base import GoldRank, Shortlist
from core.systems import RunConfig
from core.traces.base import FinishReason, PhaseKind, Trace
from db.trace_views import STATE_AFTER, TraceState


@dataclass(frozen=True, slots=True)
class StageView:
    """A stage begun; `ms` is None while it runs."""

    stage: Stage
    ms: float | None = None
    note: str = ""


@dataclass(frozen=True)
class LiveView:
    """One example as far as it has come. `text` grows while `trace` is None."""

    trace_id: str
    config: RunConfig
    document: Document
    state: TraceState = TraceState.RUNNING
    stages: tuple[StageView, ...] = ()
    shortlist: Shortlist | None = None
    gold: tuple[GoldRank, ...] = ()
    rendered: str | None = None
    candidates: tuple[Candidate, ...] = ()
    text: str = ""
    tokens: int = 0
    seconds: float = 0.0
    phases_begun: tuple[PhaseBegan, ...] = ()
    trace: Trace | None = None
    prediction: Prediction | None = None
    fates: tuple[GoldFate, ...] = ()
    error: Failed | None = None
    warnings: tuple[Warned, ...] = ()

    @property
    def running(self) -> bool:
        return self.state is TraceState.RUNNING

    @property
    def phase(self) -> PhaseKind | None:
        """The phase being written now, or None before the first."""
        return self.phases_begun[-1].kind if self.phases_begun else None

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds > 0 else 0.0


def broken_off(trace: Trace) -> Failed | None:
    """What to tell of a trace that its model or server broke off half-way; else None."""
    if trace.finish_reason is not FinishReason.ERROR:
        return None
    return Failed(
        "The model broke off before its answer was complete. What it wrote is kept.",
        "The note says why. Run it again when that is mended.",
    )


def fold(view: LiveView, event: Event) -> LiveView:
    """The view after one more event; pure, so that it can be replayed and tested."""
    match event:
        case StageStarted(stage):
            return replace(view, stages=(*view.stages, StageView(stage)))
        case StageDone(stage, ms, note):
            done = StageView(stage, ms, note)
            return replace(view, stages=tuple(done if s.stage is stage else s for s in view.stages))
        case Shortlisted(shortlist, gold):
            return replace(view, shortlist=shortlist, gold=gold)
        case Prompted(rendered, candidates):
            return replace(view, rendered=rendered, candidates=candidates)
        case Wrote(text, tokens, seconds):
            return replace(view, text=view.text + text, tokens=tokens, seconds=seconds)
        case PhaseBegan():
            return replace(view, phases_begun=(*view.phases_begun, event))
        case Finished(trace, prediction, fates):
            return replace(
                view,
                state=STATE_AFTER[trace.finish_reason],
                trace=trace,
                text=trace.text,
                tokens=trace.tokens,
                seconds=trace.seconds,
                prediction=prediction,
                fates=fates,
                error=broken_off(trace),
            )
        case Warned():
            return replace(view, warnings=(*view.warnings, event))
        case Saved():
            return replace(view, warnings=())
        case Failed():
            return replace(view, state=TraceState.FAILED, error=event)
        case Stopped():
            return replace(view, state=TraceState.CANCELLED)
