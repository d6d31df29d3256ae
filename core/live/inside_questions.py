"""Questions about the inside of a saved trace's model, and their answers: plain values, no torch.

They need the language model, so the worker answers them in turn with the examples that run, one
at a time (core/live/inside.py). As with questions about a shortlist, a page asks the same again
at each of its runs until it is answered.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from core.mechanism.request import PatchRequest
from core.mechanism.results import Analysis, AttentionAt, Patched
from core.traces.base import Trace


class RightLabels(StrEnum):
    """Which labels count as right."""

    GOLD = "gold labels"
    CHOSEN = "labels the model chose"


@dataclass(frozen=True, slots=True)
class Overview:
    """The model's shape, the text as tokens, and the scores of all heads."""

    trace_id: str
    right: RightLabels
    kept: ClassVar[int] = 8  # answers that the app keeps of this kind


@dataclass(frozen=True, slots=True)
class Attend:
    """Where every head looks from token `query` of prompt + trace."""

    trace_id: str
    query: int
    kept: ClassVar[int] = 8  # (layers, heads, tokens) float32 each


@dataclass(frozen=True, slots=True)
class Patch:
    """Label scores with heads patched; `controls`: how many sets of as many random heads are
    patched beside."""

    trace_id: str
    right: RightLabels
    request: PatchRequest
    controls: int = 3
    kept: ClassVar[int] = 32


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The text that the patched run writes, with its Focus and Confusion."""

    trace_id: str
    right: RightLabels
    request: PatchRequest
    max_new_tokens: int = 120
    kept: ClassVar[int] = 16


@dataclass(frozen=True, slots=True)
class Importance:
    """What leaving out each step changes; `steps`: characters of the trace."""

    trace_id: str
    steps: tuple[tuple[int, int], ...]
    kept: ClassVar[int] = 32


InsideQuestion = Overview | Attend | Patch | Rewrite | Importance


@dataclass(frozen=True)
class Inner:
    """Answers `Overview`. `spans`: characters of `text` (prompt + trace), one pair a token; the
    trace begins with token `prompt_tokens`; `document`: token positions of the document.
    `analysis` is None where `missing` says why. `notes`: what the reader must know."""

    layers: int
    heads: int
    text: str
    spans: tuple[tuple[int, int], ...]
    prompt_tokens: int
    document: tuple[int, ...]
    analysis: Analysis | None
    missing: tuple[str, str] = ("", "")  # what, fix
    notes: tuple[str, ...] = ()

    def word(self, position: int) -> str:
        """The text of a token."""
        return self.text[slice(*self.spans[position])]


@dataclass(frozen=True)
class PatchedWith:
    """Answers `Patch`: what the chosen heads did, and what random ones of their number did."""

    change: Patched
    controls: tuple[Patched, ...]


@dataclass(frozen=True)
class Rewritten:
    """Answers `Rewrite`: traces of at most the same number of tokens, with their curves.

    `saved`: the saved trace, cut. `before`: what the run to be patched writes by itself; None
    where that is the saved trace. `patched`: what it writes with its heads patched.
    """

    saved: Trace
    before: Trace | None
    patched: Trace


@dataclass(frozen=True)
class StepImportance:
    """Answers `Importance`: one value a step, in [0, 1]."""

    values: tuple[float, ...]


InsideAnswer = Inner | AttentionAt | PatchedWith | Rewritten | StepImportance


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the answer has come: what is done now, and text as it is written."""

    what: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """The worker tells the progress of a question."""

    question: InsideQuestion
    progress: Progress


@dataclass(frozen=True, slots=True)
class Drop:
    """Stop answering this question; a text that is being written is kept as far as it is."""

    question: InsideQuestion
