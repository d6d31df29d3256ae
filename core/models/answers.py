"""One answer of a local model: while it is written, and what is told of it at its end."""

import time
from dataclasses import dataclass
from typing import Any

import torch

from core.errors import InputError, ModelError
from core.models.base import Generated, Request
from core.models.lean_text import Text
from core.traces.base import FinishReason


@dataclass
class Answer:
    """An answer being written by the model called `name`; `started` by time.perf_counter."""

    name: str
    request: Request
    text: Text
    notes: list[str]
    started: float

    def end(self, failure: Exception | None = None) -> Generated:
        """What was written. Raises ModelError where that is nothing, for `failure`."""
        streamer, notes = self.text.streamer, list(self.notes)
        if failure is not None:
            if isinstance(failure, torch.OutOfMemoryError) and torch.cuda.is_available():
                torch.cuda.empty_cache()
            if not streamer.ids:
                raise told(self.name, failure) from failure
            notes.append(f"The model stopped half-way: {str(failure)[:200]}")
        streamer.end()
        first = streamer.first_token_at
        return Generated(
            text=streamer.text,
            token_offsets=tuple(streamer.offsets),
            finish_reason=self._reason(failed=failure is not None),
            prompt_tokens=len(self.text.prompt),
            tokens=len(streamer.ids),
            seconds=time.perf_counter() - self.started,
            seconds_to_first_token=first - self.started if first else None,
            notes=tuple(notes),
            given=self._given(),
        )

    def _given(self) -> tuple[tuple[int, int], ...]:
        """Characters (start, end) of the text that were given and not chosen by the model."""
        offsets = self.text.streamer.offsets
        return tuple((offsets[start][0], offsets[end - 1][1]) for start, end in self.text.given)

    def outcome(self, failure: Exception | None = None) -> Generated | ModelError | InputError:
        """As `end`, but an error is given and not raised."""
        try:
            return self.end(failure)
        except (ModelError, InputError) as error:
            return error

    def _reason(self, *, failed: bool) -> FinishReason:
        if failed:
            return FinishReason.ERROR
        # The streamer has heard every token; in reference mode the text itself has not.
        written = self.text.streamer.ids
        if self.text.guide is not None:
            ended = self.text.ended
        else:
            ended = bool(written) and written[-1] in self.text.ends
        if ended:
            return FinishReason.STOP
        return FinishReason.CANCELLED if self.text.was_cancelled else FinishReason.LENGTH


def told(name: str, error: Exception) -> ModelError | InputError:
    """An error of the model or its libraries, as the user is told of it."""
    if isinstance(error, InputError | ModelError):
        return error
    return ModelError(
        f"{name} could not write: {str(error)[:300]}",
        "Use a shorter text, a smaller batch or model, or a machine with more memory.",
    )


def write_reference(model: Any, text: Text) -> None:
    """Writes a text by transformers' own generate(), token for token.

    Raises what torch and generate() raise: RuntimeError, MemoryError, ValueError.
    """
    from transformers import StoppingCriteriaList

    decoding = text.decoding
    options: dict[str, Any] = {"max_new_tokens": text.room, "do_sample": decoding.temperature > 0}
    if decoding.temperature > 0:
        options.update(temperature=decoding.temperature, top_k=0, top_p=1.0)
    inputs = torch.tensor([text.prompt], device=model.device)  # (1, prompt)
    with torch.random.fork_rng(), torch.inference_mode():  # leaves the caller's seed alone
        torch.manual_seed(decoding.seed)
        model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            streamer=text.streamer,
            stopping_criteria=StoppingCriteriaList([_Cancel(text)]),
            **options,
        )


class _Cancel:
    """A stopping criterion that asks after every step of generate()."""

    def __init__(self, text: Text) -> None:
        self._text = text

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        text = self._text
        text.was_cancelled = text.was_cancelled or text.cancelled()
        return torch.full((input_ids.shape[0],), text.was_cancelled, device=input_ids.device)
