"""One text while the lean network writes it: its tokens, what may come next, and what was given.

Guesses are what the model nearly always went on with in other texts (core/models/habits.py), or
what followed the longest match of the last tokens before, in prompt or text; the writer
(core/models/lean_writer.py) keeps those that the network would have chosen itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from core.models.habits import Habits
from core.models.script import Guide
from core.models.streaming import TokenStreamer
from core.rerank.base import Decoding

LONGEST_MATCH = 8  # tokens that are looked for in what was written before, and
SHORTEST_MATCH = 2  # but where a text is written alone:
FREE_GUESSES = 3  # a pass of 4 tokens takes no longer than one, so even one token's match will do


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

    def guesses(self, most: int, habits: Habits, *, alone: bool = True) -> list[int]:
        """Tokens that may come next, at most `most`. `alone`: no other text is in the pass, and
        a few wrong guesses cost nothing."""
        most = min(most, self.decoding.prompt_lookup, self._left() - 1)
        chosen_for = self.guide is not None and self.guide.allowed is not None
        if most < 1 or chosen_for or self.decoding.temperature > 0:
            return []
        self._index()
        if alone:
            most = min(most, self._guess)
        tail, found = self.ids[-LONGEST_MATCH:], list[int]()
        while len(found) < most:
            shortest = 1 if alone and len(found) < FREE_GUESSES else SHORTEST_MATCH
            token = self._next(tail, habits, shortest)
            if token is None:
                break
            found.append(token)
            tail = [*tail[1:], token]
        return found

    def _next(self, tail: list[int], habits: Habits, shortest: int) -> int | None:
        """What may follow `tail`."""
        usual = habits.guess(tail)
        if usual is not None and usual[1]:
            return usual[0]
        for length in range(LONGEST_MATCH, shortest - 1, -1):
            at = self._places.get(tuple(tail[-length:]))
            if at is not None:
                return self.ids[at]
        return None if usual is None else usual[0]

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
            for length in range(1, LONGEST_MATCH + 1):
                if length <= end:
                    self._places[tuple(self.ids[end - length : end])] = end
        self._indexed = len(self.ids)
