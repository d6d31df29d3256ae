"""What the app and the worker process say to each other, besides events."""

from dataclasses import dataclass

from core.datasets.base import Document
from core.events import Failed
from core.live.inside_questions import Drop, InsideQuestion
from core.live.questions import PlainQuestion
from core.systems import RunConfig


@dataclass(frozen=True, slots=True)
class Start:
    """Run this document; its trace is stored under `trace_id`."""

    trace_id: str
    config: RunConfig
    document: Document


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop that example; what is written by then is kept."""

    trace_id: str


@dataclass(frozen=True, slots=True)
class Warm:
    """Load what this configuration needs, so that the first run need not wait."""

    config: RunConfig


@dataclass(frozen=True, slots=True)
class Ask:
    """Answer this: beside whatever runs, or, what is inside a model, in its turn; the answer
    comes as `Told`."""

    question: PlainQuestion | InsideQuestion


@dataclass(frozen=True, slots=True)
class Close:
    """Save what is running and end."""


@dataclass(frozen=True, slots=True)
class Warmed:
    """Loading is over; `error` says why it failed, if it did."""

    error: Failed | None = None


Message = Start | Cancel | Warm | Ask | Drop | Close
