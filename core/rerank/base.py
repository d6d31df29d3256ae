"""What a reranker gets and gives: candidates in, a ranked prediction out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic_core import to_jsonable_python

from core.errors import InputError


@dataclass(frozen=True, slots=True)
class Candidate:
    """A label shown to the model under a number (from 1, in retrieval order). `nearness`: how near
    to the text it is, in a word (see `nearness_of`); "" where that is not known."""

    number: int
    label_id: str
    name: str
    nearness: str = ""


NEARNESS = ((0.85, "same"), (0.7, "near"), (0.55, "close"), (-1.0, "far"))


def nearness_of(cosine: float) -> str:
    """A word for the cosine in [-1, 1] of a label to the text."""
    return next(word for least, word in NEARNESS if cosine >= least or least == -1.0)


class Mode(StrEnum):
    """Which program computes the model's tokens.

    fast: the lean network (core/models/lean.py), with prompt lookup, batched in batch runs.
    reference: what transformers' generate() writes, prompt lookup off (batch runs draft it in fast
    mode and check it, core/models/drafts.py); in float32 where it was asked for and the model's
    number format was left to the machine.
    own: the model's own software as it comes: an endpoint's server. So were all runs before
    there were modes; local models then ran in generate() with prompt lookup as recorded.
    """

    FAST = "fast"
    REFERENCE = "reference"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Decoding:
    """How the trace is decoded. temperature 0 = greedy (the seed then changes nothing).

    `mode` is what is asked for; `Tools.resolved` gives what the model can do. `guided`: headings,
    numbers and names that the trace grammar forces are given (core/rerank/guide.py).
    """

    max_new_tokens: int = 320
    temperature: float = 0.0
    seed: int = 0
    prompt_lookup: int = 10  # tokens copied from the prompt at a time; 0 = off
    mode: Mode = Mode.FAST
    guided: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Decoding":
        """Decoding as stored; what was stored before there were modes has Mode.OWN."""
        return cls(**{**data, "mode": Mode(data.get("mode", Mode.OWN))})

    def resolved(self, mode: Mode) -> "Decoding":
        """In the mode that the model can do; prompt lookup and guidance are part of the fast one
        alone."""
        if mode is Mode.FAST:
            return replace(self, mode=mode)
        return replace(self, mode=mode, prompt_lookup=0, guided=False)

    def fast(self) -> "Decoding":
        """The same in fast mode, with prompt lookup as usual."""
        return replace(self, mode=Mode.FAST, prompt_lookup=Decoding().prompt_lookup)

    def check(self) -> None:
        """Raises InputError for what no model does."""
        if not 1 <= self.max_new_tokens <= 8192:
            raise InputError(
                f"The token limit is {self.max_new_tokens}, but must be 1 to 8192.",
                "Choose another limit.",
            )
        if not 0.0 <= self.temperature <= 5.0:
            raise InputError(
                f"The temperature is {self.temperature}, but must be 0 to 5.",
                "0 is greedy decoding.",
            )
        if not 0 <= self.seed < 2**63:
            raise InputError(
                f"The seed is {self.seed}, but must be 0 to 2^63 - 1.",
                "Choose another seed.",
            )
        if self.guided and self.mode is Mode.REFERENCE:
            raise InputError(
                "A guided trace cannot be written in reference mode, which forces nothing.",
                "Choose fast mode, or leave the trace unguided.",
            )
        if not 0 <= self.prompt_lookup <= 100:
            raise InputError(
                f"Prompt lookup is {self.prompt_lookup} tokens, but must be 0 to 100.",
                "10 is usual; 0 turns it off.",
            )


def parse_mode(name: str) -> Mode:
    """fast or reference. Raises InputError for another word."""
    if name not in (Mode.FAST, Mode.REFERENCE):
        raise InputError(f"There is no mode named {name!r}.", "Choose fast or reference.")
    return Mode(name)


class Bucket(StrEnum):
    """How well the output kept to the format; exactly one holds."""

    OK = "ok"
    WRONG_FORMAT = "wrong format"
    REPETITION = "repetition"
    CUT_OFF = "cut off"
    MISSING_LABELS = "missing labels"
    NOTHING = "nothing"


class Verdict(StrEnum):
    KEEP = "keep"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the parser read from a trace; label ids in the order of the text, without repeats.

    `answer` is None where there is no answer line, and () for an explicit "none".
    """

    bucket: Bucket
    shortlisted: tuple[str, ...]
    verdicts: tuple[tuple[str, Verdict], ...]
    answer: tuple[str, ...] | None
    answer_spans: tuple[tuple[int, int], ...] = ()
    why: str = ""  # one sentence for a person: what was wrong with the format


class PlacedBy(StrEnum):
    """What put a label at its position in the ranking."""

    ANSWER = "answer line"
    SCORE = "score"
    COMPLETED = "completed from the shortlist"


@dataclass(frozen=True, slots=True)
class RankedLabel:
    """One position of a prediction. `score`: P(relevant) in [0, 1] by the Scorer, or None."""

    label_id: str
    name: str
    rank: int
    placed_by: PlacedBy
    score: float | None
    cosine: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """All retrieved labels, ranked: answered ones first, then by score, then by retrieval.

    `selected` are the labels the answer line names: the set that F1 is computed on.
    """

    ranking: tuple[RankedLabel, ...]
    selected: tuple[str, ...]
    bucket: Bucket
    bucket_why: str = ""

    def to_json(self) -> dict[str, Any]:
        return dict(to_jsonable_python(self))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Prediction":
        ranking = tuple(
            RankedLabel(**{**row, "placed_by": PlacedBy(row["placed_by"])})
            for row in data["ranking"]
        )
        return cls(ranking, tuple(data["selected"]), Bucket(data["bucket"]), data["bucket_why"])


class Fate(StrEnum):
    """What became of a gold label; exactly one holds."""

    SELECTED = "selected"
    NOT_IN_VOCABULARY = "not in the vocabulary"
    ENCODER_MISS = "encoder miss"
    INDEX_MISS = "index miss"
    NOT_SHOWN = "not shown"
    DROPPED_IN_SHORTLISTING = "dropped in shortlisting"
    DROPPED_IN_REASONING = "dropped in reasoning"
    LOST_IN_PARSING = "lost in parsing"


@dataclass(frozen=True, slots=True)
class GoldFate:
    """The fate of one gold label, with the ranks that decided it."""

    label_id: str
    name: str
    fate: Fate
    rank: int | None  # in the shortlist, from 1
    exact_rank: int | None  # by exact search, from 1
