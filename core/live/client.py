"""The app's end of the worker process: start, watch, cancel examples. Imports no torch."""

import contextlib
import os
import subprocess
import sys
import threading
import uuid
from collections import OrderedDict
from contextlib import closing
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from core.annotation.people import Person, Role
from core.config import Settings
from core.datasets.base import Document
from core.errors import JobError, StoreError
from core.events import Event, Failed
from core.live.inside_questions import Came, Drop, InsideQuestion, Progress
from core.live.messages import Ask, Cancel, Close, Message, Start, Warm, Warmed
from core.live.questions import Answer, PlainQuestion, Told
from core.live.view import LiveView, fold
from core.systems import RunConfig
from core.text_check import check_text
from db.session import open_store
from db.trace_views import TraceState
from db.traces import interrupt_running, keep_interrupted

KEPT_VIEWS = 50  # finished examples stay here for a quick return; the store has them all
AnyQuestion = PlainQuestion | InsideQuestion
ROOT = Path(__file__).resolve().parents[2]
NOT_UNDERSTOOD = Failed(
    "The app could not read what the model process told it; the text so far is kept.",
    "This is a fault in PhaseLens; the app's own log has the details. Press Run again.",
)


class LiveWorker:
    """One worker process and what it has told so far. Thread-safe; one an app."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._told = threading.Condition(self._lock)
        self._answers: OrderedDict[AnyQuestion, Answer] = OrderedDict()
        self._asked: dict[AnyQuestion, subprocess.Popen[bytes] | None] = {}
        self._progress: dict[AnyQuestion, Progress] = {}
        self._views: OrderedDict[str, LiveView] = OrderedDict()
        self._runs_on: dict[str, subprocess.Popen[bytes] | None] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self.warming = False
        self.warm_error: Failed | None = None

    def start(self, by: Person, config: RunConfig, document: Document) -> str:
        """Queues an annotator's example and returns its trace id. Raises NotAllowedError and
        InputError (bad text) at once, and JobError where no worker can be started."""
        by.require(Role.ANNOTATOR)
        check_text(document.text, self.settings.max_text_chars)
        trace_id = uuid.uuid4().hex[:16]
        with self._lock:
            self._views[trace_id] = LiveView(trace_id, config, document)
            while len(self._views) > KEPT_VIEWS:
                oldest = next((i for i, v in self._views.items() if not v.running), None)
                if oldest is None:
                    break
                del self._views[oldest]
                self._runs_on.pop(oldest, None)
            try:
                self._send(Start(trace_id, config, document))
            except JobError:
                del self._views[trace_id]  # nobody will ever finish it
                raise
            self._runs_on[trace_id] = self._process
        return trace_id

    def cancel(self, by: Person, trace_id: str) -> None:
        """Asks the worker to stop; what was written by then is kept. Raises NotAllowedError."""
        by.require(Role.ANNOTATOR)
        with self._lock:
            view = self._views.get(trace_id)
            if view is not None and view.running and self.alive:
                with contextlib.suppress(JobError):  # it died just now, which ends the example too
                    self._send(Cancel(trace_id))

    def warm(self, config: RunConfig) -> None:
        """Loads model and index ahead of the first run; errors show in `warm_error`.

        Raises JobError where no worker can be started.
        """
        with self._lock:
            if not self.alive:
                self._send(Warm(config))
                self.warming = True

    def ask(self, question: AnyQuestion, patience_s: float = 0.0) -> Answer | None:
        """The answer to a question, or None where it has not come within the
        patience: ask the same again. A failure is told once; asked again, it is tried again.

        Raises JobError where no worker can be started.
        """
        with self._told:
            if question not in self._answers and question not in self._asked:
                self._send(Ask(question))
                self._asked[question] = self._process
            self._told.wait_for(lambda: question in self._answers, patience_s)
            answer = self._answers.get(question)
            if isinstance(answer, Failed):
                del self._answers[question]
            return answer

    def progress(self, question: AnyQuestion) -> Progress | None:
        """How far the answer has come; None while the question waits for its turn."""
        with self._lock:
            return self._progress.get(question)

    def drop(self, question: InsideQuestion) -> None:
        """Asks the worker not to answer; a text that it writes is kept as far as it is."""
        with self._lock:
            if question in self._asked and self.alive:
                with contextlib.suppress(JobError):  # it died just now, which ends all questions
                    self._send(Drop(question))

    def answered(self, question: AnyQuestion) -> bool:
        """Whether `ask` has an answer at once. Takes none away: a failure is there to be shown."""
        with self._lock:
            return question in self._answers

    def view(self, trace_id: str) -> LiveView | None:
        """The example as far as it has come, or None when this app has not run it."""
        with self._lock:
            return self._views.get(trace_id)

    @property
    def busy(self) -> str | None:
        """The id of the example that runs or waits, or None."""
        with self._lock:
            return next((i for i, view in self._views.items() if view.running), None)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log_path(self) -> Path:
        return self.settings.home / "logs" / "live.log"

    def close(self) -> None:
        """Ends the worker; a running example is cancelled and saved."""
        with self._lock:
            if self._connection is not None and self.alive:
                with contextlib.suppress(OSError):  # it ended by itself just now
                    self._connection.send(Close())
            process, self._process, self._connection = self._process, None, None
        if process is not None:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _send(self, message: Message) -> None:
        if not self.alive or self._connection is None:
            try:
                self._spawn()
            except OSError as error:
                raise JobError(
                    f"The model process cannot be started ({error.strerror or error}).",
                    f"See that {self.log_path.parent} can be written and that memory is free.",
                ) from error
        assert self._connection is not None
        try:
            self._connection.send(message)
        except OSError as error:
            raise JobError(
                f"The model process does not answer ({error}).", "Press Run again."
            ) from error

    def _spawn(self) -> None:
        ours, theirs = Pipe()
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "PHASELENS_HOME": str(self.settings.home),
            "PYTHONPATH": os.pathsep.join(
                [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
        }
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "core.live.worker", "--fd", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        theirs.close()
        self._connection = ours
        threading.Thread(
            target=self._read, args=(ours, self._process), name="live-reader", daemon=True
        ).start()

    def _read(self, connection: Connection, process: subprocess.Popen[bytes]) -> None:
        """The reader thread: until the worker is gone. Whatever ends it, nothing is left that
        seems to run."""
        understood = False
        try:
            with contextlib.suppress(EOFError, OSError):
                while True:
                    self._hear(*connection.recv())
            understood = True
        finally:
            with self._lock:
                if self._process is process:
                    self._connection = None
            connection.close()  # a worker that nobody hears saves what is running, and ends
            if not understood:
                self._end(process, NOT_UNDERSTOOD)
            code = process.wait()
            store_error = self._left_by(process)
            self._end(process, self._death(code, store_error))

    def _hear(self, trace_id: str, event: Event | Warmed | Told | Came) -> None:
        with self._lock:
            if isinstance(event, Warmed):
                self.warming, self.warm_error = False, event.error
            elif isinstance(event, Told):
                self._answered(event.question, event.answer)
            elif isinstance(event, Came):
                self._progress[event.question] = event.progress
            elif (view := self._views.get(trace_id)) is not None:
                self._views[trace_id] = fold(view, event)

    def _end(self, process: subprocess.Popen[bytes], why: Failed) -> None:
        """Ends all that this worker was to do and has not done."""
        with self._lock:
            if self._process in (process, None):
                self.warming = False
            for question in [q for q, asked in self._asked.items() if asked is process]:
                self._answered(question, why)
            for trace_id, view in self._left(process).items():
                self._views[trace_id] = replace(view, state=TraceState.INTERRUPTED, error=why)

    def _left(self, process: subprocess.Popen[bytes]) -> dict[str, LiveView]:
        """The examples that this worker has not ended; the lock is held."""
        return {
            trace_id: view
            for trace_id, view in self._views.items()
            if view.running and self._runs_on.get(trace_id) is process
        }

    def _answered(self, question: AnyQuestion, answer: Answer) -> None:
        """Keeps an answer and wakes who waits for it; the lock is held."""
        self._asked.pop(question, None)
        self._progress.pop(question, None)
        self._answers[question] = answer
        alike = [known for known in self._answers if type(known) is type(question)]
        for oldest in alike[: -question.kept]:
            del self._answers[oldest]
        self._told.notify_all()

    def _left_by(self, process: subprocess.Popen[bytes]) -> Failed | None:
        """Marks in the store what a worker that died had not finished, also what still waited for
        its turn; an error if it cannot."""
        with self._lock:
            left = self._left(process)
        if process.returncode == 0 and not left:
            return None
        try:
            with closing(open_store(self.settings)) as store, store.write() as session:
                for trace_id, view in left.items():
                    keep_interrupted(session, trace_id, view.config, view.document)
                interrupt_running(session)
        except StoreError as error:
            return Failed(error.what, error.fix)
        return None

    def _death(self, code: int, store_error: Failed | None) -> Failed:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        if store_error is not None:
            return Failed(
                f"The model process ended unexpectedly ({how}). {store_error.what}",
                store_error.fix,
            )
        return Failed(
            f"The model process ended unexpectedly ({how}); the text so far is kept.",
            f"Press Run again. Details are in {self.log_path}.",
        )
