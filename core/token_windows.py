"""Texts side by side in windows of one width, so that next to nothing computed is padding.

1. A text goes to the narrowest width that holds it: 32, 64, 128 or 256 tokens.
2. Within a width, the longest first, it goes to the fullest window that still has room
   (best-fit decreasing bin packing).
3. Windows are handed out in groups of about 512 tokens. So every matrix has one of a few shapes,
   whatever the lengths: the kernels for a shape are made once and kept.

A token attends to the tokens of its own text alone; see `TokenWindows.mask`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

WIDTHS = (32, 64, 128, 256)
GROUP_TOKENS = 512  # what one thread takes at a time: its largest matrix stays in a core's cache
_STEP_TOKENS = 64  # a group that is not full is filled up to a multiple of this
_ALONE_STEP = 16

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TokenWindows:
    """Some windows of `width` tokens each, one after the other; filler belongs to no text."""

    width: int
    rows: list[int]  # which texts these are, as rows of what was packed
    ids: torch.Tensor  # (tokens,) int64
    positions: torch.Tensor  # (tokens,) int64: the place of a token in its text, from 0
    owners: torch.Tensor  # (tokens,) int64: index into `rows`; filler has len(rows)

    def mask(self) -> torch.Tensor:
        """What a token may attend to: True within a text, `(windows, 1, width, width)`.
        Filler attends to filler, so that no softmax is over nothing."""
        owners = self.owners.view(-1, 1, self.width, 1)
        return owners == owners.transpose(2, 3)

    def means(self, tokens: torch.Tensor) -> torch.Tensor:
        """The mean of each text's token vectors `(tokens, dim)`: `(len(rows), dim)` float32."""
        total = torch.zeros(len(self.rows) + 1, tokens.shape[1])
        total.index_add_(0, self.owners, tokens.float())
        counts = torch.bincount(self.owners, minlength=len(total))[:-1, None]
        return total[:-1] / counts


def packed(texts: Sequence[Sequence[int]]) -> Iterator[TokenWindows]:
    """The token ids of texts (1 to 256 each) in windows that several texts share."""
    for width, shorter in zip(WIDTHS, (0, *WIDTHS), strict=False):
        rows = [row for row, ids in enumerate(texts) if shorter < len(ids) <= width]
        windows = _filled([len(texts[row]) for row in rows], width)
        windows = [[rows[at] for at in window] for window in windows]
        a_group = GROUP_TOKENS // width
        for start in range(0, len(windows), a_group):
            group = windows[start : start + a_group]
            tokens = len(group) * width
            tokens = -(-tokens // _STEP_TOKENS) * _STEP_TOKENS
            yield _laid_out(texts, group, width, -(-tokens // width))


def alone(
    texts: Sequence[Sequence[int]], most_tokens: int = GROUP_TOKENS
) -> Iterator[TokenWindows]:
    """The token ids of texts (1 to 256 each) with a window to each, of the next multiple of 16
    tokens: what is computed for a text does not depend on the others. Groups have at most
    `most_tokens`, or one window."""
    by_width: dict[int, list[int]] = {}
    for row, ids in enumerate(texts):
        by_width.setdefault(-(-len(ids) // _ALONE_STEP) * _ALONE_STEP, []).append(row)
    for width, rows in sorted(by_width.items()):
        a_group = max(1, most_tokens // width)
        for start in range(0, len(rows), a_group):
            group = [[row] for row in rows[start : start + a_group]]
            yield _laid_out(texts, group, width, len(group))


def _filled(lengths: Sequence[int], width: int) -> list[list[int]]:
    """Best-fit decreasing: which texts share a window, as lists of indices into `lengths`."""
    windows: list[list[int]] = []
    with_room: list[list[int]] = [[] for _ in range(width + 1)]  # [free tokens] -> windows
    for text in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        length = lengths[text]
        free = next((room for room in range(length, width) if with_room[room]), width)
        if free == width:
            window = len(windows)
            windows.append([])
        else:
            window = with_room[free].pop()
        windows[window].append(text)
        with_room[free - length].append(window)
    return windows


def _laid_out(
    texts: Sequence[Sequence[int]], group: Sequence[Sequence[int]], width: int, windows: int
) -> TokenWindows:
    ids = np.zeros((windows, width), np.int64)
    positions = np.zeros_like(ids)
    rows = [row for window in group for row in window]
    owners = np.full_like(ids, len(rows))
    text = 0
    for window, some in enumerate(group):
        start = 0
        for row in some:
            end = start + len(texts[row])
            ids[window, start:end] = texts[row]
            positions[window, start:end] = np.arange(end - start)
            owners[window, start:end] = text
            start, text = end, text + 1
    return TokenWindows(
        width, rows, *(torch.from_numpy(a.ravel()) for a in (ids, positions, owners))
    )
