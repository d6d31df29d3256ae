"""Language models that run in this process, by transformers."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.config import Settings
from core.errors import InputError, ModelError
from core.models import packaged
from core.models.base import Generated, ModelKind, ModelSpec, Piece
from core.models.loading import read_folder, read_gguf, read_hub
from core.models.precision import device_name, dtype_of
from core.models.streaming import TokenStreamer
from core.models.weights import find_weights, fingerprint
from core.rerank.base import Decoding
from core.traces.base import FinishReason

CONTINUATIONS_AT_ONCE = 32  # bounds the memory that copies of the prompt's cache take


@dataclass
class LocalModel:
    """A causal language model with a chat template, on this machine's processor or card.

    One caller at a time: neither generate() nor the seed is thread-safe.
    """

    spec: ModelSpec
    model: Any
    tokenizer: Any
    weights: str  # SHA-256, or the commit of a hub model
    companions: str  # SHA-256 over config, tokenizer and chat template; "" where in the weights
    threads: int

    @classmethod
    def load(cls, spec: ModelSpec, settings: Settings) -> "LocalModel":
        """Reads the model a spec names. Raises ModelError, StoreError."""
        import torch
        from transformers import GenerationConfig

        device = device_name()
        dtype = dtype_of(spec.dtype, device)
        threads = settings.torch_threads()
        torch.set_num_threads(threads)
        model, tokenizer, weights, companions = _read(spec, settings, dtype)
        model.to(device=device, dtype=dtype)
        # Sampling defaults that come with a model would decide its output unseen: only what
        # Decoding says counts, so all but the ends of a text is taken out.
        ends = _ends(spec.name, model.generation_config.eos_token_id, tokenizer.eos_token_id)
        pad = tokenizer.pad_token_id
        model.generation_config = GenerationConfig(
            eos_token_id=ends if len(ends) > 1 else ends[0],
            pad_token_id=pad if pad is not None else ends[0],
        )
        return cls(spec, model, tokenizer, weights, companions, threads)

    def identity(self) -> dict[str, Any]:
        import torch
        import transformers

        return {
            "name": self.spec.name,
            "kind": self.spec.kind.value,
            "weights": self.weights,
            "tokenizer_and_config": self.companions,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "device": self.model.device.type,
            "attention": self.model.config._attn_implementation,
            "threads": self.threads,
            "torch": str(torch.__version__),
            "transformers": transformers.__version__,
        }

    def render(self, prompt: str) -> str:
        """The prompt in the model's chat template.

        Special tokens inside the prompt (a document may hold "<|im_end|>") are broken up with a
        space, so that text never ends the user's turn or starts another.
        """
        for token in _special_texts(self.tokenizer):
            prompt = prompt.replace(token, f"{token[0]} {token[1:]}")
        return str(
            self.tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
            )
        )

    def count_tokens(self, text: str) -> int:
        return len(self._ids(text))

    @property
    def context_tokens(self) -> int | None:
        limit = getattr(self.model.config, "max_position_embeddings", None)
        return int(limit) if limit else None

    def generate(
        self,
        prompt: str,
        decoding: Decoding,
        *,
        on_piece: Callable[[Piece], None],
        cancelled: Callable[[], bool],
    ) -> Generated:
        """Streams one answer. Raises InputError (prompt too long), ModelError (nothing written)."""
        import torch

        ids = self._ids(self.render(prompt))
        room, notes = self._room_for(len(ids), decoding.max_new_tokens)
        if decoding.prompt_lookup > 0 and not self._looks_up:
            notes.append(f"Prompt lookup is off: {self.spec.name} cannot take tokens back.")
        streamer = TokenStreamer(self.tokenizer, on_piece)
        stop = _Cancel(cancelled)
        started = time.perf_counter()
        failed = False
        try:
            self._run(ids, decoding, room, streamer, stop)
        # torch reports a lack of memory by RuntimeError; ValueError: what generate() cannot do
        except (RuntimeError, MemoryError, ValueError) as error:
            failed = True
            if isinstance(error, torch.OutOfMemoryError) and self.model.device.type == "cuda":
                torch.cuda.empty_cache()
            if not streamer.ids:
                raise ModelError(
                    f"{self.spec.name} could not write: {str(error)[:300]}",
                    "Use a shorter text, a smaller model or a machine with more memory.",
                ) from error
            streamer.end()
            notes.append(f"The model stopped half-way: {str(error)[:200]}")
        return Generated(
            text=streamer.text,
            token_offsets=tuple(streamer.offsets),
            finish_reason=self._reason(streamer.ids, stop.hit, failed),
            prompt_tokens=len(ids),
            tokens=len(streamer.ids),
            seconds=time.perf_counter() - started,
            seconds_to_first_token=(
                streamer.first_token_at - started if streamer.first_token_at else None
            ),
            notes=tuple(notes),
        )

    def log_probabilities(
        self, prompt: str, continuations: Sequence[str], options: Sequence[str]
    ) -> list[list[float]]:
        """log P(first token of option), `(continuations, options)`, each <= 0.

        Row i is what the model would answer to the user's prompt + continuations[i]. The tokens
        that all of those share at the start are computed once; the rest goes in batches.
        """
        from core.models.shared_prompt import next_token_log_probabilities

        rows = [self._ids(self.render(prompt + end)) for end in continuations]
        columns = [self._first_token(option) for option in options]
        if not rows:
            return []
        self._room_for(max(map(len, rows)), 1)
        found = next_token_log_probabilities(self.model, rows, CONTINUATIONS_AT_ONCE)
        return [[float(row[column]) for column in columns] for row in found]

    @property
    def _looks_up(self) -> bool:
        """Whether prompt lookup works: wrong guesses are taken back, which a model with a running
        state (Mamba and its like) cannot."""
        return not getattr(self.model, "_is_stateful", False)

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _first_token(self, option: str) -> int:
        """The first token of an option where a line starts with it."""
        before, after = self._ids("\n"), self._ids("\n" + option)
        return after[len(before)] if after[: len(before)] == before else self._ids(option)[0]

    def _room_for(self, prompt_tokens: int, wanted: int) -> tuple[int, list[str]]:
        """Tokens that may be written, and a note where that is less than wanted."""
        limit = self.context_tokens
        if limit is None or prompt_tokens + wanted <= limit:
            return wanted, []
        room = limit - prompt_tokens
        if room < 1:
            raise InputError(
                f"The prompt has {prompt_tokens:,} tokens; {self.spec.name} reads {limit:,}.",
                "Shorten the text or the prompt, or show fewer candidates.",
            )
        return room, [f"Only {room} of {wanted} tokens were left in the model's {limit:,}."]

    def _run(
        self,
        ids: list[int],
        decoding: Decoding,
        room: int,
        streamer: TokenStreamer,
        stop: "_Cancel",
    ) -> None:
        import torch
        from transformers import StoppingCriteriaList

        options: dict[str, Any] = {"max_new_tokens": room, "do_sample": decoding.temperature > 0}
        if decoding.temperature > 0:
            options.update(temperature=decoding.temperature, top_k=0, top_p=1.0)
        if decoding.prompt_lookup > 0 and self._looks_up:
            options["prompt_lookup_num_tokens"] = decoding.prompt_lookup
        inputs = torch.tensor([ids], device=self.model.device)  # (1, prompt)
        with torch.random.fork_rng(), torch.inference_mode():  # leaves the caller's seed alone
            torch.manual_seed(decoding.seed)
            self.model.generate(
                inputs,
                attention_mask=torch.ones_like(inputs),
                streamer=streamer,
                stopping_criteria=StoppingCriteriaList([stop]),
                **options,
            )

    def _reason(self, ids: list[int], cancelled: bool, failed: bool) -> FinishReason:
        if failed:
            return FinishReason.ERROR
        if ids and ids[-1] in _as_list(self.model.generation_config.eos_token_id):
            return FinishReason.STOP
        return FinishReason.CANCELLED if cancelled else FinishReason.LENGTH


class _Cancel:
    """A stopping criterion that asks `cancelled` after every step of generate()."""

    def __init__(self, cancelled: Callable[[], bool]) -> None:
        self._cancelled = cancelled
        self.hit = False

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        self.hit = self.hit or self._cancelled()
        return torch.full((input_ids.shape[0],), self.hit, device=input_ids.device)


def _special_texts(tokenizer: Any) -> list[str]:
    """Every text that is read as a special token, longest first: also those that were added
    without a name, such as Llama 3's <|start_header_id|>."""
    added = (t.content for t in tokenizer.added_tokens_decoder.values() if t.special)
    texts = {text for text in (*tokenizer.all_special_tokens, *added) if len(text) > 1}
    return sorted(texts, key=lambda text: (-len(text), text))


