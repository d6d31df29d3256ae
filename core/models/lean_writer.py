"""Writing with the lean network: one text or many side by side, with guesses from the prompt.

1. A text takes a free row of the cache. What it shares at the start with a text that is or was
   in any row (the constant start of the prompt) is copied from there and not computed again.
2. Each pass gives every row its last token and what may follow it, copied from where the last
   tokens stood before: label names follow their numbers. Tokens that the network would have
   chosen itself are kept, the first other one is replaced. So a text is the network's own greedy
   text, in fewer passes.
3. The number of tokens guessed doubles where all were right and halves where none was.
4. A finished text gives its row to the next one at once (continuous batching).
5. A guided text (core/models/script.py) is given words, which go along with its next pass.

A row's text does not depend on its neighbours but for rounding. Above temperature 0 nothing is
guessed, and each row draws from a generator with its own seed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch

from core.models.lean import LeanCache, LeanNetwork
from core.models.script import Guide
from core.models.streaming import TokenStreamer
from core.rerank.base import Decoding

LONGEST_MATCH = 4  # tokens that are looked for in what was written before, and
SHORTEST_MATCH = 1
FREE_GUESSES = 3  # a pass of 4 tokens takes no longer than one of a single token
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
    guide: Guide | None = None
    was_cancelled: bool = False
    ids: list[int] = field(init=False)  # prompt and what was written
    given: list[tuple[int, int]] = field(default_factory=list)  # tokens of the text, start to end
    _guess: int = FREE_GUESSES
    _places: dict[tuple[int, ...], int] = field(default_factory=dict)
    _indexed: int = 0
    _generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        self.ids = list(self.prompt)

    def begin(self) -> None:
        """Streams the prompt, as generate() does, and what is given before the first token."""
        self.streamer.put(torch.tensor(self.prompt))
        if self.guide is not None:
            self._give(self.guide.begin())

    @property
    def ended(self) -> bool:
        """Whether the text came to its own end."""
        if self.guide is not None:
            return self.guide.done
        return len(self.ids) > len(self.prompt) and self.ids[-1] in self.ends

    @property
    def done(self) -> bool:
        return self.was_cancelled or self.ended or self._left() <= 0

    def guesses(self, most: int) -> list[int]:
        """Tokens that may come next: what followed the longest match of the last tokens."""
        most = min(most, self.decoding.prompt_lookup, self._left() - 1)
        chosen_for = self.guide is not None and self.guide.allowed is not None
        if most < 1 or chosen_for or self.decoding.temperature > 0:
            return []
        self._index()
        for length in range(LONGEST_MATCH, SHORTEST_MATCH - 1, -1):
            at = self._places.get(tuple(self.ids[-length:]))
            if at is not None:
                likely = self._guess if length > SHORTEST_MATCH else FREE_GUESSES
                return self.ids[at : at + min(most, likely)]
        return []

    def take(self, logits: torch.Tensor, guessed: list[int]) -> None:
        """Keeps what the network chose: `logits` `(1 + guessed, vocabulary)`, one row a place."""
        right = self._take(logits, guessed)
        if guessed and right == len(guessed):
            self._guess = min(2 * self._guess, 64)
        elif guessed and right == 0:
            self._guess = max(self._guess // 2, FREE_GUESSES)
        if not self.done:
            self.was_cancelled = self.cancelled()

    def _take(self, logits: torch.Tensor, guessed: list[int]) -> int:
        """As `take`; gives how many guesses were right."""
        if self.guide is not None:
            return self._take_guided(self.guide, logits, guessed)
        chosen = self._choices(logits)
        right = 0
        while right < len(guessed) and guessed[right] == chosen[right]:
            right += 1
        new = chosen[: right + 1]
        for place, token in enumerate(new):
            if token in self.ends:
                new = new[: place + 1]
                break
        self._write(new)
        return right

    def _take_guided(self, guide: Guide, logits: torch.Tensor, guessed: list[int]) -> int:
        new: list[int] = []
        given: list[int] = []
        right = 0
        for row, guess in zip(logits, [*guessed, -1], strict=True):
            token = self._choice(row, guide.allowed)
            kept, given = guide.take(token)
            new += [token] if kept else []
            if given or guide.done or token != guess:
                break
            right += 1
        self._write(new)
        self._give(given)
        return right

    def _write(self, new: list[int]) -> None:
        if new:
            self.ids += new
            self.streamer.put(torch.tensor(new))

    def _give(self, tokens: list[int]) -> None:
        tokens = tokens[: max(self._left(), 0)]
        start = len(self.ids) - len(self.prompt)
        if tokens:
            self.given.append((start, start + len(tokens)))
        self._write(tokens)

    def _left(self) -> int:
        return self.room - (len(self.ids) - len(self.prompt))

    def _choice(self, row: torch.Tensor, allowed: list[int] | None) -> int:
        """The token chosen by logits `(vocabulary,)` among those allowed."""
        if allowed is None:
            return self._choices(row[None])[0]
        return allowed[self._choices(row[None, allowed])[0]]

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
        most = max(PASS_TOKENS // len(active), 1)
        if len(active) > 1:
            for row, text in enumerate(active):
                self._fill(text, row, most)
        fed = [text.ids[len(held) :] for text, held in zip(active, self._held, strict=False)]
        guessed = [text.guesses(most - len(f)) for text, f in zip(active, fed, strict=True)]
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
