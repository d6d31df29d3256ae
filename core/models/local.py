"""Language models that run in this process, by transformers."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import Settings
from core.errors import InputError
from core.models.adapter_files import ABOUT, WEIGHTS
from core.models.base import Generated, ModelSpec, Outcome, Piece, Request
from core.models.opening import as_list, ends_of, in_format, read_spec, special_texts
from core.models.precision import device_name, dtype_of
from core.models.streaming import TokenStreamer
from core.models.weights import fingerprint
from core.rerank.base import Decoding, Mode

if TYPE_CHECKING:
    from core.models.answers import Answer
    from core.models.lean import LeanNetwork
    from core.models.lean_text import Text
    from core.models.lean_writer import LeanWriter
    from core.models.script import Script

CONTINUATIONS_AT_ONCE = 64  # bounds the memory that copies of the prompt's cache take


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
    _lean: "LeanNetwork | None" = None
    _writer: "LeanWriter | None" = None

    @classmethod
    def load(cls, spec: ModelSpec, settings: Settings) -> "LocalModel":
        """Reads the model a spec names. Raises ModelError, StoreError."""
        import torch
        from transformers import GenerationConfig

        device = device_name()
        dtype = dtype_of(spec.dtype, device)
        threads = settings.torch_threads()
        torch.set_num_threads(threads)
        model, tokenizer, weights, companions = read_spec(spec, settings, dtype)
        in_format(model, device, dtype)
        # Sampling defaults that come with a model would decide its output unseen: only what
        # Decoding says counts, so all but the ends of a text is taken out.
        ends = ends_of(spec.name, model.generation_config.eos_token_id, tokenizer.eos_token_id)
        pad = tokenizer.pad_token_id
        model.generation_config = GenerationConfig(
            eos_token_id=ends if len(ends) > 1 else ends[0],
            pad_token_id=pad if pad is not None else ends[0],
        )
        return cls(spec, model, tokenizer, weights, companions, threads)

    @classmethod
    def adapted(cls, spec: ModelSpec, base: "LocalModel", settings: Settings) -> "LocalModel":
        """The base with the adapter that a spec names; both use the same weights in memory.
        Raises ModelError."""
        from core.models.adapters import adapted

        folder = Path(spec.location)
        model = adapted(base.model, folder)
        files = (folder / WEIGHTS, folder / ABOUT)
        digest = fingerprint(files, settings.cache_dir / "weights.json")
        weights = f"{base.weights}+{digest}"
        return cls(spec, model, base.tokenizer, weights, base.companions, base.threads)

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
        for token in special_texts(self.tokenizer):
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

    def mode_for(self, wanted: Mode) -> tuple[Mode, str]:
        """Fast where it is wanted and the lean network knows the model, else reference."""
        from core.models.lean import unknown

        if wanted is not Mode.FAST:
            return Mode.REFERENCE, ""
        if why := unknown(self.model):
            return Mode.REFERENCE, (
                f"Written in reference mode: the fast one does not know {self.spec.name}; {why}."
            )
        return Mode.FAST, ""

    def _is_fast(self, wanted: Mode) -> bool:
        return self.mode_for(wanted)[0] is Mode.FAST

    def generate(
        self,
        prompt: str,
        decoding: Decoding,
        *,
        on_piece: Callable[[Piece], None],
        cancelled: Callable[[], bool],
        script: "Script | None" = None,
    ) -> Generated:
        """Streams one answer. Raises InputError (prompt too long), ModelError (nothing written),
        ValueError for a script outside fast mode."""
        from core.models.answers import write_reference

        if script is not None and not self._is_fast(decoding.mode):
            raise ValueError("only fast mode follows a script")
        answer = self._begin(Request(prompt, decoding, on_piece, cancelled, script))
        failure: Exception | None = None
        try:
            if self._is_fast(decoding.mode):
                for _ in self._lean_writer(1).write(iter((answer.text,))):
                    pass
            else:
                write_reference(self.model, answer.text)
        # torch reports a lack of memory by RuntimeError; ValueError: what generate() cannot do
        except (RuntimeError, MemoryError, ValueError) as error:
            failure = error
        return answer.end(failure)

    def generate_many(
        self, requests: Iterator[Request], at_once: int
    ) -> Iterator[tuple[Request, Outcome]]:
        """As ManyAtOnce says. In fast mode; what is asked for in reference mode is drafted so, and
        is what generate() writes (core/models/drafts.py).

        Raises ValueError where `mode_for` is not fast.
        """
        from core.models.answers import told
        from core.models.drafts import draft_of

        ready: deque[tuple[Request, Outcome]] = deque()
        begun: dict[int, Answer] = {}
        asking = False

        def texts() -> Iterator["Text"]:
            nonlocal asking
            while True:
                asking = True
                request = next(requests, None)
                asking = False
                if request is None:
                    return
                try:
                    answer = self._begin(request)
                    text = answer.text
                    if request.decoding.mode is Mode.REFERENCE:
                        text = draft_of(text, self.tokenizer)
                except (InputError, RuntimeError, MemoryError, ValueError) as error:
                    ready.append((request, told(self.spec.name, error)))
                    continue
                begun[id(text)] = answer
                yield text

        source = texts()
        more = True
        while more:
            try:
                for text in self._lean_writer(at_once).write(source):
                    answer = begun.pop(id(text))
                    failure = None
                    if text is not answer.text:
                        failure = self._as_reference(answer.text, text)
                    yield answer.request, answer.outcome(failure)
                    while ready:
                        yield ready.popleft()
                more = False
            except (RuntimeError, MemoryError) as error:
                if asking:  # not the network's: from where the requests come
                    raise
                failed, begun = list(begun.values()), {}
                ready.extend((answer.request, answer.outcome(error)) for answer in failed)
            while ready:
                yield ready.popleft()

    def _as_reference(self, text: "Text", draft: "Text") -> Exception | None:
        """Writes a text that was drafted in fast mode; gives what failed."""
        from core.models.drafts import write_drafted

        try:
            write_drafted(self.model, text, draft)
        except (RuntimeError, MemoryError, ValueError) as error:
            return error
        return None

    def log_probabilities(
        self,
        prompt: str,
        continuations: Sequence[str],
        options: Sequence[str],
        mode: Mode = Mode.FAST,
    ) -> list[list[float]]:
        """log P(first token of option), `(continuations, options)`, each <= 0.

        Row i is what the model would answer to the user's prompt + continuations[i]. The tokens
        that all of those share at the start are computed once; the rest goes in batches.
        """
        from core.models import lean_scores, shared_prompt

        rows = [self._ids(self.render(prompt + end)) for end in continuations]
        columns = [self._first_token(option) for option in options]
        if not rows:
            return []
        self._room_for(max(map(len, rows)), 1)
        if self._is_fast(mode):
            found = lean_scores.next_token_log_probabilities(
                self._lean_network(), rows, CONTINUATIONS_AT_ONCE
            )
        else:
            found = shared_prompt.next_token_log_probabilities(
                self.model, rows, CONTINUATIONS_AT_ONCE
            )
        return [[float(row[column]) for column in columns] for row in found]

    def _lean_network(self) -> "LeanNetwork":
        """As exact as reference mode where the processor can (see half_weights)."""
        from core.models.lean import LeanNetwork

        if self._lean is None or self._lean.model is not self.model:
            self._lean, self._writer = LeanNetwork(self.model, in_half=True), None
        return self._lean

    def _lean_writer(self, rows: int) -> "LeanWriter":
        """The writer of that many rows; kept, for texts that begin alike share their start."""
        from core.models.lean_writer import LeanWriter

        network = self._lean_network()
        if self._writer is None or self._writer.rows != rows:
            self._writer = LeanWriter(network, rows)
        return self._writer

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _first_token(self, option: str) -> int:
        """The first token of an option where a line starts with it."""
        return self._ids_of_line(option)[0]

    def _ids_of_line(self, text: str) -> list[int]:
        """The tokens of a text where a line starts with it: some tokenizers put a space before
        what they take for a text's start."""
        before, after = self._ids("\n"), self._ids("\n" + text)
        return after[len(before) :] if after[: len(before)] == before else self._ids(text)

    def _text_of(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, clean_up_tokenization_spaces=False))

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

    def _begin(self, request: Request) -> "Answer":
        """An answer before its first token. Raises InputError (prompt too long)."""
        from core.models.answers import Answer
        from core.models.lean_text import Text
        from core.models.script import Guide

        ids = self._ids(self.render(request.prompt))
        room, notes = self._room_for(len(ids), request.decoding.max_new_tokens)
        # Also where reference was asked for: by now a run that asked for fast says reference.
        if why := self.mode_for(Mode.FAST)[1]:
            notes.append(why)
        streamer = TokenStreamer(self.tokenizer, request.on_piece)
        ends = as_list(self.model.generation_config.eos_token_id)
        guide = None
        if request.script is not None:
            guide = Guide(request.script, self._ids_of_line, self._text_of, ends)
        text = Text(ids, request.decoding, room, ends, streamer, request.cancelled, guide)
        return Answer(self.spec.name, request, text, notes, time.perf_counter())