def _as_list(value: Any) -> list[int]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [int(value)]


def _ends(name: str, of_model: Any, of_tokenizer: Any) -> list[int]:
    """The tokens that end an answer, never none of them. Raises ModelError."""
    ends = _as_list(of_model) or _as_list(of_tokenizer)
    if not ends:
        raise ModelError(
            f"{name} has no end-of-text token, so its answers would never end.",
            "Set eos_token in tokenizer_config.json, or eos_token_id in generation_config.json.",
        )
    return ends


def _read(spec: ModelSpec, settings: Settings, dtype: Any) -> tuple[Any, Any, str, str]:
    """(model, tokenizer, fingerprint of the weights, and of the files beside them) of a spec that
    runs in this process."""
    if spec.kind is ModelKind.HUB:
        model, tokenizer = read_hub(spec.location, dtype)
        commit = getattr(model.config, "_commit_hash", None)
        return model, tokenizer, f"hub:{spec.location}@{commit or 'unknown'}", ""
    packaged_model = spec.kind is ModelKind.PACKAGED
    location = str(packaged.ensure(settings)) if packaged_model else spec.location
    weights = find_weights(location)
    if weights.gguf:
        model, tokenizer = read_gguf(weights.files[0], "float32")
    else:
        model, tokenizer = read_folder(weights, dtype)
    notebook = settings.cache_dir / "weights.json"
    beside = fingerprint(weights.companions, notebook) if weights.companions else ""
    return model, tokenizer, fingerprint(weights.files, notebook), beside
