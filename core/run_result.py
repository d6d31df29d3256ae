"""What a batch run did."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be answered, and why."""

    document: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one call did. `documents`: all that were asked for; of these `skipped_as_done` were
    finished before, `answered` and `failed` now, and `elsewhere` are in the hands of another
    process. Seconds exclude loading. `mode`: the decoding mode, with a sentence in `mode_note`
    where it is not the one asked for; `batch_size`: the most texts written at a time."""

    run: str
    documents: int
    skipped_as_done: int
    answered: int = 0
    seconds: float = 0.0
    tokens: int = 0
    seconds_generating: float = 0.0
    failures: tuple[Failure, ...] = field(default=())
    elsewhere: int = 0
    cancelled: bool = False
    mode: str = ""
    mode_note: str = ""
    batch_size: int = 1

    @property
    def failed(self) -> int:
        return len(self.failures)

    @property
    def documents_per_second(self) -> float | None:
        """Documents answered now per second; None when there were none."""
        return self.answered / self.seconds if self.answered and self.seconds > 0 else None

    @property
    def tokens_per_second(self) -> float | None:
        """Trace tokens written now per second of generation; None when there were none."""
        if not self.tokens or self.seconds_generating <= 0:
            return None
        return self.tokens / self.seconds_generating

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "documents": self.documents,
            "skipped_as_done": self.skipped_as_done,
            "answered": self.answered,
            "failed": self.failed,
            "elsewhere": self.elsewhere,
            "documents_per_second": self.documents_per_second,
            "tokens_per_second": self.tokens_per_second,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "cancelled": self.cancelled,
            "mode": self.mode,
            "mode_note": self.mode_note,
            "batch_size": self.batch_size,
            "failures": [
                {"document": f.document, "what": f.what, "fix": f.fix} for f in self.failures[:20]
            ],
        }
