"""From tokens to text while a model writes, with the characters that each token wrote."""

import time
from collections.abc import Callable
from typing import Any

from core.models.base import Piece

REPLACEMENT = "\ufffd"  # what a decoder shows for the first bytes of an unfinished character


def storable(text: str) -> str:
    """The text without NUL and lone surrogates, which databases refuse; same length."""
    return text.replace("\x00", REPLACEMENT).encode("utf-8", "replace").decode("utf-8")


class TokenStreamer:
    """Takes tokens from transformers' generate() and hands on text as soon as it is certain.

    A character may take several tokens (emoji, CJK): its bytes are held back until complete,
    and every token of it gets that character's span. Special tokens write nothing: their span
    is empty. Spans never go backwards and together cover the text.
    """

    def __init__(self, tokenizer: Any, on_piece: Callable[[Piece], None]) -> None:
        self._tokenizer = tokenizer
        self._on_piece = on_piece
        self._prompt_seen = False
        self._known = 0  # ids[_known:_done] are decoded along, for the spaces between words
        self._done = 0  # ids[:_done] are written to `text`
        self.ids: list[int] = []
        self.text = ""
        self.offsets: list[tuple[int, int]] = []
        self.first_token_at: float | None = None

    def put(self, value: Any) -> None:
        """Called by generate(): first with the prompt `(1, length)`, then with new tokens."""
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        if self.first_token_at is None:
            self.first_token_at = time.perf_counter()
        self.add([int(token) for token in value.reshape(-1).tolist()])

    def add(self, new: list[int]) -> None:
        """Writes new tokens; one Piece for all that became certain."""
        before = len(self.text)
        for token in new:
            self.ids.append(token)
            self._advance(final=False)
        self._on_piece(Piece(self.text[before:], len(new)))

    def end(self) -> None:
        """Called by generate() at the end: writes what was held back."""
        before = len(self.text)
        if self._done < len(self.ids):
            self._advance(final=True)
        if len(self.text) > before:
            self._on_piece(Piece(self.text[before:], 0))

    def _advance(self, *, final: bool) -> None:
        known = self._decode(self.ids[self._known : self._done])
        both = self._decode(self.ids[self._known :])
        if both.endswith(REPLACEMENT) and not final:
            return
        new = storable(both[len(known) :])
        span = (len(self.text), len(self.text) + len(new))
        self.offsets.extend([span] * (len(self.ids) - self._done))
        self.text += new
        self._known, self._done = self._done, len(self.ids)

    def _decode(self, ids: list[int]) -> str:
        return str(
            self._tokenizer.decode(
                ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )
