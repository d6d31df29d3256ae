"""Language models behind an OpenAI-compatible server: vLLM, llama-server, Ollama and others."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from core.errors import EndpointError
from core.models.base import Generated, ModelSpec, Piece
from core.models.chat_stream import Asked, Cancelled, ChatStream, never, run_apart, watched
from core.models.endpoint import Endpoint, server_words
from core.models.script import Script
from core.rerank.base import Decoding, Mode
from core.traces.base import FinishReason

# Options that some servers refuse, and what is sent in their place (None: nothing).
OPTIONAL = {
    "stream_options": None,
    "seed": None,
    "temperature": None,
    "max_tokens": "max_completion_tokens",
}


@dataclass
class ServerModel:
    """One served model. Only chat completions are asked for, so it gives no probabilities and
    no token offsets, and its weights are known by name only."""

    spec: ModelSpec
    endpoint: Endpoint
    served: str
    listed: tuple[str, ...]

    @classmethod
    def connect(cls, spec: ModelSpec, cancelled: Asked = never) -> "ServerModel":
        """Asks the server for its models. Raises EndpointError, and Cancelled.

        Without a `served_model` in the spec, the server must list exactly one. Servers that
        have no list are taken at the spec's word.
        """
        endpoint = Endpoint.of(spec)
        listed = run_apart(endpoint.list_models(cancelled))
        if spec.served_model:
            return cls(spec, endpoint, spec.served_model, listed)
        if len(listed) != 1:
            found = (
                f"lists {len(listed)} models: {', '.join(listed[:8])}" if listed else "lists none"
            )
            raise EndpointError(
                f"{spec.location} {found}; none was chosen.",
                "Give the name of the served model.",
            )
        return cls(spec, endpoint, listed[0], listed)

    def probe(self, cancelled: Asked = never) -> None:
        """Raises EndpointError where the server cannot answer with this model, and Cancelled.

        A listed model is believed; of any other, one token is asked.
        """
        if self.served not in self.listed:
            answer = self.generate(
                "Say yes.", Decoding(max_new_tokens=1), on_piece=_ignore, cancelled=cancelled
            )
            if answer.finish_reason is FinishReason.CANCELLED:
                raise Cancelled

    def identity(self) -> dict[str, Any]:
        return {
            "name": self.spec.name,
            "kind": self.spec.kind.value,
            "location": self.endpoint.url,
            "served_model": self.served,
            "weights": "known to the server only",
            "openai": version("openai"),
        }

    def render(self, prompt: str) -> str:
        """What is asked, as JSON; the server puts it into its own chat template. The decoding
        options, which are the run's, stand beside it in the request."""
        return json.dumps(self._question(prompt), indent=2, ensure_ascii=False)

    def count_tokens(self, text: str) -> int | None:
        """None: counting is not part of the protocol."""
        return None

    @property
    def context_tokens(self) -> int | None:
        """None: the limit is not part of the protocol; the server refuses what is too long."""
        return None

    def mode_for(self, wanted: Mode) -> tuple[Mode, str]:
        """The server's own: the other modes are ways to compute in this process."""
        return Mode.OWN, f"{self.spec.name} is an endpoint, whose server decodes in its own way."

    def generate(
        self,
        prompt: str,
        decoding: Decoding,
        *,
        on_piece: Callable[[Piece], None],
        cancelled: Callable[[], bool],
        script: Script | None = None,
    ) -> Generated:
        """Streams one answer. Raises EndpointError where nothing came; what came before a
        server broke off is returned with FinishReason.ERROR and a note. Raises ValueError for a
        script, which a server knows nothing of."""
        if script is not None:
            raise ValueError("an endpoint follows no script")
        started = time.perf_counter()
        stream = ChatStream(decoding.max_new_tokens, on_piece)
        try:
            run_apart(self._stream(self._body(prompt, decoding), stream, cancelled))
        except Cancelled:
            stream.finish = FinishReason.CANCELLED
        except EndpointError as error:
            if not stream.text:
                raise
            stream.finish = FinishReason.ERROR
            stream.notes.append(f"The answer broke off: {error.what}")
        return Generated(
            text=stream.text,
            token_offsets=(),
            finish_reason=stream.finish or FinishReason.ERROR,
            prompt_tokens=stream.prompt_tokens,
            tokens=stream.tokens,
            seconds=time.perf_counter() - started,
            seconds_to_first_token=stream.first_at - started if stream.first_at else None,
            notes=tuple(stream.notes),
        )

    def log_probabilities(
        self,
        prompt: str,
        continuations: Sequence[str],
        options: Sequence[str],
        mode: Mode = Mode.OWN,
    ) -> None:
        """None: servers give at most a few top probabilities, and most none in chat."""
        return

    def _question(self, prompt: str) -> dict[str, Any]:
        return {"model": self.served, "messages": [{"role": "user", "content": prompt}]}

    def _body(self, prompt: str, decoding: Decoding) -> dict[str, Any]:
        return {
            **self._question(prompt),
            "max_tokens": decoding.max_new_tokens,
            "temperature": decoding.temperature,
            "seed": decoding.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def _stream(
        self, body: dict[str, Any], stream: ChatStream, cancelled: Callable[[], bool]
    ) -> None:
        """Opens the stream and reads it to its end. Raises Cancelled, EndpointError."""
        async with self.endpoint.client() as client:
            try:
                opened = await self._open(client, body, stream, cancelled)
                await stream.read(opened, self.endpoint.timeout_s, cancelled)
            except self.endpoint.failures() as error:
                raise self.endpoint.explained(error, self.served) from error

    async def _open(
        self, client: Any, body: dict[str, Any], stream: ChatStream, cancelled: Callable[[], bool]
    ) -> Any:
        """The opened stream. An option that the server refuses by name is left out and noted."""
        from openai import BadRequestError, UnprocessableEntityError

        while True:
            try:
                asked = client.chat.completions.create(**body)
                return await watched(asked, self.endpoint.timeout_s, cancelled)
            except (BadRequestError, UnprocessableEntityError) as error:
                refused = [
                    name for name in OPTIONAL if name in body and name in server_words(error)
                ]
                if not refused:
                    raise
                value = body.pop(refused[0])
                if instead := OPTIONAL[refused[0]]:
                    body[instead] = value
                elif refused[0] != "stream_options":
                    stream.notes.append(f"The server refused {refused[0]}; its own default held.")


def _ignore(piece: Piece) -> None:
    """Takes a piece and does nothing with it."""
