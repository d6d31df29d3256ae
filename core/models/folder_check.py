"""A quick look at a model folder, before its weights are read. Imports no torch.

Read from the small files only: config.json, tokenizer.json, the chat template and the header
of the weights. What it cannot tell quickly (GGUF, rare tokenizers) is left to loading.
"""

import json
import struct
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.models.weights import WeightFiles

INPUT_ROWS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")
HEADER_LIMIT = 100_000_000  # the safetensors format's own


def check_folder(weights: WeightFiles) -> None:
    """Raises ModelError where the folder certainly cannot be used."""
    if weights.gguf:
        return
    folder = weights.folder
    config = _read_json(folder / "config.json")
    if "auto_map" in config and not config.get("model_type"):
        raise ModelError(
            f"{folder} runs only with code of its own, which is never run.",
            "Use a model of a kind that transformers knows.",
        )
    rows = [rows for file in weights.files for rows in _embedding_rows(file)]
    _check_tokenizer(folder, max(rows, default=0))
    _check_chat_template(folder)


def _check_tokenizer(folder: Path, rows: int) -> None:
    path = folder / "tokenizer.json"
    if not path.is_file():
        if not (folder / "tokenizer_config.json").is_file():
            raise ModelError(
                f"{folder} has no tokenizer.",
                "Copy the model's tokenizer files beside its weights.",
            )
        return
    found = _read_json(path)
    vocabulary = (found.get("model") or {}).get("vocab") or {}
    ids = list(vocabulary.values()) if isinstance(vocabulary, dict) else [len(vocabulary) - 1]
    ids += [token.get("id", 0) for token in found.get("added_tokens") or ()]
    largest = max((i for i in ids if isinstance(i, int)), default=0)
    if rows and largest >= rows:
        raise ModelError(
            f"The tokenizer of {folder} does not fit its weights: it has token {largest}, but the "
            f"model knows only {rows} tokens.",
            "Use the tokenizer files that belong to these weights.",
        )


def _check_chat_template(folder: Path) -> None:
    if any((folder / name).is_file() for name in ("chat_template.jinja", "chat_template.json")):
        return
    config = folder / "tokenizer_config.json"
    if not config.is_file() or not _read_json(config).get("chat_template"):
        raise ModelError(
            f"{folder} has no chat template, so it cannot be asked a question.",
            "Use the instruct or chat version of the model.",
        )


def _embedding_rows(file: Path) -> list[int]:
    """Rows of the input embedding in a safetensors file; raises ModelError for a broken file."""
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > min(HEADER_LIMIT, file.stat().st_size):
                raise ValueError("its header is longer than the file")
            header = json.loads(opened.read(length))
            tensors = {k: v for k, v in header.items() if k != "__metadata__"}
            needed = 8 + length + max((v["data_offsets"][1] for v in tensors.values()), default=0)
            if file.stat().st_size != needed:
                raise ValueError(f"it has {file.stat().st_size:,} of {needed:,} bytes")
            return [v["shape"][0] for k, v in tensors.items() if k.endswith(INPUT_ROWS)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ModelError(
            f"{file} is not a whole safetensors file: {error}.", "Copy or download it again."
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", "Copy the file again.") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} is not a JSON object.", "Copy the file again.")
    return found
