"""How fast a job goes and how long it will take."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from db.jobs import JobState, JobView

WINDOW_S = 30.0
MIN_SAMPLES = 5  # kept however old, so that slow work has a rate too


class RateWindow:
    """Units a second over the last half minute.

    The first sample of a stage is where counting begins, so work that an earlier attempt did is
    not taken for speed.
    """

    def __init__(
        self, window_s: float = WINDOW_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._window_s = window_s
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()
        self._stage = ""

    def add(self, stage: str, done: int) -> None:
        """Notes that `done` units of a stage are finished now; a new stage starts afresh."""
        if stage != self._stage or (self._samples and done < self._samples[-1][1]):
            self._samples.clear()
            self._stage = stage
        now = self._clock()
        self._samples.append((now, done))
        while len(self._samples) > MIN_SAMPLES and self._samples[0][0] < now - self._window_s:
            self._samples.popleft()

    def rate(self) -> float | None:
        """Units a second, at least 0; None before there is anything to measure.

        Falls while nothing comes for longer than the usual gap between samples.
        """
        if len(self._samples) < 2:
            return None
        (begin, first), (end, last) = self._samples[0], self._samples[-1]
        usual_gap = (end - begin) / (len(self._samples) - 1)
        seconds = max(end, self._clock() - usual_gap) - begin
        return (last - first) / seconds if seconds > 0 else None


@dataclass(frozen=True, slots=True)
class JobProgress:
    """What a progress bar shows. `fraction` in [0, 1]; None: not known (yet).

    `rate` in units a second, `seconds_left` of this stage.
    """

    state: JobState
    stage: str
    done: int
    total: int
    fraction: float | None
    rate: float | None
    seconds_left: float | None


def progress_of(job: JobView) -> JobProgress:
    """The progress of a job as stored."""
    return JobProgress(
        job.state, job.stage, job.done, job.total, job.fraction, job.rate, job.seconds_left
    )
