"""Writing with the lean network: one text or many side by side, with guesses from the prompt.

1. A text takes a free row of the cache. What it shares at the start with a text that is or was
   in any row (the constant start of the prompt) is copied from there and not computed again.
2. Each pass gives every row its last token and what may follow it, copied from where the last
   tokens stood before: label names follow their numbers. Tokens that the network would have
   chosen itself are kept, the first other one is replaced. So a text is the network's own greedy
   text, in fewer passes.
3. The number of tokens guessed doubles where all were right and halves where none was.
4. A finished text gives its row to the next one at once (continuous batching).

A row's text does not depend on its neighbours but for rounding. Above temperature 0 nothing is
guessed, and each row draws from a generator with its own seed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch

from core.models.lean import LeanCache, LeanNetwork
from core.models.streaming import TokenStreamer
from core.rerank.base import Decoding

LONGEST_MATCH = 4  # tokens that are looked for in what was written before, and
SHORTEST_MATCH = 2
PASS_TOKENS = 16  # of all rows together, guesses included: more cost more than they bring
PREFILL_AT_ONCE = 512  # tokens a pass, so that a cancel waits for no more than that


@dataclass
class Text:
    """One text being written. `room`: the most new tokens; `ends`: tokens that end it."""

    prompt: list[int]
    decoding: Decoding
    room: int
    ends: Sequence[int]
    streamer: TokenStreamer
    cancelled: Callable[[], bool]
    was_cancelled: bool = False
    ids: list[int] = field(init=False)  # prompt and what was written
    _guess: int = 4
    _places: dict[tuple[int, ...], int] = field(default_factory=dict)
    _indexed: int = 0
    _generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        self.ids = list(self.prompt)

    @property
    def done(self) -> bool:
        written = len(self.ids) - len(self.prompt)
        ended = written > 0 and self.ids[-1] in self.ends
        return self.was_cancelled or ended or written >= self.room

    def guesses(self, most: int) -> list[int]:
        """Tokens that may come next: what followed the longest match of the last tokens."""
        most = min(most, self._guess, self.decoding.prompt_lookup, self._left() - 1)
        if most < 1 or self.decoding.temperature > 0:
            return []
        self._index()
        for length in range(LONGEST_MATCH, SHORTEST_MATCH - 1, -1):
            at = self._places.get(tuple(self.ids[-length:]))
            if at is not None:
                return self.ids[at : at + most]
        return []

    def take(self, logits: torch.Tensor, guessed: list[int]) -> None:
        """Keeps what the network chose: `logits` `(1 + guessed, vocabulary)`, one row a place."""
        chosen = self._choices(logits)
        right = 0
        while right < len(guessed) and guessed[right] == chosen[right]:
            right += 1
        new = chosen[: right + 1]
        for place, token in enumerate(new):
            if token in self.ends:
                new = new[: place + 1]
                break
        if guessed and right == len(guessed):
            self._guess = min(2 * self._guess, 64)
        elif guessed and right == 0:
            self._guess = max(self._guess // 2, 2)
        self.ids += new
        self.streamer.put(torch.tensor(new))
        if not self.done:
            self.was_cancelled = self.cancelled()

    def _left(self) -> int:
        return self.room - (len(self.ids) - len(self.prompt))

    def _choices(self, logits: torch.Tensor) -> list[int]:
        heat = self.decoding.temperature
        if heat <= 0:
            return [int(token) for token in logits.argmax(dim=-1).tolist()]
        if self._generator is None:
            self._generator = torch.Generator(logits.device).manual_seed(self.decoding.seed)
        shares = (logits[-1] / heat).softmax(dim=-1)
        return [int(torch.multinomial(shares, 1, generator=self._generator))]

    def _index(self) -> None:
        """Notes what every run of tokens but the last one was followed by; later places win."""
        for end in range(max(self._indexed, 1), len(self.ids)):
            for length in range(SHORTEST_MATCH, LONGEST_MATCH + 1):
                if length <= end:
                    self._places[tuple(self.ids[end - length : end])] = end
        self._indexed = len(self.ids)


class LeanWriter:
    """Rows of a cache that texts are written in. Not thread-safe."""

    def __init__(self, network: LeanNetwork, rows: int = 1) -> None:
        self.network = network
        self.rows = rows
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
        text.streamer.put(torch.tensor(text.prompt))  # as generate() does: the prompt first
        shared, source = max(
            (_common(held, text.prompt), -other) for other, held in enumerate(self._held)
        )
        cache.copy(-source, row, shared)
        self._held[row] = []
        hidden = torch.empty(0)
        for start in range(shared, len(text.prompt), PREFILL_AT_ONCE):
            part = text.prompt[start : start + PREFILL_AT_ONCE]
            hidden = self.network.hidden(self._tensor([part]), self._tensor([start]), cache, row)
            if text.cancelled():
                text.was_cancelled = True
                return
        self._held[row] = list(text.prompt)
        text.take(self.network.logits(hidden[0, -1:]), [])

    @torch.inference_mode()
    def _step(self, active: list[Text]) -> None:
        """One pass for all active rows, each with its last token and its guesses."""
        most = max(PASS_TOKENS // len(active) - 1, 0)
        guessed = [text.guesses(most) for text in active]
        width = 1 + max(map(len, guessed))
        ids = [
            [text.ids[-1], *guess, *[0] * (width - 1 - len(guess))]
            for text, guess in zip(active, guessed, strict=True)
        ]
        starts = self._tensor([len(text.ids) - 1 for text in active])
        hidden = self.network.hidden(self._tensor(ids), starts, self._ready())
        wanted = torch.cat([hidden[row, : 1 + len(g)] for row, g in enumerate(guessed)])
        logits = torch.split(self.network.logits(wanted), [1 + len(g) for g in guessed])
        for row, (text, guess) in enumerate(zip(active, guessed, strict=True)):
            text.take(logits[row], guess)
            self._held[row] = text.ids[:-1]

    @torch.inference_mode()
    def _end(self, active: list[Text], row: int) -> Text:
        """Takes a finished text out; the last row moves into its place."""
        text, last = active[row], active.pop()
        if text is not last:
            moved = len(active)
            self._ready().copy(moved, row, len(last.ids) - 1)
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


def _common(held: Sequence[int], prompt: Sequence[int]) -> int:
    """Tokens that both begin with; one short of the prompt, whose last one is always computed."""
    most = min(len(held), len(prompt) - 1)
    for at in range(most):
        if held[at] != prompt[at]:
            return at
    return max(most, 0)
