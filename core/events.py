"""What a running example tells those who watch it, in order of happening."""

from dataclasses import dataclass
from enum import StrEnum

from core.rerank.base import Candidate, GoldFate, Prediction
from core.shortlist.base import GoldRank, Shortlist
from core.traces.base import PhaseKind, Trace


class Stage(StrEnum):
    """The stages of one example, in order."""

    LOAD = "Load model and index"
    EMBED = "Embed the text"
    SEARCH = "Search labels"
    REASON = "Reason over candidates"
    SCORE = "Score candidates"
    ANALYSE = "Phases, fates and curves"


@dataclass(frozen=True, slots=True)
class StageStarted:
    stage: Stage


@dataclass(frozen=True, slots=True)
class StageDone:
    stage: Stage
    ms: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shortlisted:
    shortlist: Shortlist
    gold: tuple[GoldRank, ...]


@dataclass(frozen=True, slots=True)
class Prompted:
    """The exact text sent to the model, and the candidates in it."""

    rendered: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Wrote:
    """New trace text, and the tokens so far."""

    text: str
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PhaseBegan:
    """A phase starts at character `start` of the trace."""

    kind: PhaseKind
    start: int


@dataclass(frozen=True, slots=True)
class Finished:
    trace: Trace
    prediction: Prediction
    fates: tuple[GoldFate, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The run ended in an error; what was written so far is kept."""

    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Cancelled before the model could write anything: while it waited, or while it loaded."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something went wrong beside the run, which goes on: for example, it cannot be saved."""

    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Saved:
    """After a Warned: the run has been saved whole after all."""


Event = (
    StageStarted
    | StageDone
    | Shortlisted
    | Prompted
    | Wrote
    | PhaseBegan
    | Finished
    | Failed
    | Stopped
    | Warned
    | Saved
)
