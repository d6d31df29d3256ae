"""Times the stages of one example and tells the watcher."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.events import Event, Stage, StageDone, StageStarted


class Stopwatch:
    """`stages`: name, milliseconds and note of each one that is done."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self.emit = emit
        self.stages: list[tuple[str, float, str]] = []
        self._started = 0.0

    def begin(self, stage: Stage) -> None:
        self.emit(StageStarted(stage))
        self._started = time.perf_counter()

    def end(self, stage: Stage, note: str = "") -> None:
        """Ends the stage that was begun last."""
        ms = (time.perf_counter() - self._started) * 1000
        self.stages.append((stage.value, ms, note))
        self.emit(StageDone(stage, ms, note))

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[list[str]]:
        """Times a block; text appended to the yielded list becomes the stage's note."""
        self.begin(stage)
        note: list[str] = []
        yield note
        self.end(stage, " ".join(note))
