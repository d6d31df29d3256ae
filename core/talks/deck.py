"""The deck of a talk: stored traces as plain data, one a slide, with all that the viewer shows.

A deck stands by itself: it needs no store, no index and no model, so it can be played with the
network off and kept as a file. Slides are made by core/talks/slides.py.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, NamedTuple

from core.errors import InputError
from core.traces.base import CurvePoint
from core.traces.inert import neutralise

FORMAT = 1  # of the JSON; another number is another program's


class Piece(NamedTuple):
    """A stretch of text that is shown in one way.

    `label`: the number in Slide.labels of the label that it names, or -1; `exact`: by its name,
    not in other words. `anchor`: from 1, the number of the document's words that it is or repeats;
    0: none. `given`: the app put it in, not the model.
    """

    text: str
    label: int = -1
    exact: bool = True
    anchor: int = 0
    given: bool = False


@dataclass(frozen=True, slots=True)
class LabelLine:
    """A label; `rank` in the shortlist, from 1, or None."""

    label_id: str
    name: str
    gold: bool
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class ShortlistLine:
    """A row of the shortlist. `cosine` in [-1, 1], higher = closer, None where it is no number;
    `shown`: whether the model saw it, None where that is not known; `named`: how often the trace
    names it."""

    rank: int
    label_id: str
    name: str
    cosine: float | None
    gold: bool
    shown: bool | None
    named: int


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step of the trace. `phase`: shortlisting | reasoning | answer, or "" outside any;
    `function`: what it does, a word of core.traces.functions; `given`: all of it was put in by the
    app."""

    phase: str
    function: str
    given: bool
    words: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """A part of the timeline, from t = start to t = end in [0, 1]; `kind` as StepLine.phase."""

    kind: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class FateLine:
    """What became of a gold label, in a word and in a sentence; `found`: the answer names it."""

    label_id: str
    name: str
    fate: str
    why: str
    found: bool


@dataclass(frozen=True, slots=True)
class Slide:
    """One stored trace, as the room sees it. Parts that it never reached are None or empty.

    `made_at`: ISO 8601, UTC. `state`: done, or what stopped it. `shortlist`: at most the first 50,
    None where nothing was searched; `shortlist_said`: what they are the first of. `boundary`: t* in
    [0, 1], with who says so; `boundary_confidence` in [0, 1], None where it is by rules.
    `near_misses_from`: what Confusion compares with, "gold" or "not chosen". `answer`: None without
    one. `f1` in [0, 1], higher = better, None without gold. `format`: how well the output kept to
    the format, "" where it was not looked at. `notes`: what the reader must know.
    """

    trace_id: str
    title: str
    note: str
    dataset: str
    document_id: str
    system: str
    run_id: str | None
    made_at: str
    state: str
    document: tuple[Piece, ...]
    labels: tuple[LabelLine, ...]
    gold: tuple[LabelLine, ...]
    shortlist: tuple[ShortlistLine, ...] | None
    shortlist_said: str
    steps: tuple[StepLine, ...]
    phases: tuple[PhaseSpan, ...]
    boundary: float | None
    boundary_source: str | None
    boundary_confidence: float | None
    curves: tuple[CurvePoint, ...]
    near_misses_from: str
    answer: tuple[LabelLine, ...] | None
    f1: float | None
    format: str
    format_why: str
    fates: tuple[FateLine, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Slide":
        """Raises InputError for data that is no slide."""
        try:
            return cls(**{**data, **_parts(data)})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _unreadable(str(error)) from error


def _parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a slide that are more than a word or a number."""
    shortlist, answer = data["shortlist"], data["answer"]
    return {
        "document": _pieces(data["document"]),
        "labels": tuple(LabelLine(**one) for one in data["labels"]),
        "gold": tuple(LabelLine(**one) for one in data["gold"]),
        "shortlist": None if shortlist is None else tuple(ShortlistLine(**r) for r in shortlist),
        "steps": tuple(StepLine(**{**s, "words": _pieces(s["words"])}) for s in data["steps"]),
        "phases": tuple(PhaseSpan(**one) for one in data["phases"]),
        "curves": tuple(CurvePoint(**one) for one in data["curves"]),
        "answer": None if answer is None else tuple(LabelLine(**one) for one in answer),
        "fates": tuple(FateLine(**one) for one in data["fates"]),
        "notes": tuple(data["notes"]),
    }


def _pieces(data: Any) -> tuple[Piece, ...]:
    return tuple(Piece(*one) for one in data)


@dataclass(frozen=True, slots=True)
class Deck:
    """The slides of a talk, in the order in which they are played."""

    title: str
    slides: tuple[Slide, ...]

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "title": self.title, "slides": [s.to_json() for s in self.slides]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Deck":
        """Raises InputError for data that is no deck, or one of another PhaseLens."""
        try:
            made_in, title, slides = data["format"], data["title"], tuple(data["slides"])
        except (KeyError, TypeError) as error:
            raise _unreadable(f"{error} is missing") from error
        if made_in != FORMAT:
            raise InputError(
                f"This deck has format {made_in!r}; this PhaseLens reads format {FORMAT}.",
                "Make it again from its traces.",
            )
        return cls(title, tuple(Slide.from_json(slide) for slide in slides))

    def for_viewer(self, *, notes: bool = True) -> dict[str, Any]:
        """What the viewer is given: plain data without characters that hide, reorder or break what
        a reader sees, whoever wrote the deck. `notes`: with the speaker's."""
        data: dict[str, Any] = neutral(self.to_json())
        if not notes:
            data["slides"] = [{**slide, "note": ""} for slide in data["slides"]]
        return data


def neutral(data: Any) -> Any:
    """Plain data with every text in it neutralised; tuples become lists, as in JSON, and what is
    no number (NaN, infinity) None, for JSON has no word for it."""
    if isinstance(data, str):
        return neutralise(data)
    if isinstance(data, float):
        return data if isfinite(data) else None
    if isinstance(data, Mapping):
        return {name: neutral(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [neutral(one) for one in data]
    return data


def _unreadable(why: str) -> InputError:
    return InputError(f"This is no deck of PhaseLens ({why}).", "Make it again from its traces.")
