"""Activation patching: what changes when chosen heads do what they did in another run.

noising    the clean run, whose chosen heads take the corrupted run's: are they necessary?
denoising  the corrupted run, whose chosen heads take the clean run's: are they sufficient?

Measured is the log-probability of each label as the answer. Labels of several tokens are read
off a batch of short continuations, in which the chosen heads are patched as well.

What patching restores exactly: a run patched with its own activations is itself, bit for bit.
When *all* heads' outputs at all positions take the clean run's, every position whose own token is
not corrupted gives the clean logits, because attention is the only way from one position to
another and MLPs work on each position alone. Positions of corrupted tokens keep their own
embedding and do not become clean; nor does patching all attention *patterns* restore anything
exactly, since the values that are mixed are still the corrupted ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from core.errors import InputError
from core.mechanism.architecture import Architecture
from core.mechanism.corruption import Corrupted
from core.mechanism.effects import LabelScores
from core.mechanism.request import Direction, Head, PatchKind
from core.mechanism.results import Patched
from core.mechanism.runs import Kept, Passed, Past, embed, prefix, repeated, run


@dataclass(frozen=True)
class _Run:
    """A finished run: its label scores, and what all source heads did, in text and endings."""

    scores: LabelScores
    text: Kept
    endings: Kept


@dataclass
class Patcher:
    """A clean and a corrupted run of one text, ready to be patched many times.

    `ids`: the text up to the answer. `endings`: each label's tokens there. `right`, `wrong`:
    label ids of the margin. Runs and the shared start are computed when first needed and kept;
    `sources` limits the heads that are kept (None = all), which bounds the memory.
    """

    architecture: Architecture
    ids: tuple[int, ...]
    corrupted: Corrupted
    endings: Mapping[str, tuple[int, ...]]
    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    exclusive: bool = False
    sources: tuple[Head, ...] | None = None
    _past: Past | None = field(default=None, init=False)
    _runs: dict[tuple[bool, PatchKind], _Run] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.corrupted.ids):
            raise InputError(
                "The corrupted text has another number of tokens.", "Cut or pad it to the same."
            )
        if not self.endings or not all(self.endings.values()):
            raise InputError("There are no labels to score.", "Give each label its tokens.")

    def patch(self, direction: Direction, kind: PatchKind, heads: Sequence[Head]) -> Patched:
        """One condition. Raises InputError for heads that the model lacks or `sources` left out."""
        chosen = tuple(sorted(set(heads)))
        unknown = set(chosen) - set(self.architecture.all_heads)
        if unknown:
            raise InputError(
                f"There is no head {min(unknown)} in this model.",
                f"It has {self.architecture.depth} layers of {self.architecture.heads} heads.",
            )
        clean, corrupted = self._run(True, kind), self._run(False, kind)
        noising = direction is Direction.NOISING
        source = corrupted if noising else clean
        patched = self.patched_scores(noising, kind, source, chosen)
        return Patched(direction, kind, chosen, clean.scores, corrupted.scores, patched)

    def identity(self, kind: PatchKind, heads: Sequence[Head]) -> tuple[LabelScores, LabelScores]:
        """The clean run, and the clean run patched with itself: equal bit for bit."""
        clean = self._run(True, kind)
        return clean.scores, self.patched_scores(True, kind, clean, tuple(heads))

    def patched_scores(
        self, clean: bool, kind: PatchKind, source: _Run, heads: tuple[Head, ...]
    ) -> LabelScores:
        """Scores of the clean or corrupted run whose heads take what they did in `source`."""
        text = self._text(clean, kind, take=source.text.only(heads))
        endings = source.endings.only(heads) if source.endings.by_layer else None
        return self._scores(text, kind, take=endings)[0]

    @property
    def bytes(self) -> int:
        """Memory that the kept runs and the shared start take."""
        runs = sum(one.text.bytes + one.endings.bytes for one in self._runs.values())
        past = self._past or ()
        return runs + sum(t.numel() * t.element_size() for pair in past for t in pair)

    @property
    def _shared(self) -> int:
        """Tokens before the first corrupted one."""
        return self.corrupted.changed[0]

    @property
    def _heads(self) -> tuple[Head, ...]:
        return self.architecture.all_heads if self.sources is None else self.sources

    def _run(self, clean: bool, kind: PatchKind) -> _Run:
        if (clean, kind) not in self._runs:
            text = self._text(clean, kind, keep=self._heads)
            scores, endings = self._scores(text, kind, keep=self._heads)
            self._runs[clean, kind] = _Run(scores, text.kept, endings)
        return self._runs[clean, kind]

    def _text(
        self, clean: bool, kind: PatchKind, keep: Sequence[Head] = (), take: Kept | None = None
    ) -> Passed:
        if self._past is None:
            self._past = prefix(self.architecture, self.ids[: self._shared])
        if clean:
            whole = embed(self.architecture, self.ids)
        else:
            whole = self.corrupted.embeddings(self.architecture)
        rest = whole[:, self._shared :]
        last = rest.shape[1] - 1
        return run(
            self.architecture, rest, self._past, kind, logits_at=[last], keep=keep, take=take
        )

    def _scores(
        self, text: Passed, kind: PatchKind, keep: Sequence[Head] = (), take: Kept | None = None
    ) -> tuple[LabelScores, Kept]:
        """Log-probability of each label's tokens after the text, and what the heads did there."""
        first = text.logits[0, -1].float().log_softmax(-1)
        found = {label: float(first[tokens[0]]) for label, tokens in self.endings.items()}
        longer = [label for label, tokens in self.endings.items() if len(tokens) > 1]
        kept = Kept(kind, {})
        if longer:
            given = [self.endings[label][:-1] for label in longer]
            width = max(map(len, given))
            ids = torch.tensor([[*row, *[row[-1]] * (width - len(row))] for row in given])
            embeddings = self.architecture.model.get_input_embeddings()(
                ids.to(self.architecture.device)
            )
            past = repeated(text.past, len(longer))
            passed = run(
                self.architecture,
                embeddings,
                past,
                kind,
                logits_at=range(width),
                keep=keep,
                take=take,
            )
            kept = passed.kept
            for row, label in enumerate(longer):
                found[label] += _continued(passed.logits[row], self.endings[label])
        return LabelScores.of(found, self.endings, self.right, self.wrong, self.exclusive), kept


def _continued(logits: Tensor, tokens: tuple[int, ...]) -> float:
    """Sum of log-probabilities of tokens[1:], whose logits are `(positions, vocabulary)`."""
    after = logits[: len(tokens) - 1].float().log_softmax(-1)
    return float(after[range(len(tokens) - 1), list(tokens[1:])].sum())


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's rho in [-1, 1], ties given their mean rank; nan where one side is constant."""
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(), y - y.mean()
    below = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / below if below else float("nan")


def _ranks(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    array = np.asarray(values, dtype=np.float64)
    _, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: np.ndarray[tuple[int], np.dtype[np.float64]] = (ends - (counts - 1) / 2)[inverse]
    return ranks
