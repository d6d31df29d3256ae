"""Keeps a live example in the store from its first moment, and passes its events on."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sqlalchemy.orm import Session

from core.errors import StoreError
from core.events import (
    Event,
    Failed,
    Finished,
    Prompted,
    Saved,
    Shortlisted,
    Stopped,
    Warned,
    Wrote,
)
from core.live.messages import Start
from core.live.view import broken_off
from core.pipeline import Answered
from core.shortlist.base import Shortlist
from core.tools import Tools
from db.runs import ensure_run
from db.session import Store
from db.traces import (
    TraceRecord,
    attach_run,
    begin_trace,
    cancel_trace,
    fail_trace,
    finish_trace,
    save_partial,
    save_progress,
)

SAVE_EVERY_S = 1.0


class Recorder:
    """One example's row in the store: begun, saved each second, finished, failed or cancelled.

    It is begun before anything is loaded, so that what keeps a model or an index from loading is
    stored too. Its run is attached when the shortlist is there: only then is it certain which
    state of a growing index answered.

    A store that stops working (full disk, lock) never ends the example: the watcher is warned
    and still gets everything, and all of it is stored at the end where the store works again.
    """

    def __init__(self, store: Store, start: Start, tell: Callable[[Event], None]) -> None:
        self.store = store
        self.start = start
        self.tell = tell
        self.text = ""
        self.tokens = 0
        self._tools: Tools | None = None
        self._shortlist: Shortlist | None = None
        self._attached = False
        self._owner = ""
        self._begun = False
        self._warned = False
        self._saved_at = 0.0
        self._finished: Finished | None = None

    def begin(self, owner: str) -> None:
        """`owner` names the process, so that a later start can tell which examples it left."""
        self._owner = owner
        self._begin()

    def opened(self, tools: Tools) -> None:
        """Takes what the example will be answered with."""
        self.start = replace(self.start, config=tools.resolved(self.start.config))
        self._tools = tools

    def heard(self, event: Event) -> None:
        """Takes an event of the pipeline. Finished is held back until it is stored, so that a
        link to the saved trace works as soon as it is shown."""
        if isinstance(event, Finished):
            self._finished = event
            return
        self.tell(event)
        match event:
            case Wrote(text, tokens):
                self.text += text
                self.tokens = tokens
                if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
                    self._store(save_partial, self.text, self.tokens)
            case Shortlisted(shortlist, gold):
                self._shortlist = shortlist
                self._store_attached(partial(save_progress, shortlist=shortlist, gold=gold))
            case Prompted(rendered, candidates):
                self._store(partial(save_progress, rendered=rendered, candidates=candidates))

    def finish(self, answered: Answered) -> None:
        broken = broken_off(answered.trace)
        error = (broken.what, broken.fix) if broken else None
        self._end(partial(finish_trace, error=error), TraceRecord(**answered.record()))
        if self._finished is not None:
            self.tell(self._finished)

    def fail(self, failed: Failed) -> None:
        def write(session: Session, trace_id: str) -> None:
            save_partial(session, trace_id, self.text, self.tokens)
            fail_trace(session, trace_id, failed.what, failed.fix)

        self._end(write)
        self.tell(failed)

    def stop(self) -> None:
        """Ends an example that was cancelled before it was answered."""
        self._end(cancel_trace)
        self.tell(Stopped())

    def _begin(self) -> None:
        try:
            with self.store.write() as session:
                begin_trace(
                    session,
                    run_id=None,
                    config=self.start.config,
                    document=self.start.document,
                    origin="live",
                    trace_id=self.start.trace_id,
                    owner=self._owner,
                )
        except StoreError as error:
            self._warn(error)
        else:
            self._begun = True
        self._saved_at = time.monotonic()

    def _end(self, write: Callable[..., object], *what: object) -> None:
        """Stores the end of the example, and its beginning where the store refused that."""
        if not self._begun:
            self._begin()
        if self._store_attached(write, *what) and self._warned:
            self.tell(Saved())

    def _store_attached(self, write: Callable[..., object], *what: object) -> bool:
        """As `_store`; in the same transaction the trace gets its run, where it lacks it."""
        tools = self._tools
        if tools is None or self._attached:
            return self._store(write, *what)
        config = self.start.config
        identity = tools.identity(config, self._shortlist)

        def both(session: Session, trace_id: str) -> None:
            attach_run(
                session, trace_id, ensure_run(session, identity, config, None, "live"), config
            )
            write(session, trace_id, *what)

        self._attached = self._store(both)
        return self._attached

    def _store(self, write: Callable[..., object], *what: object) -> bool:
        """Calls a writing function of db.traces for this trace; whether it was stored. A store
        that failed once is tried again with the next thing there is to keep."""
        if not self._begun:
            return False
        try:
            with self.store.write() as session:
                write(session, self.start.trace_id, *what)
        except StoreError as error:
            self._warn(error)
            return False
        finally:
            self._saved_at = time.monotonic()
        return True

    def _warn(self, error: StoreError) -> None:
        if not self._warned:  # once: each second would bury the page
            again = "It is tried again when the run ends."
            self.tell(Warned(f"This run is not being saved. {error.what}", f"{error.fix} {again}"))
        self._warned = True
