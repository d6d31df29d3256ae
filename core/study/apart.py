"""A training in a process of its own, which ends with it.

Training leaves a process with several GB that it has no use for any more, and what is written in it
afterwards is written much more slowly; a study has hours of writing between its trainings.

The new process works on the study up to the cell that trains, and saves its result as any other's;
what it tells goes to the one that started it. Asked to stop, or left alone by a killed one, it
saves a checkpoint and ends.
"""

import multiprocessing
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from core.config import Settings
from core.errors import ModelError, PhaseLensError
from core.study.presets import Preset

LOOK_S = 0.5  # between two looks at whether to stop

Report = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]


def work_apart(
    settings: Settings, preset: Preset, cell: str, report: Report, cancelled: Cancelled
) -> None:
    """Works on a study until the cell is done, or until cancelled. Raises PhaseLensError."""
    context = multiprocessing.get_context("spawn")  # a fork has torch's locks, not its threads
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, settings, preset, cell))
    process.start()
    theirs.close()
    try:
        error = _listen(ours, report, cancelled)
    except BaseException:
        process.terminate()
        raise
    finally:
        process.join()
        ours.close()
    if error is not None:
        raise error
    if process.exitcode:
        raise ModelError(
            f"The process that trained {cell} has died (exit status {process.exitcode}).",
            "Give the same command again: it goes on from the last checkpoint. It may have been "
            "out of memory.",
        )


def _listen(ours: Connection, report: Report, cancelled: Cancelled) -> PhaseLensError | None:
    """Passes on what the process tells until it ends; gives the error that ended it."""
    asked = False
    while True:
        try:
            if not asked and cancelled():
                ours.send("stop")
                asked = True
            if not ours.poll(LOOK_S):
                continue
            told = ours.recv()
        except (EOFError, ConnectionError):  # it has ended
            return None
        if isinstance(told, PhaseLensError):
            return told
        report(*told)


class _Asked:
    """Whether the process that started this one asks it to stop, or is gone."""

    def __init__(self, theirs: Connection) -> None:
        self._theirs, self._stop = theirs, False

    def __call__(self) -> bool:
        if not self._stop and self._theirs.poll():
            self._stop = True
            with suppress(EOFError, ConnectionError):
                self._theirs.recv()
        return self._stop


def _work(theirs: Connection, settings: Settings, preset: Preset, cell: str) -> None:
    from core.study.study import Study
    from db.session import open_store

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all: the one that started it asks

    def tell(what: Any) -> None:
        with suppress(ConnectionError):  # nobody listens any more: it will be asked to stop
            theirs.send(what)

    def report(stage: str, done: int, total: int) -> None:
        tell((stage, done, total))

    try:
        Study(settings, open_store(settings), preset, report, _Asked(theirs)).run_until(cell)
    except PhaseLensError as error:
        tell(error)
