"""Events fold into the snapshot that the page draws."""

from core.datasets.base import Document
from core.events import Failed, Finished, PhaseBegan, Stage, StageDone, StageStarted, Wrote
from core.live.view import LiveView, fold
from core.rerank.base import Bucket, Prediction
from core.systems import RunConfig
from core.traces.base import FinishReason, PhaseKind, Trace
from db.trace_views import TraceState


def begin() -> LiveView:
    return LiveView("t1", RunConfig("icd", "base", "p"), Document("d", "text", ()))


def finished(reason: FinishReason) -> Finished:
    trace = Trace("Shortlist: a", reason, 10, 4, 2.0, 0.5)
    return Finished(trace, Prediction((), (), Bucket.NOTHING), ())


def test_a_stage_is_shown_running_and_then_with_its_time() -> None:
    view = fold(begin(), StageStarted(Stage.EMBED))
    assert view.stages[0].ms is None
    view = fold(view, StageDone(Stage.EMBED, 12.5, "note"))
    assert [(s.stage, s.ms, s.note) for s in view.stages] == [(Stage.EMBED, 12.5, "note")]


def test_text_grows_and_speed_follows() -> None:
    view = fold(fold(begin(), Wrote("Short", 2, 0.5)), Wrote("list", 4, 1.0))
    assert view.text == "Shortlist"
    assert view.tokens_per_second == 4.0


def test_the_phase_is_the_last_begun() -> None:
    view = begin()
    assert view.phase is None
    view = fold(view, PhaseBegan(PhaseKind.SHORTLISTING, 0))
    view = fold(view, PhaseBegan(PhaseKind.REASONING, 40))
    assert view.phase is PhaseKind.REASONING


def test_a_cancelled_trace_keeps_its_text_and_says_so() -> None:
    view = fold(begin(), finished(FinishReason.CANCELLED))
    assert view.state is TraceState.CANCELLED
    assert view.text == "Shortlist: a"


def test_an_error_keeps_what_was_written() -> None:
    view = fold(fold(begin(), Wrote("so far", 2, 0.1)), Failed("It broke.", "Try again."))
    assert view.state is TraceState.FAILED
    assert view.text == "so far"
    assert view.error is not None
