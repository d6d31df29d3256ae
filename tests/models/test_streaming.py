"""Text appears as soon as it is certain, and every token knows which characters it wrote."""

from core.models.base import Piece
from core.models.streaming import TokenStreamer, storable


class ByteTokenizer:
    """One token a byte; token 256 is special. The real tokenizer is tested in test_local.py."""

    def decode(self, ids: list[int], *, skip_special_tokens: bool, **_: object) -> str:
        return bytes(i for i in ids if i < 256).decode("utf-8", errors="replace")


def stream(ids: list[int], size: int = 1) -> tuple[TokenStreamer, list[Piece]]:
    pieces: list[Piece] = []
    streamer = TokenStreamer(ByteTokenizer(), pieces.append)
    for at in range(0, len(ids), size):
        streamer.add(ids[at : at + size])
    streamer.end()
    return streamer, pieces


def test_pieces_and_spans_cover_the_text_whatever_the_step() -> None:
    text = "aé霍🦠b"
    ids = list(text.encode())
    for size in (1, 2, 3, 5, 100):
        streamer, pieces = stream(ids, size)
        assert streamer.text == "".join(piece.text for piece in pieces) == text
        assert sum(piece.tokens for piece in pieces) == len(ids) == len(streamer.offsets)
        covered = "".join(text[a:b] for a, b in dict.fromkeys(streamer.offsets))
        assert covered == text


def test_all_tokens_of_one_character_share_its_span() -> None:
    streamer, pieces = stream(list("a🦠".encode()))
    assert streamer.offsets == [(0, 1), (1, 2), (1, 2), (1, 2), (1, 2)]
    assert [piece.text for piece in pieces] == ["a", "", "", "", "🦠"]


def test_special_tokens_write_nothing() -> None:
    streamer, _ = stream([65, 256, 66, 256])
    assert streamer.text == "AB"
    assert streamer.offsets == [(0, 1), (1, 1), (1, 2), (2, 2)]


def test_bytes_that_never_become_a_character_are_shown_at_the_end() -> None:
    streamer, pieces = stream([65, 0xF0, 0x9F])
    assert streamer.text == "A\ufffd" == "".join(piece.text for piece in pieces)
    assert len(streamer.offsets) == 3


def test_the_prompt_is_not_part_of_the_answer() -> None:
    import torch

    pieces: list[Piece] = []
    streamer = TokenStreamer(ByteTokenizer(), pieces.append)
    streamer.put(torch.tensor([[80, 81]]))
    streamer.put(torch.tensor([65]))
    streamer.put(torch.tensor([[66, 67]]))
    streamer.end()
    assert streamer.text == "ABC"
    assert [piece.tokens for piece in pieces] == [1, 2]


def test_no_text_that_a_database_refuses() -> None:
    assert storable("a\x00\ud800é") == "a\ufffd?é"
