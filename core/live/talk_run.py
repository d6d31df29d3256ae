"""A live run of an example of a talk, with the stored one to fall back to.

1. `begin` has the live worker answer the document again, by the system and with the settings that
   the stored trace was written with; or it says at once why that cannot be.
2. `look` says how far it is. One that fails, or is not done within the speaker's limit, ends as
   `FellBack`, with the reason: the speaker shows the stored trace, and the room is told.

Nothing here waits. A run that is not looked at any more goes on, and is saved like any other.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from core.annotation.people import Person
from core.config import Settings
from core.datasets.base import Document
from core.datasets.catalogue import open_dataset
from core.errors import InputError, PhaseLensError, StoreError, UnknownNameError
from core.live.talk_slides import slide_from_store
from core.live.view import LiveView
from core.models.catalogue import systems_from
from core.systems import RunConfig
from db.models_added import added_models
from db.session import Store
from db.talks import TalkSlide
from db.trace_views import StoredTrace, TraceState

LIMIT_S, LEAST_S, MOST_S = 30, 1, 600  # what the speaker sets, in seconds


class Runner(Protocol):
    """What a live run needs of `core.live.client.LiveWorker`."""

    @property
    def settings(self) -> Settings: ...

    @property
    def busy(self) -> str | None:
        """The id of the example that runs or waits."""

    def start(self, by: Person, config: RunConfig, document: Document) -> str: ...

    def view(self, trace_id: str) -> LiveView | None: ...

    def cancel(self, by: Person, trace_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run that somebody has begun, and may stop. `began`: by the clock that `look` is told;
    `limit_s`: seconds."""

    trace_id: str
    began: float
    limit_s: float
    by: Person


@dataclass(frozen=True, slots=True)
class Going:
    """`waiting`: the model is busy with a run that somebody else began before."""

    view: LiveView
    seconds: float
    waiting: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The live run has ended, and its trace is in the store."""

    trace_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class FellBack:
    """There is no live run to show, for this reason."""

    what: str
    fix: str = ""


Standing = Going | Done | FellBack


def begin(
    worker: Runner, store: Store, by: Person, stored: StoredTrace, *, limit_s: float, now: float
) -> Attempt | FellBack:
    """Starts the run of a stored trace's document, for an annotator. `now`: seconds, by any clock
    that runs on."""
    try:
        _check_can_run(worker, store, stored)
        trace_id = worker.start(by, stored.config, _whole(worker, stored))
    except PhaseLensError as error:
        return FellBack(error.what, error.fix)
    return Attempt(trace_id, now, limit_s, by)


def look(worker: Runner, store: Store, attempt: Attempt, now: float) -> Standing:
    """How far it is. One above its limit is stopped; what it has written is kept."""
    view = worker.view(attempt.trace_id)
    seconds = now - attempt.began
    if view is None:
        return FellBack("The app was started anew while it ran.")
    if view.running:
        if seconds < attempt.limit_s:
            return Going(view, seconds, not view.stages and worker.busy != attempt.trace_id)
        worker.cancel(attempt.by, attempt.trace_id)
        return FellBack(f"It took longer than the limit of {attempt.limit_s:g} s.")
    if view.state is TraceState.DONE:
        return _saved(store, attempt.trace_id, seconds)
    if view.error is not None:
        return FellBack(view.error.what, view.error.fix)
    return FellBack("It was stopped.")


def stop(worker: Runner, attempt: Attempt) -> FellBack:
    """Ends it, as the speaker wants."""
    worker.cancel(attempt.by, attempt.trace_id)
    return FellBack("The speaker stopped it.")


def _check_can_run(worker: Runner, store: Store, stored: StoredTrace) -> None:
    """Raises UnknownNameError for a system that is not here, or settings that nobody knows."""
    config = stored.config
    with store.read() as session:
        known = {system.name for system in systems_from(worker.settings, added_models(session))}
    if config.system not in known:
        raise UnknownNameError(
            f"There is no system named {config.system!r} on this machine.", "Settings adds models."
        )
    if config.k < 1:
        raise UnknownNameError(
            "The stored trace was imported, so the settings it was written with are not known.",
            "Run the document in Explore, and put that trace into the talk.",
        )


def _whole(worker: Runner, stored: StoredTrace) -> Document:
    """The document with what its dataset keeps out of its shortlist, which no store has."""
    if stored.document.split is None:
        return stored.document
    dataset = open_dataset(worker.settings, stored.config.dataset)
    excluded = dataset.document(stored.document.id).excluded
    return replace(stored.document, excluded=excluded)


def _saved(store: Store, trace_id: str, seconds: float) -> Done | FellBack:
    try:
        with store.read() as session:
            slide_from_store(session, TalkSlide(trace_id))
    except UnknownNameError:
        return FellBack("It ended, but was not saved.", "See that the disk has room.")
    except (InputError, StoreError) as error:
        return FellBack(f"It ended, but cannot be shown. {error.what}", error.fix)
    return Done(trace_id, seconds)
