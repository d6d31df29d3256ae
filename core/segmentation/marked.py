"""Traces whose phases are marked by hand: to fit a segmenter to, and to measure it on."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.rerank.base import Candidate
from core.traces.base import PhaseKind

CHECK_SET = Path(__file__).resolve().parents[2] / "sample_data" / "segmentation" / "traces.jsonl"
TRAINING_SET = CHECK_SET.with_name("training.jsonl")


@dataclass(frozen=True, slots=True)
class Marked:
    """A trace with its phases: (kind, start, end) in order, None for none. `half`: tune, report."""

    id: str
    structure: str
    cue_words: bool
    half: str
    trace: str
    candidates: tuple[Candidate, ...]
    spans: tuple[tuple[PhaseKind | None, int, int], ...]

    @property
    def turn(self) -> int | None:
        """The character where reasoning first follows shortlisting."""
        seen = False
        for kind, start, _ in self.spans:
            if kind is PhaseKind.REASONING and seen:
                return start
            seen = seen or kind is PhaseKind.SHORTLISTING
        return None


def read_marked(path: Path = CHECK_SET) -> list[Marked]:
    """The traces of a file in the format of sample_data/segmentation. Raises InputError."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        return [_marked(json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} holds no marked traces that can be read ({error!r}).",
            "sample_data/segmentation/README.md says what a line holds.",
        ) from error


def _marked(data: dict[str, Any]) -> Marked:
    kinds = {kind.value: kind for kind in PhaseKind}
    shown = tuple(
        Candidate(number, label["id"], label["name"])
        for number, label in enumerate(data["labels"], start=1)
    )
    spans = tuple((kinds.get(s["phase"]), int(s["start"]), int(s["end"])) for s in data["spans"])
    return Marked(
        data["id"], data["structure"], bool(data["cue_words"]), data["half"], data["trace"], shown,
        spans,
    )  # fmt: skip
