"""What each step of a prose trace looks like, as numbers: how the segmenter sees it.

Nothing here knows a phase. A label counts as named where its exact name stands, or most of the
stems of its words, or its number or id in the way that lists are referred to.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p

import numpy as np
import numpy.typing as npt

from core.rerank.base import Candidate
from core.segmentation.cues import ANSWER, NEGATION, PROPOSE, WEIGH, cue_words
from core.traces.steps import steps_of

Features = npt.NDArray[np.float64]
Span = tuple[int, int]

STEM = 6  # letters of a word that count
MOST = 0.6  # of the words of a name of three and more
_WORD = re.compile(r"\w+")
_QUOTE = re.compile(r'["“”«»„]')
_NUMBERED = re.compile(r"\s*\(?\d+[.)]")
_BULLET = re.compile(r"\s*[-*•+|]")
_HEADING = re.compile(r"\s*(?:#|\*\*|[A-Z][\w ]{2,30}:\s*$)")
_ARROW = re.compile(r"->|→|=>|←|<-")
_COMMON = frozenset(
    """
    a an and by for in of on or other the to with without unspecified der die das und von mit de la
    el los las y del le les et des du
    """.split()  # noqa: SIM905
)
ALONE = (
    "bias", "t", "t_squared", "length", "named", "new", "again", "several", "covered_before",
    "covered", "less_than_half_covered", "propose", "weigh", "answer", "negation", "question",
    "quote", "numbered", "bullet", "heading", "short", "brackets", "arrow", "last", "since_new",
)  # fmt: skip
WINDOWS = (1, 3, 7, None)  # steps before and after whose means are seen as well; None: all
NAMES = (
    *ALONE,
    *(
        f"{name}, {side} {window or 'all'}"
        for window in WINDOWS
        for side in ("before", "after")
        for name in ALONE
    ),
)


def step_features(text: str, candidates: Sequence[Candidate]) -> tuple[list[Span], Features]:
    """The steps of a text, and `(steps, len(NAMES))`, most values in [0, 1]."""
    spans = steps_of(text)
    names = [_Name.of(candidate) for candidate in candidates]
    named = [_named(text[a:b], names) for a, b in spans]
    every = len(set().union(*named)) or 1
    seen: set[int] = set()
    rows: list[dict[str, float]] = []
    last_new = 0
    for at, (start, end) in enumerate(spans):
        new, again = named[at] - seen, named[at] & seen
        before = len(seen) / every
        seen |= named[at]
        last_new = at if new else last_new
        t = (start + end) / 2 / len(text)
        rows.append(
            {
                **_words(text[start:end]),
                **_form(text[start:end]),
                "bias": 1.0,
                "t": t,
                "t_squared": t * t,
                "named": min(len(named[at]), 4) / 4,
                "new": min(len(new), 3) / 3,
                "again": min(len(again), 3) / 3,
                "several": float(len(named[at]) > 1),
                "covered_before": before,
                "covered": len(seen) / every,
                "less_than_half_covered": float(before < 0.5),
                "last": float(at == len(spans) - 1),
                "since_new": min(at - last_new, 6) / 6,
            }
        )
    alone = np.array([[row[name] for name in ALONE] for row in rows]).reshape(-1, len(ALONE))
    beside = [_means(alone, window, side) for window in WINDOWS for side in (-1, 1)]
    return spans, np.hstack([alone, *beside])


def _means(alone: Features, window: int | None, side: int) -> Features:
    """Means over the steps before (`side` -1) or after (1) each step; zeros where there is none."""
    steps = len(alone)
    reach = steps if window is None else window
    sums = np.vstack([np.zeros((1, alone.shape[1])), np.cumsum(alone, axis=0)])
    at = np.arange(steps)
    first = np.maximum(at - reach, 0) if side < 0 else at + 1
    end = at if side < 0 else np.minimum(at + 1 + reach, steps)
    counts = np.maximum(end - first, 0)
    totals: Features = sums[end] - sums[np.minimum(first, end)]
    return np.where(counts[:, None] > 0, totals / np.maximum(counts, 1)[:, None], 0.0)


def _words(step: str) -> dict[str, float]:
    words = cue_words(step)
    return {
        "length": log1p(len(words) or 1) / 4,
        "short": float(len(words) <= 4),
        "propose": min(sum(word in PROPOSE for word in words), 3) / 3,
        "weigh": min(sum(word in WEIGH for word in words), 4) / 4,
        "answer": float(any(word in ANSWER for word in words)),
        "negation": float(bool(NEGATION.search(step))),
    }


def _form(step: str) -> dict[str, float]:
    return {
        "question": float("?" in step),
        "quote": float(bool(_QUOTE.search(step))),
        "numbered": float(bool(_NUMBERED.match(step))),
        "bullet": float(bool(_BULLET.match(step))),
        "heading": float(bool(_HEADING.match(step))),
        "brackets": float("(" in step),
        "arrow": float(bool(_ARROW.search(step))),
    }


@dataclass(frozen=True, slots=True)
class _Name:
    """A candidate's name, ready to be looked for in many steps."""

    number: int
    folded: str
    stems: tuple[str, ...]
    least: float  # share of the stems that name it
    referred: re.Pattern[str]  # its number or id in the way that lists are referred to

    @classmethod
    def of(cls, candidate: Candidate) -> "_Name":
        number, label = candidate.number, re.escape(candidate.label_id.casefold())
        ways = rf"(?<![\w.])(?:{label}|#{number}|\({number}\)|\[{number}\])(?!\w)"
        stems = tuple(_stems(candidate.name))
        least = MOST if len(stems) > 2 else 1.0
        return cls(number, candidate.name.casefold(), stems, least, re.compile(ways))


def _named(step: str, names: Sequence[_Name]) -> set[int]:
    """Numbers of the candidates that a step names."""
    stems, folded = set(_stems(step)), step.casefold()
    found = set()
    for name in names:
        wanted = name.stems
        share = sum(stem in stems for stem in wanted) / len(wanted) if wanted else 0.0
        if name.folded in folded or share >= name.least or name.referred.search(folded):
            found.add(name.number)
    return found


def _stems(text: str) -> list[str]:
    words = (word.casefold() for word in _WORD.findall(text) if len(word) > 2)
    return [word[:STEM] for word in words if word not in _COMMON]
