"""Texts of any length share windows, and each token sees its own text only."""

import random

import pytest
import torch

from core.token_windows import GROUP_TOKENS, WIDTHS, TokenWindows, alone, packed

LENGTHS = [2, 3, 10, 10, 11, 31, 32, 33, 64, 65, 128, 129, 255, 256]


def texts_of(seed: int, count: int = 300) -> list[list[int]]:
    rng = random.Random(seed)
    lengths = LENGTHS + [rng.choice(LENGTHS[:7]) for _ in range(count)]
    return [[rng.randrange(1, 30_000) for _ in range(length)] for length in lengths]


def text_at(windows: TokenWindows, at: int) -> list[int]:
    """The tokens of the text, read off the mask of its first token."""
    first = int((windows.owners == at).nonzero()[0])
    window, place = divmod(first, windows.width)
    seen = windows.mask()[window, 0, place]
    ids: list[int] = windows.ids.view(-1, windows.width)[window][seen].tolist()
    positions = windows.positions.view(-1, windows.width)[window][seen].tolist()
    assert positions == list(range(len(ids)))
    return ids


def test_shared_windows_hold_every_text_once_and_whole() -> None:
    texts = texts_of(0)
    found = {}
    for windows in packed(texts):
        for at, row in enumerate(windows.rows):
            assert row not in found
            found[row] = text_at(windows, at)

    assert [found[row] for row in range(len(texts))] == texts


def test_windows_of_their_own_hold_every_text_once_and_whole() -> None:
    texts = texts_of(1)
    found = {}
    for windows in alone(texts, 300):
        assert len(windows.ids) == windows.width * len(windows.rows)
        assert len(windows.ids) <= max(300, windows.width)
        for at, row in enumerate(windows.rows):
            found[row] = text_at(windows, at)

    assert [found[row] for row in range(len(texts))] == texts


def test_little_is_padding_and_shapes_are_few() -> None:
    rng = random.Random(2)
    texts = [[1] * rng.randint(4, 20) for _ in range(2000)]
    groups = list(packed(texts))

    computed = sum(len(windows.ids) for windows in groups)
    assert sum(map(len, texts)) <= computed < 1.1 * sum(map(len, texts))
    assert {len(windows.ids) for windows in groups[:-1]} == {GROUP_TOKENS}
    assert len(groups[-1].ids) % 64 == 0
    assert {windows.width for windows in groups} == {WIDTHS[0]}


def test_nothing_gives_no_windows() -> None:
    assert list(packed([])) == []
    assert list(alone([], 300)) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_of_a_text_leaves_other_texts_and_filler_out(seed: int) -> None:
    texts = texts_of(seed)
    for windows in packed(texts):
        tokens = windows.ids[:, None].repeat(1, 2).to(torch.bfloat16)
        wanted = [
            torch.tensor(texts[row]).to(torch.bfloat16).float().mean() for row in windows.rows
        ]

        means = windows.means(tokens)

        assert means.shape == (len(windows.rows), 2)
        torch.testing.assert_close(means[:, 0], torch.stack(wanted))
