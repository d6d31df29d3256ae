"""Writing with the lean network: one text or many side by side, with guesses from the prompt.

1. A text takes a free row of the cache. What it shares at the start with a text that is or was
   in any row (the constant start of the prompt) is copied from there and not computed again.
2. Each pass gives every row its last token and what may follow it: what the model usually went on
   with, or what followed the last tokens where they stood before, as label names follow their
   numbers. Tokens that the network would have chosen itself are kept, the first other one is
   replaced. So a text is the network's own greedy text, in fewer passes.
3. For a text alone, the number of tokens guessed doubles where all were right and halves where none
   was.
4. A finished text gives its row to the next one at once (continuous batching).
5. A guided text (core/models/script.py) is given words, which go along with its next pass.

A row's text does not depend on its neighbours but for rounding. Above temperature 0 nothing is
guessed, and each row draws from a generator with its own seed.
"""

from collections.abc import Iterator, Sequence

import torch

from core.models.habits import Habits
from core.models.lean import LeanCache, LeanNetwork
from core.models.lean_text import Text

# Of a text alone, and of all rows together, guesses included: more cost more than they bring.
ALONE_TOKENS, PASS_TOKENS = 16, 32
PREFILL_AT_ONCE = 512  # tokens a pass, so that a cancel waits for no more than that


class LeanWriter:
    """Rows of a cache that texts are written in. Not thread-safe."""

    def __init__(self, network: LeanNetwork, rows: int = 1) -> None:
        self.network = network
        self.rows = rows
        self.habits = Habits()
        self._cache: LeanCache | None = None
        self._held: list[list[int]] = [[] for _ in range(rows)]  # tokens whose keys are in a row

    def write(self, texts: Iterator[Text]) -> Iterator[Text]:
        """Writes all texts, `rows` at a time, and gives each as it is done.

        A text is asked for when a row is free. An exception of the network (no memory) leaves
        the writer as if new; what the texts have written until then stays in them.
        """
        try:
            yield from self._write(texts)
        except (RuntimeError, MemoryError):
            self._forget()
            raise

    def _write(self, texts: Iterator[Text]) -> Iterator[Text]:
        active: list[Text] = []
        more = True
        while more or active:
            while more and len(active) < self.rows:
                text = next(texts, None)
                more = text is not None
                if text is not None:
                    self._begin(text, len(active))
                    active.append(text)
                    if text.done:
                        yield self._end(active, len(active) - 1)
            if active:
                self._step(active)
            for row in range(len(active) - 1, -1, -1):
                if active[row].done:
                    yield self._end(active, row)

    @torch.inference_mode()
    def _begin(self, text: Text, row: int) -> None:
        """The prompt goes through the network, but for what a row already has of it."""
        self._make_room(len(text.prompt) + text.room + 128)
        cache = self._ready()
        text.begin()
        known = list(text.ids)
        shared, source = max(
            (_common(held, known), -other) for other, held in enumerate(self._held)
        )
        cache.copy(-source, row, shared)
        self._held[row] = []
        hidden = torch.empty(0)
        for start in range(shared, len(known), PREFILL_AT_ONCE):
            part = known[start : start + PREFILL_AT_ONCE]
            hidden = self.network.hidden(self._tensor([part]), self._tensor([start]), cache, row)
            if text.cancelled():
                text.was_cancelled = True
                return
        self._held[row] = known
        if not text.done:
            text.take(self.network.logits(hidden[0, -1:]), [])

    @torch.inference_mode()
    def _step(self, active: list[Text]) -> None:
        """One pass for all active rows, each with its last token, what was given before that,
        and its guesses."""
        alone = len(active) == 1
        most = ALONE_TOKENS if alone else max(PASS_TOKENS // len(active), 1)
        if not alone:
            for row, text in enumerate(active):
                self._fill(text, row, most)
        fed = [text.ids[len(held) :] for text, held in zip(active, self._held, strict=False)]
        guessed = [
            text.guesses(most - len(f), self.habits, alone=alone)
            for text, f in zip(active, fed, strict=True)
        ]
        width = max(len(f) + len(g) for f, g in zip(fed, guessed, strict=True))
        ids = [
            [*f, *g, *[0] * (width - len(f) - len(g))] for f, g in zip(fed, guessed, strict=True)
        ]
        starts = self._tensor([len(held) for held in self._held[: len(active)]])
        hidden = self.network.hidden(self._tensor(ids), starts, self._ready())
        wanted = [
            hidden[row, len(f) - 1 : len(f) + len(g)]
            for row, (f, g) in enumerate(zip(fed, guessed, strict=True))
        ]
        logits = torch.split(self.network.logits(torch.cat(wanted)), [len(w) for w in wanted])
        for row, (text, guess) in enumerate(zip(active, guessed, strict=True)):
            known = [*text.ids, *guess]
            text.take(logits[row], guess)
            self._held[row] = text.ids[: _common(known, text.ids, len(known) - len(guess))]

    def _fill(self, text: Text, row: int, most: int) -> None:
        """What was given goes through the network alone where it is long: in one pass with other
        rows, all of them would be padded to its length."""
        held = self._held[row]
        lacking = text.ids[len(held) : -1]
        if len(lacking) >= most:
            start = self._tensor([len(held)])
            self.network.hidden(self._tensor([lacking]), start, self._ready(), row)
            self._held[row] = text.ids[:-1]

    @torch.inference_mode()
    def _end(self, active: list[Text], row: int) -> Text:
        """Takes a finished text out; the last row moves into its place."""
        text, last = active[row], active.pop()
        self.habits.learn(text.ids, len(text.prompt))
        if text is not last:
            moved = len(active)
            self._ready().copy(moved, row, len(self._held[moved]))
            active[row] = last
            self._held[row], self._held[moved] = self._held[moved], []
        return text

    def _make_room(self, length: int) -> None:
        """A cache of at least that length; what its active rows hold moves along."""
        if self._cache is not None and self._cache.length >= length:
            return
        old, length = self._cache, -(-length // 256) * 256
        self._cache = LeanCache(self.network, self.rows, length)
        if old is None:
            return
        for new, part in zip(
            (*self._cache.keys, *self._cache.values), (*old.keys, *old.values), strict=True
        ):
            new[:, :, : old.length] = part

    def _ready(self) -> LeanCache:
        if self._cache is None:
            raise RuntimeError("no text was begun")
        return self._cache

    def _forget(self) -> None:
        self._cache = None
        self._held = [[] for _ in range(self.rows)]

    def _tensor(self, values: Sequence[int] | Sequence[Sequence[int]]) -> torch.Tensor:
        return torch.tensor(values, device=self.network.device)


def _common(held: Sequence[int], text: Sequence[int], start: int = 0) -> int:
    """Tokens that both begin with, given that `start` of them are; one short of the text, whose
    last one is always computed."""
    most = min(len(held), len(text) - 1)
    for at in range(start, most):
        if held[at] != text[at]:
            return at
    return max(most, 0)
