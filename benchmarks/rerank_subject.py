"""What benchmarks/rerank.py measures: the packaged model with documents to write about."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from core.config import Settings
from core.datasets.base import Document, Split
from core.models.base import Generated
from core.models.catalogue import BASE
from core.models.local import LocalModel
from core.pipeline import Example, prepare
from core.rerank.base import Decoding, Mode
from core.rerank.parser import parse
from core.rerank.prompts import DEFAULT_PROMPT
from core.rerank.reasoner import script_for
from core.run_request import documents_of
from core.systems import RunConfig
from core.toolbox import Toolbox, in_mode
from core.tools import Tools

PARTS = ("speed", "match", "batch", "scorer", "live", "student")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Choices:
    """What is measured, and how much of it: documents, runs, tokens."""

    dataset: str = "icd"
    documents: int = 3
    runs: int = 3
    match: int = 8
    batch_size: int = 8
    parts: tuple[str, ...] = PARTS
    match_tokens: int = Decoding().max_new_tokens
    prompt_tokens: int = 500
    trace_tokens: int = 150
    candidates: int = 50


class Bench:
    """The packaged model with documents to write about."""

    def __init__(self, settings: Settings, choices: Choices, say: Say) -> None:
        self.settings, self.choices, self.say = settings, choices, say
        config = RunConfig(choices.dataset, BASE, DEFAULT_PROMPT, k=choices.candidates)
        toolbox = Toolbox(settings)
        self.tools: Tools = toolbox.tools(config)
        exact = toolbox.model(in_mode(self.tools.system.model, Mode.REFERENCE))
        model = self.tools.model
        if not isinstance(model, LocalModel) or not isinstance(exact, LocalModel):
            raise TypeError("the packaged model runs in this process")
        self.model, self.config = model, config
        self.exact = exact  # as reference mode loads it: float32; the same one where fast is too
        wanted = max(choices.match, 2 * choices.batch_size, 40 * choices.documents)
        self.texts = documents_of(self.tools.dataset, Split.DEV, wanted)

    def example(self, document: Document) -> Example:
        return prepare(self.tools, document, self.config, lambda event: None)

    def long_examples(self) -> list[Example]:
        """Documents joined until their prompt has about `prompt_tokens` tokens."""
        rest, found = list(self.texts), list[Example]()
        while len(found) < self.choices.documents and rest:
            text, one = "", None
            while rest and (one is None or self.prompt_tokens(one) < self.choices.prompt_tokens):
                text = f"{text} {rest.pop(0).text}".strip()
                one = self.example(Document(f"joined {len(found)}", text, ()))
            if one is not None:
                found.append(one)
        return found

    def prompt_tokens(self, example: Example) -> int:
        return self.model.count_tokens(example.rendered)

    def write(
        self,
        example: Example,
        tokens: int,
        mode: Mode = Mode.FAST,
        *,
        guided: bool = False,
        model: LocalModel | None = None,
    ) -> Generated:
        """`model`: another one in the place of the packaged model."""
        decoding = Decoding(max_new_tokens=tokens, mode=mode, guided=guided).resolved(mode)
        chosen = self.exact if mode is Mode.REFERENCE else self.model
        return (model or chosen).generate(
            example.prompt,
            decoding,
            on_piece=lambda piece: None,
            cancelled=lambda: False,
            script=script_for(example.prompt, example.candidates, decoding),
        )

    def plain(
        self, example: Example, tokens: int, model: LocalModel | None = None
    ) -> tuple[list[int], float]:
        """(tokens, seconds) of transformers' generate() as it comes: greedy, with its cache, in
        the number format of fast mode, or of another `model`."""
        model = model or self.model
        ids = torch.tensor([model._ids(example.rendered)], device=model.model.device)
        started = time.perf_counter()
        with torch.inference_mode():
            out = model.model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False
            )
        return out[0, ids.shape[1] :].tolist(), time.perf_counter() - started


def labels(example: Example, written: Generated) -> set[str]:
    return set(parse(written.text, example.candidates, written.finish_reason).answer or ())


def share(held: Sequence[bool]) -> float:
    return sum(held) / len(held) if held else 0.0
