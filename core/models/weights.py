"""Which files of a model folder hold its weights, and their fingerprint. Imports no torch.

Safetensors and GGUF only. A pickle runs the code of whoever made it, so a folder that has
nothing else is refused.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from core.atomic import sha256_of
from core.errors import ModelError

# What else of a folder decides what its model reads and writes.
COMPANIONS = ("config.json", "generation_config.json", "*token*.json", "*.model", "vocab.*",
              "merges.txt", "chat_template*")  # fmt: skip
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
CONVERT = "Convert it to safetensors, for example with save_pretrained(), and point to that folder."


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """The folder that transformers reads, and the GGUF file in it (None: safetensors)."""

    folder: Path
    gguf: str | None
    files: tuple[Path, ...]

    @property
    def companions(self) -> tuple[Path, ...]:
        """Configuration, tokenizer and chat template beside safetensors; GGUF holds its own."""
        if self.gguf:
            return ()
        found = {file for name in COMPANIONS for file in self.folder.glob(name) if file.is_file()}
        return tuple(sorted(found))


def find_weights(location: str) -> WeightFiles:
    """The weight files at a path: a folder or one .gguf file. Raises ModelError."""
    path = Path(location).expanduser()
    if path.is_file():
        return _single_file(path)
    if not path.is_dir():
        raise ModelError(
            f"There is no model at {path}.",
            "Check the path, or use a folder with safetensors or a .gguf file.",
        )
    tensors = sorted(path.glob("*.safetensors"))
    tensors = [file for file in tensors if not file.name.startswith("adapter_")]
    if tensors:
        if not (path / "config.json").is_file():
            raise ModelError(
                f"{path} has safetensors but no config.json.",
                "Copy the model's config.json and tokenizer files beside its weights.",
            )
        return WeightFiles(path, None, tuple(tensors))
    packed = sorted(path.glob("*.gguf"))
    if len(packed) == 1:
        return _single_file(packed[0])
    if packed:
        names = ", ".join(file.name for file in packed)
        raise ModelError(
            f"{path} holds several GGUF files ({names}).", "Point to the one file that you mean."
        )
    raise _without_weights(path)


def _single_file(path: Path) -> WeightFiles:
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise ModelError(f"{path} is a pickle, which can run code when opened.", CONVERT)
    if suffix == ".safetensors":
        return find_weights(str(path.parent))
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise ModelError(
            f"{path} is not a GGUF file.", "Use a .gguf file, or a folder with safetensors."
        )
    return WeightFiles(path.parent, path.name, (path,))


def _without_weights(path: Path) -> ModelError:
    pickles = sorted(file.name for file in path.iterdir() if file.suffix.lower() in PICKLES)
    if pickles:
        return ModelError(
            f"{path} has its weights only as a pickle ({', '.join(pickles[:3])}), which can run "
            "code when opened.",
            CONVERT,
        )
    if (path / "adapter_config.json").is_file():
        return ModelError(
            f"{path} holds an adapter without its base model.",
            "Merge the adapter into its base model and point to the merged folder.",
        )
    return ModelError(
        f"{path} has no weights: no .safetensors and no .gguf file.",
        "Point to the folder that holds the weights.",
    )


def fingerprint(files: tuple[Path, ...], notebook: Path) -> str:
    """SHA-256 over the weight files, in order.

    `notebook` is a JSON file that remembers digests by path, size and modification time, so
    that large models are not read twice at every start.
    """
    known = _read_notebook(notebook)
    keys, digests = [], []
    for file in files:
        stat = file.stat()
        key = f"{file.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        digest = known.get(key) or sha256_of(file)
        keys.append(key)
        digests.append(digest)
    if any(key not in known for key in keys):
        known.update(zip(keys, digests, strict=True))
        _write_notebook(notebook, known)
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _read_notebook(notebook: Path) -> dict[str, str]:
    try:
        known = json.loads(notebook.read_text())
    except (OSError, ValueError):
        return {}  # a lost notebook costs one more reading, nothing else
    return known if isinstance(known, dict) else {}


def _write_notebook(notebook: Path, known: dict[str, str]) -> None:
    newest = dict(list(known.items())[-200:])
    try:
        notebook.parent.mkdir(parents=True, exist_ok=True)
        fresh = notebook.with_suffix(".new")
        fresh.write_text(json.dumps(newest))
        fresh.replace(notebook)
    except OSError:
        return  # a full or read-only disk: the digest is right, only not remembered
