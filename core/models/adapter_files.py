"""What an adapter's folder holds. Imports no torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.rerank.base import Decoding

WEIGHTS, ABOUT = "adapter.safetensors", "adapter.json"


@dataclass(frozen=True, slots=True)
class About:
    """What an adapter is: which layers of its base it keeps, its rank and scale (alpha / rank), the
    system's name and title, the prompt it was trained on, and where it came from. `base`: the
    ModelSpec of its base as plain data; None: the packaged model. `max_new_tokens`: how long the
    traces may become that it has learned. `method`: how the shortlists were retrieved that it
    learned on; "": unknown."""

    name: str
    title: str
    layers: tuple[int, ...]
    rank: int
    alpha: int
    prompt: str
    provenance: dict[str, Any]
    base: dict[str, Any] | None = None
    max_new_tokens: int = Decoding().max_new_tokens
    method: str = ""


def read_about(folder: Path) -> About:
    """Raises ModelError where the folder holds no adapter of ours."""
    try:
        data = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return About(**{**data, "layers": tuple(data["layers"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{folder} holds no adapter that can be read ({error}).",
            f"It should hold {WEIGHTS} and {ABOUT}, as `phaselens distill` writes them.",
        ) from error
