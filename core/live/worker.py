"""The process that owns the models: `python -m core.live.worker --fd N`.

    app process                               worker process (this file)
    LiveWorker.start(...)  -- Start ------->  queue -> main thread: pipeline.answer
    LiveWorker.cancel(id)  -- Cancel ------>  reader thread sets the example's event
    reader thread <--------- (id, Event) ---  emit; the store is written here

1. A reader thread takes messages from the connection: new examples are queued, cancels set an
   event that the running `generate` reads between tokens.
2. The main thread works the queue, one example at a time (`generate` is not thread-safe).
3. Every example is in the store from the moment its turn comes, before anything is loaded for
   it; its text is saved each second, so a killed app, worker or machine loses at most that second.
4. Questions about a shortlist alone are answered by a third thread, also while the model writes;
   those about the inside of a model wait in the queue, as they need it.
5. When the app says Close, or is gone and the connection with it, the running example is
   cancelled and saved, and the process ends.
"""

import argparse
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from core.config import Settings, load_settings
from core.errors import IndexFileError, PhaseLensError
from core.events import Event, Failed, Stage, StageDone, StageStarted
from core.jobs.kinds import index_key
from core.live.inside_questions import Came, Drop, InsideQuestion, Progress
from core.live.messages import Ask, Cancel, Close, Message, Start, Warm, Warmed
from core.live.questions import Answer, PlainQuestion, SharedToolbox, Told, reply
from core.live.recorder import Recorder
from core.models.chat_stream import Cancelled
from core.pipeline import Answered, answer
from core.shortlist.index import status
from core.toolbox import find_system
from core.tools import Tools
from db.jobs import unfinished_job
from db.owners import this_owner

if TYPE_CHECKING:
    from core.live.inside import InsideView

WAIT_S = 0.3  # between looks for the first labels of an index

log = logging.getLogger("phaselens.live")

DROPPED = Failed("Stopped before there was an answer.", "Ask again when you want it.")

# What libraries raise on bad weights, no memory or a full disk. Anything else is a fault of
# ours: it ends the process with a traceback in the log, and the app says so.
EXPECTED = (PhaseLensError, MemoryError, OSError, RuntimeError, ValueError)


