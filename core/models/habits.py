"""What a model goes on with: learned from texts that it has written, to guess what it will write.

Texts of one task are alike: after `3. <name>` comes the same punctuation, after `the text` comes
`says`. Counted are the tokens that followed each three tokens; guesses are what nearly always did.
The writer (core/models/lean_writer.py) keeps only guesses that the network would have chosen.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

CONTEXT = 3  # tokens; longer ones guess hardly better, and are met less often
SURE, SEEN = 0.8, 3  # the share of the times, and how often it must have been, to go before a match
LIKELY = 0.5  # the share that will do where nothing matches
MOST_TEXTS = 256  # that are learned from: by then habits are known, and memory stays bounded


class Habits:
    """Of one model. Empty at first."""

    def __init__(self) -> None:
        self._next: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        self._texts = 0

    def learn(self, ids: Sequence[int], start: int) -> None:
        """`ids`: a text with its prompt; what was written begins at `start`."""
        if self._texts >= MOST_TEXTS:
            return
        self._texts += 1
        for at in range(max(start, CONTEXT), len(ids)):
            self._next[tuple(ids[at - CONTEXT : at])][ids[at]] += 1

    def guess(self, tail: Sequence[int]) -> tuple[int, bool] | None:
        """The token that mostly followed the last tokens of `tail`, and whether it is sure."""
        counts = self._next.get(tuple(tail[-CONTEXT:]))
        if counts is None:
            return None
        [(token, often)] = counts.most_common(1)
        total = counts.total()
        if often < LIKELY * total:
            return None
        return token, total >= SEEN and often >= SURE * total
