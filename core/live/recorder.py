"""Keeps a live example in the store from its first moment, and passes its events on."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from core.errors import StoreError
from core.events import Event, Failed, Finished, Prompted, Saved, Shortlisted, Warned, Wrote
from core.live.messages import Start
from core.live.view import broken_off
from core.pipeline import Answered, Tools
from db.runs import ensure_run
from db.session import Store
from db.traces import (
    TraceRecord,
    begin_trace,
    fail_trace,
    finish_trace,
    save_partial,
    save_progress,
)

SAVE_EVERY_S = 1.0


class Recorder:
    """One example's row in the store: begun, saved each second, finished or failed.

    A store that stops working (full disk, lock) never ends the example: the watcher is warned
    and still gets everything, and all of it is stored at the end where the store works again.
    """

    def __init__(self, store: Store, start: Start, tell: Callable[[Event], None]) -> None:
        self.store = store
        self.start = start
        self.tell = tell
        self.text = ""
        self.tokens = 0
        self._identity: dict[str, Any] | None = None
        self._owner = ""
        self._begun = False
        self._warned = False
        self._saved_at = 0.0
        self._finished: Finished | None = None

    def begin(self, tools: Tools, owner: str) -> None:
        """`owner` names the process, so that a later start can tell which examples it left."""
        self.start = replace(self.start, config=tools.resolved(self.start.config))
        self._identity, self._owner = tools.identity(self.start.config), owner
        self._begin()

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
                self._store(partial(save_progress, shortlist=shortlist, gold=gold))
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

    def _begin(self) -> None:
        config = self.start.config
        try:
            with self.store.write() as session:
                run = ensure_run(session, self._identity or {}, config, None, "live")
                begin_trace(
                    session,
                    run_id=run,
                    config=config,
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
        if not self._begun and self._identity is not None:
            self._begin()
        if self._store(write, *what) and self._warned:
            self.tell(Saved())

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