class Worker:
    """The worker's state: its connection, its queue, and what has been loaded."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.connection = connection
        self.sending = threading.Lock()  # two threads tell; a connection takes one at a time
        self.toolbox = SharedToolbox(settings)
        self.questions: queue.Queue[PlainQuestion | None] = queue.Queue()
        self.todo: queue.Queue[Start | Warm | InsideQuestion | None] = queue.Queue()
        self.cancels: dict[str, threading.Event] = {}
        self.drops: dict[InsideQuestion, threading.Event] = {}
        self.inside: InsideView | None = None
        self.gone = threading.Event()  # the app closed its end

    def send(self, trace_id: str, event: Event | Warmed | Told | Came) -> None:
        """Tells the app; an app that is gone is noted, never an error of the example."""
        try:
            with self.sending:
                self.connection.send((trace_id, event))
        except OSError:
            self.gone.set()

    def read(self) -> None:
        """The reader thread: until the app says so, or is gone."""
        while True:
            try:
                message: Message = self.connection.recv()
            except (EOFError, OSError):
                break
            match message:
                case Cancel(trace_id):
                    if cancel := self.cancels.get(trace_id):  # None: it has ended just now
                        cancel.set()
                case Start(trace_id):
                    self.cancels[trace_id] = threading.Event()
                    self.todo.put(message)
                case Warm():
                    self.todo.put(message)
                case Ask(question):
                    if isinstance(question, PlainQuestion):
                        self.questions.put(question)
                    else:
                        self.drops[question] = threading.Event()
                        self.todo.put(question)
                case Drop(question):
                    if drop := self.drops.get(question):
                        drop.set()
                case Close():
                    break
        self.gone.set()
        self.todo.put(None)
        self.questions.put(None)

    def tell(self) -> None:
        """The third thread: answers questions that need no language model."""
        while (question := self.questions.get()) is not None:
            try:
                self.send("", Told(question, reply(self.toolbox, question)))
            except EXPECTED as error:
                if not isinstance(error, PhaseLensError):
                    log.exception("a question failed")
                self.send("", Told(question, failure(error)))

    def run(self) -> None:
        """The main thread: works the queue until the app is gone."""
        for name, work in (("reader", self.read), ("teller", self.tell)):
            threading.Thread(target=vital, args=(work,), name=name, daemon=True).start()
        while (message := self.todo.get()) is not None:
            if isinstance(message, Start):
                self.work(message)
            elif self.gone.is_set():
                continue
            elif isinstance(message, Warm):
                self.warm(message)
            else:
                self.send("", Told(message, self.look(message)))

    def warm(self, message: Warm) -> None:
        """Loads the model, then what searches; on a first start there is no index yet, which is
        no error: the first example waits for it."""
        config = message.config
        try:
            self.toolbox.model(
                find_system(self.toolbox.settings, self.toolbox.store, config.system).model,
                self.gone.is_set,
            )
            self.toolbox.tools(config)
        except Cancelled:  # the app is gone
            return
        except IndexFileError as error:
            coming = self.index_is_coming(config.dataset)
            self.send("", Warmed(None if coming else failure(error)))
        except EXPECTED as error:
            self.send("", Warmed(failure(error)))
        else:
            self.send("", Warmed())

    def look(self, question: InsideQuestion) -> Answer:
        """The answer to a question about the inside of a model, or why there is none."""
        from core.live.inside import InsideView  # loads torch, which shortlists do not need

        drop = self.drops[question]

        def stopped() -> bool:
            return self.gone.is_set() or drop.is_set()

        def tell(progress: Progress) -> None:
            self.send("", Came(question, progress))

        try:
            if stopped():
                return DROPPED
            self.inside = self.inside or InsideView(self.toolbox)
            return self.inside.answer(question, tell, stopped)
        except Cancelled:
            return DROPPED
        except EXPECTED as error:
            if not isinstance(error, PhaseLensError):
                log.exception("a question about the inside of a model failed")
            return failure(error)
        finally:
            self.drops.pop(question, None)

    def work(self, start: Start) -> None:
        """One example: stored, opened, answered, kept."""
        recorder = Recorder(self.toolbox.store, start, lambda e: self.send(start.trace_id, e))
        recorder.begin(this_owner())
        try:
            tools = self.open(start)
            recorder.opened(tools)
            recorder.finish(self.answer(tools, recorder.start, recorder))
        except Cancelled:
            recorder.stop()
        except EXPECTED as error:
            log.exception("example %s failed", start.trace_id)
            recorder.fail(failure(error))
        finally:
            self.cancels.pop(start.trace_id, None)

    def open(self, start: Start) -> Tools:
        self.send(start.trace_id, StageStarted(Stage.LOAD))
        began = time.perf_counter()
        tools = self.opened(start)
        self.send(start.trace_id, StageDone(Stage.LOAD, (time.perf_counter() - began) * 1000))
        return tools

    def opened(self, start: Start) -> Tools:
        """The tools; on a first start, waits for the first labels of the index being built.

        Raises Cancelled where the example is, before its turn or while it waits."""
        while True:
            if self.stopped(start.trace_id):
                raise Cancelled
            try:
                tools = self.toolbox.tools(start.config, lambda: self.stopped(start.trace_id))
                tools.index.refresh()  # the run's identity names the index as it is now
                return tools
            except IndexFileError:
                if not self.index_is_coming(start.config.dataset):
                    raise
            time.sleep(WAIT_S)

    def index_is_coming(self, dataset: str) -> bool:
        """Whether a build is under way that has not written its first labels yet."""
        with self.toolbox.store.read() as session:
            job = unfinished_job(session, index_key(dataset))
        return job is not None and status(self.toolbox.settings, dataset).state == "none"

    def stopped(self, trace_id: str) -> bool:
        return self.gone.is_set() or self.cancels[trace_id].is_set()

    def answer(self, tools: Tools, start: Start, recorder: Recorder) -> Answered:
        return answer(
            tools,
            start.document,
            start.config,
            emit=recorder.heard,
            cancelled=lambda: self.stopped(start.trace_id),
        )


def vital(work: Callable[[], None]) -> None:
    """A thread's work, without which the process is of no use: where an error that nobody foresaw
    ends it, the process ends at once, with the traceback in the log, and the app says so."""
    foreseen = False
    try:
        work()
        foreseen = True
    finally:
        if not foreseen:
            log.critical("the %s died", threading.current_thread().name, exc_info=True)
            os._exit(1)


def failure(error: BaseException) -> Failed:
    """What to tell the user of an error."""
    if isinstance(error, PhaseLensError):
        return Failed(error.what, error.fix)
    return Failed(
        f"{type(error).__name__}: {error}",
        "This is a fault in PhaseLens or its libraries; the worker's log has the details.",
    )


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--fd", type=int, required=True)
    fd = arguments.parse_args().fd
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the app, and the app ends us
    logging.basicConfig(level=logging.INFO)
    Worker(load_settings(), Connection(fd)).run()


if __name__ == "__main__":
    main()
