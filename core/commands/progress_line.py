"""A job's progress on a terminal: a bar with rate and time left; plain lines in a pipe."""

import time
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from core.commands.console import inert
from db.jobs import JobView

PLAIN_EVERY_S = 10.0
DRAWN_EVERY_S = 0.1


class ProgressLine:
    """Shows a job as often as it is told to. Writes to `stream` only."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.bar: Progress | None = None
        self.task: TaskID | None = None
        self.said: tuple[str, float] = ("", 0.0)  # stage and time of the last plain line
        self._drawn = 0.0
        if stream.isatty():
            self.bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[numbers]}", markup=False),
                console=Console(file=stream),
                expand=True,
                transient=True,
            )

    def __enter__(self) -> "ProgressLine":
        if self.bar is not None:
            self.bar.start()
            self.task = self.bar.add_task("Starting", total=None, numbers="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def show(self, job: JobView) -> None:
        self._draw(job.stage, job.done, job.total, numbers(job))

    def report(self, stage: str, done: int, total: int) -> None:
        """The same for work that is no job; call it as often as you like."""
        now = time.monotonic()
        if now - self._drawn >= DRAWN_EVERY_S or done == total:
            self._drawn = now
            self._draw(stage, done, total, f"{done:,} of {total:,}")

    def _draw(self, stage: str, done: int, total: int, said: str) -> None:
        stage = inert(stage)
        if self.bar is not None and self.task is not None:
            self.bar.update(
                self.task,
                description=stage or "Starting",
                completed=done,
                total=total or None,
                numbers=said,
            )
            return
        last_stage, last = self.said
        now = time.monotonic()
        if stage and (stage != last_stage or now - last >= PLAIN_EVERY_S):
            self.said = (stage, now)
            self.stream.write(f"{stage}: {said}\n" if total else f"{stage}\n")
            self.stream.flush()


def numbers(job: JobView) -> str:
    """How far, how fast, how much longer."""
    parts = [f"{job.done:,} of {job.total:,}"] if job.total else []
    if job.rate:
        parts.append(f"{job.rate:,.0f}/s" if job.rate >= 10 else f"{job.rate:.2f}/s")
    if job.seconds_left is not None:
        parts.append(f"{duration(job.seconds_left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """42 s, 3 min 05 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
