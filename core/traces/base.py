"""A trace: what a model wrote on its way to an answer, and where its phases lie.

All offsets are character offsets into `Trace.text` (Python string indices, end exclusive).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean
from typing import Any

from pydantic_core import to_jsonable_python


class PhaseKind(StrEnum):
    SHORTLISTING = "shortlisting"
    REASONING = "reasoning"
    ANSWER = "answer"


class BoundarySource(StrEnum):
    """Who says where shortlisting ends."""

    GRAMMAR = "grammar"
    CHANGE_POINT = "change point"
    HUMAN = "human"


class FinishReason(StrEnum):
    STOP = "stop"  # the model ended by itself
    LENGTH = "length"  # the token limit cut it off
    CANCELLED = "cancelled"  # a person stopped it; the partial text is kept
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the trace. `given` marks text the app forced: never evidence of a phase.
    `confidence` in [0, 1]: how sure it is that the phase begins there; None: by rules, exactly."""

    kind: PhaseKind
    start: int
    end: int
    given: bool = False
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A label named in the trace: characters start..end name `label_id`."""

    label_id: str
    start: int
    end: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Focus and Confusion of the prefix r[0:t], t in (0, 1]; cosines in [-1, 1].

    Focus: higher is better. Confusion: lower is better; None where there is no near miss.
    """

    t: float
    focus: float
    confusion: float | None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A wrong label close to a right one; `cosine` in [-1, 1] to the nearest right label."""

    label_id: str
    name: str
    near: str  # the right label (gold, or chosen where there is no gold) it is close to
    cosine: float


@dataclass(frozen=True, slots=True)
class Curves:
    """Reasoning Focus and Near-Miss Confusion over the trace.

    `near_misses_from` says what N(x) was: "gold" (wrong labels nearest to the gold ones) or
    "not chosen" (free text: shown candidates that the model did not choose).
    """

    points: tuple[CurvePoint, ...]
    near_misses: tuple[NearMiss, ...]
    near_misses_from: str

    @property
    def mean_focus(self) -> float | None:
        """Over all points, in [-1, 1], higher = better; None without points."""
        return fmean(p.focus for p in self.points) if self.points else None

    @property
    def mean_confusion(self) -> float | None:
        """Over all points that have one, in [-1, 1], lower = better; None without any."""
        values = [p.confusion for p in self.points if p.confusion is not None]
        return fmean(values) if values else None


@dataclass(frozen=True)
class Trace:
    """One model's chain of thought on one document.

    `token_offsets`: one (start, end) a generated token. `boundary`: t* in [0, 1], the share of
    tokens before the reasoning phase starts, or None where no phases were found.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    tokens: int
    seconds: float
    seconds_to_first_token: float | None
    token_offsets: tuple[tuple[int, int], ...] = ()
    phases: tuple[Phase, ...] = ()
    boundary: float | None = None
    boundary_source: BoundarySource | None = None
    mentions: tuple[Mention, ...] = ()
    curves: Curves | None = None
    notes: tuple[str, ...] = field(default=())  # what the reader must know, e.g. text cut to fit
    given: tuple[tuple[int, int], ...] = ()  # characters (start, end) that the app put in

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds > 0 else 0.0

    @property
    def given_tokens(self) -> int:
        """How many of the tokens were put in and not chosen by the model."""
        return sum(
            any(start <= a and b <= end for start, end in self.given) for a, b in self.token_offsets
        )

    def to_json(self) -> dict[str, Any]:
        return dict(to_jsonable_python(self))  # asdict takes seven times as long

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Trace":
        curves = data.get("curves")
        source = data.get("boundary_source")
        return cls(
            **{
                **data,
                "finish_reason": FinishReason(data["finish_reason"]),
                "token_offsets": tuple((a, b) for a, b in data["token_offsets"]),
                "phases": tuple(
                    Phase(
                        PhaseKind(p["kind"]), p["start"], p["end"], p["given"], p.get("confidence")
                    )
                    for p in data["phases"]
                ),
                "boundary_source": BoundarySource(source) if source else None,
                "mentions": tuple(Mention(**m) for m in data["mentions"]),
                "curves": Curves(
                    tuple(CurvePoint(**p) for p in curves["points"]),
                    tuple(NearMiss(**m) for m in curves["near_misses"]),
                    curves["near_misses_from"],
                )
                if curves
                else None,
                "notes": tuple(data["notes"]),
                "given": tuple((a, b) for a, b in data.get("given", ())),
            }
        )
