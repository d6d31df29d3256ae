"""A model that writes what it is told to, a token a word; the real one is tested beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any

from core.models.base import Generated, ModelKind, ModelSpec, Piece
from core.models.script import Script
from core.rerank.base import Decoding, Mode
from core.traces.base import FinishReason


@dataclass
class ScriptedModel:
    """Writes `script`; finds a label true with the probability that `true` gives for its name."""

    script: str = ""
    context: int | None = None
    true: dict[str, float] | None = None
    asked: list[str] = field(default_factory=list)
    spec: ModelSpec = field(default_factory=lambda: ModelSpec("scripted", ModelKind.LOCAL, ""))

    def identity(self) -> dict[str, Any]:
        return {"name": "scripted"}

    def render(self, prompt: str) -> str:
        return prompt

    def count_tokens(self, text: str) -> int | None:
        return len(text.split())

    @property
    def context_tokens(self) -> int | None:
        return self.context

    def mode_for(self, wanted: Mode) -> tuple[Mode, str]:
        return wanted, ""

    def generate(
        self,
        prompt: str,
        decoding: Decoding,
        *,
        on_piece: Callable[[Piece], None],
        cancelled: Callable[[], bool],
        script: Script | None = None,
    ) -> Generated:
        text, offsets, reason = "", [], FinishReason.STOP
        for word in self.script.split(" "):
            if cancelled():
                reason = FinishReason.CANCELLED
                break
            piece = word if not text else " " + word
            offsets.append((len(text), len(text) + len(piece)))
            text += piece
            on_piece(Piece(piece, 1))
        return Generated(text, tuple(offsets), reason, 5, len(offsets), 1.0, 0.1, ("a note",))

    def log_probabilities(
        self,
        prompt: str,
        continuations: Sequence[str],
        options: Sequence[str],
        mode: Mode = Mode.FAST,
    ) -> list[list[float]] | None:
        if self.true is None:
            return None
        self.asked += [prompt + name for name in continuations]
        rows = []
        for name in continuations:
            p = next(p for label, p in self.true.items() if name.startswith(label))
            rows.append([log((p if o.lower() == "true" else 1 - p) / 2) for o in options])
        return rows
