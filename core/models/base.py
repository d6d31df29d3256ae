"""What a language model is to PhaseLens, wherever it runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from core.errors import InputError, ModelError
from core.models.script import Script
from core.rerank.base import Decoding, Mode
from core.traces.base import FinishReason


class ModelKind(StrEnum):
    PACKAGED = "packaged"  # the SmolLM2 package, converted once
    LOCAL = "local"  # a folder with safetensors, or one GGUF file
    HUB = "hub"  # a Hugging Face id, fetched by transformers
    ADAPTER = "adapter"  # a folder with a low-rank adapter for the packaged model
    ENDPOINT = "endpoint"  # any OpenAI-compatible server


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Where a model is and how it is loaded; all of it is part of a run's identity.

    `location`: folder or file path, hub id, or base URL of a server (ending in /v1).
    `dtype`: "auto" (bfloat16 where the processor has it, else float32), "bfloat16", "float32".
    `served_model`: the model's name on an endpoint. `api_key_env`: the NAME of the environment
    variable that holds the endpoint's key; keys themselves are never stored.
    """

    name: str
    kind: ModelKind
    location: str
    dtype: str = "auto"
    served_model: str = ""
    api_key_env: str = ""
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Newly written text; `tokens` is how many tokens the model spent on it."""

    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Request:
    """One answer asked of a model that writes many at a time."""

    prompt: str
    decoding: Decoding
    on_piece: Callable[[Piece], None]
    cancelled: Callable[[], bool]
    script: Script | None = None  # of a guided answer


@dataclass(frozen=True, slots=True)
class Generated:
    """A finished or stopped generation. `token_offsets`: characters of `text`, one pair a token
    (empty where the server does not tell). `given`: characters (start, end) that a script put in
    and the model did not choose."""

    text: str
    token_offsets: tuple[tuple[int, int], ...]
    finish_reason: FinishReason
    prompt_tokens: int
    tokens: int
    seconds: float
    seconds_to_first_token: float | None
    notes: tuple[str, ...] = ()
    given: tuple[tuple[int, int], ...] = ()


Outcome = Generated | ModelError | InputError


@runtime_checkable
class ManyAtOnce(Protocol):
    """A model that can write many answers side by side."""

    def generate_many(
        self, requests: Iterator[Request], at_once: int
    ) -> Iterator[tuple[Request, Outcome]]:
        """Each request with its answer, as they are finished, not in order.

        At most `at_once` are being written; the next request is asked for when one of them is
        finished. An error of one request is its outcome and no other's.
        """
        ...


class LanguageModel(Protocol):
    """A loaded model. Not thread-safe: one caller at a time."""

    spec: ModelSpec

    def identity(self) -> dict[str, Any]:
        """All that decides the output: weights hash (or served name), dtype, device, versions."""
        ...

    def render(self, prompt: str) -> str:
        """The exact text (chat template included) or request body sent for a user's prompt."""
        ...

    def count_tokens(self, text: str) -> int | None:
        """Tokens of a text, or None where the server does not tell."""
        ...

    @property
    def context_tokens(self) -> int | None:
        """The most tokens that prompt and output may have together, or None if unknown."""
        ...

    def mode_for(self, wanted: Mode) -> tuple[Mode, str]:
        """The mode in which this model writes where `wanted` is asked for; and where that is
        another one, a sentence that says why."""
        ...

    def generate(
        self,
        prompt: str,
        decoding: Decoding,
        *,
        on_piece: Callable[[Piece], None],
        cancelled: Callable[[], bool],
        script: Script | None = None,
    ) -> Generated:
        """Streams one answer to a user's prompt. Raises ModelError, InputError (prompt too long).

        `script`: what is given while it is written; in fast mode alone (see `mode_for`).
        On cancel, and when a server breaks off half-way, the partial text is returned with
        its finish reason; nothing written is lost.
        """
        ...

    def log_probabilities(
        self,
        prompt: str,
        continuations: Sequence[str],
        options: Sequence[str],
        mode: Mode = Mode.FAST,
    ) -> list[list[float]] | None:
        """log P(first token of option | prompt, continuation): `(continuations, options)`.

        The shared prompt is computed once. None where the model gives no probabilities.
        """
        ...
