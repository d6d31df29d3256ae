"""One example as Explore and Traces show it, wherever it is: in the live worker or the store."""

from contextlib import suppress

from core.datasets.examples import is_own
from core.errors import UnknownNameError
from core.events import Failed, Stage
from core.live.view import LiveView, StageView
from db.trace_views import StoredTrace, TraceState
from db.traces import load_trace, previous_of
from pages.parts import services


def find_view(trace_id: str) -> LiveView:
    """The example of that trace id, live or saved. Raises UnknownNameError, StoreError."""
    live = services.live_worker().view(trace_id)
    if live is not None:
        return live
    with services.store().read() as session:
        return view_of(load_trace(session, trace_id))


def view_of(stored: StoredTrace) -> LiveView:
    """A saved trace in the form of a live one."""
    names = {stage.value for stage in Stage}
    stages = tuple(StageView(Stage(n), ms, note) for n, ms, note in stored.stages if n in names)
    return LiveView(
        trace_id=stored.id,
        config=stored.config,
        document=stored.document,
        state=TraceState(stored.summary.state.value),
        stages=stages,
        shortlist=stored.shortlist,
        gold=stored.gold,
        rendered=stored.rendered,
        candidates=stored.candidates,
        text=stored.text,
        tokens=stored.summary.tokens,
        seconds=stored.summary.seconds or 0.0,
        trace=stored.trace,
        prediction=stored.prediction,
        fates=stored.fates,
        error=Failed(*stored.error) if stored.error else None,
    )


def same_example(view: LiveView, dataset: str, document_id: str) -> bool:
    """Whether a run is of that document of that dataset; all own texts count as one example."""
    if is_own(view.document.id) or is_own(document_id):
        return is_own(view.document.id) and is_own(document_id)
    return view.config.dataset == dataset and view.document.id == document_id


def earlier_view(view: LiveView, last: str | None) -> LiveView | None:
    """The run to compare with: the `last` one of this session where it is of the same document
    (or both are of one's own text), else the last saved one of that document.

    Raises StoreError.
    """
    if last and last != view.trace_id:
        with suppress(UnknownNameError):  # removed from the store meanwhile
            before = find_view(last)
            if same_example(before, view.config.dataset, view.document.id):
                return before
    with suppress(UnknownNameError), services.store().read() as session:
        # An example whose process died before it was saved has no earlier one in the store.
        stored = previous_of(session, view.trace_id)
        return view_of(stored) if stored else None
    return None
