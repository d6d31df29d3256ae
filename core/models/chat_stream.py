"""Reading a stream of chat completion chunks, whatever the server puts into it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from core.models.base import Piece
from core.models.streaming import storable
from core.traces.base import FinishReason

T = TypeVar("T")

POLL_S = 0.05  # how often cancel is looked at while the server is silent
CHARS_A_TOKEN = 64  # a server that writes more than this a token does not keep the limit


Asked = Callable[[], bool]  # whether the person who asked has cancelled


def never() -> bool:
    """For who cannot cancel."""
    return False


class Cancelled(Exception):  # noqa: N818  # not an error: a person's wish
    """The person who asked does not want the answer any more."""


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end, also where the caller's thread has a running event loop (a
    notebook, for one), which asyncio.run refuses: then in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


async def watched(asked: Awaitable[T], timeout_s: float, cancelled: Callable[[], bool]) -> T:
    """The awaited value. Raises Cancelled, and TimeoutError after `timeout_s` of waiting."""
    task = asyncio.ensure_future(asked)
    deadline = time.monotonic() + timeout_s
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=POLL_S)
            if not task.done() and cancelled():
                raise Cancelled
            if not task.done() and time.monotonic() > deadline:
                raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)  # lets it close its connection


class ChatStream:
    """Gathers text, counts and the end of one streamed answer.

    Reasoning that a server sends apart (`reasoning_content`, or `reasoning`) is put between
    <think> marks, and a note says so. A token is counted for every piece, until the server
    tells its own count.
    """

    def __init__(self, max_new_tokens: int, on_piece: Callable[[Piece], None]) -> None:
        self._on_piece = on_piece
        self._most_pieces = 2 * max_new_tokens + 64
        self._most_chars = CHARS_A_TOKEN * max_new_tokens + 1000
        self._thinking = False
        self.text = ""
        self.tokens = 0
        self.prompt_tokens = 0
        self.first_at: float | None = None
        self.finish: FinishReason | None = None
        self.notes: list[str] = []

    async def read(self, chunks: Any, timeout_s: float, cancelled: Callable[[], bool]) -> None:
        """Reads to the end. Raises Cancelled, TimeoutError, ValueError (junk, or an end without
        a finish reason) and what the client raises."""
        iterator = aiter(chunks)
        counted = seen = False
        while not self._too_much():
            if cancelled():
                raise Cancelled
            try:
                chunk = await watched(anext(iterator), timeout_s, cancelled)
            except StopAsyncIteration:
                break
            except TimeoutError:
                if self.finish:  # all said; only the line was left open
                    break
                raise
            seen = self._take(chunk) or seen
            counted = self._count(chunk) or counted
        await chunks.close()
        if not counted and seen:
            self.notes.append("Tokens are counted as pieces: the server told no count.")
        if self.finish is None:
            raise ValueError("the stream ended early" if seen else "no chunk of a completion came")

    def _take(self, chunk: Any) -> bool:
        """Adds a chunk's text; whether it was a chunk of a completion at all."""
        choices = getattr(chunk, "choices", None)
        if not isinstance(choices, list):
            raise ValueError("a chunk without choices")
        for choice in choices[:1]:
            delta = getattr(choice, "delta", None)
            thought = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None)
            self._think(thought)
            self._say(getattr(delta, "content", None))
            self._end(getattr(choice, "finish_reason", None))
        return bool(choices)

    def _think(self, thought: object) -> None:
        if not isinstance(thought, str) or not thought:
            return
        if not self._thinking:
            self._thinking = True
            self.notes.append("The server sent its reasoning apart: shown between <think> marks.")
            self._add("<think>\n", 0)
        self._add(thought, 1)

    def _say(self, content: object) -> None:
        if content is None or content == "":
            return
        if not isinstance(content, str):
            raise ValueError(f"text of type {type(content).__name__}")
        if self._thinking:
            self._thinking = False
            self._add("\n</think>\n", 0)
        self._add(content, 1)

    def _add(self, text: str, tokens: int) -> None:
        if self.first_at is None:
            self.first_at = time.perf_counter()
        text = storable(text[: self._most_chars - len(self.text)])
        self.text += text
        self.tokens += tokens
        self._on_piece(Piece(text, tokens))

    def _end(self, reason: object) -> None:
        if reason is None:
            return
        known = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}
        self.finish = known.get(str(reason), FinishReason.ERROR)
        if self.finish is FinishReason.ERROR:
            self.notes.append(f"The server ended with {str(reason)[:60]!r}.")

    def _count(self, chunk: Any) -> bool:
        """Takes the server's own token counts where a chunk has them."""
        usage = getattr(chunk, "usage", None)
        written = getattr(usage, "completion_tokens", None)
        read = getattr(usage, "prompt_tokens", None)
        if not isinstance(written, int) or not isinstance(read, int):
            return False
        self.tokens, self.prompt_tokens = written, read
        return True

    def _too_much(self) -> bool:
        if self.tokens <= self._most_pieces and len(self.text) < self._most_chars:
            return False
        if self.finish is None:
            self.finish = FinishReason.LENGTH
            self.notes.append("The server did not keep the token limit; the rest was not read.")
        return True
