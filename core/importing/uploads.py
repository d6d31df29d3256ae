"""Uploaded files, put where an import finds them, and deleted when it no longer needs them."""

import hashlib
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from core.annotation.people import Person, Role
from core.atomic import new_file
from core.config import Settings

KEPT_S = 7 * 24 * 3600.0  # uploads of imports that failed or never began
PIECE = 1024 * 1024  # bytes of an upload read at a time
_ODD = re.compile(r"[^\w.-]+")


def keep_uploads(
    settings: Settings, by: Person, owner: str, files: Sequence[tuple[str, IO[bytes]]]
) -> list[Path]:
    """Writes files that were uploaded together (names and contents) beside each other, as some
    need each other there, under a folder of their owner; their names are made harmless.

    The folder is named by all that is in them, and so are never overwritten by others while they
    are read; files of the same name are numbered by folders in it: 1/out.jsonl, 2/out.jsonl.
    Uploads of more than KEPT_S ago are deleted. For leads, who may import; raises NotAllowedError.
    """
    by.require(Role.LEAD)
    _clear_old(_uploads(settings))
    names = [_ODD.sub("_", Path(name).name).lstrip(".") or "file" for name, _ in files]
    whole = hashlib.sha256()
    for name, (_, content) in zip(names, files, strict=True):
        whole.update(f"{name}\n{_digest(content)}\n".encode())
    folder = _uploads(settings) / _ODD.sub("_", owner) / whole.hexdigest()[:16]
    often, seen = Counter(names), Counter[str]()
    paths = []
    for name, (_, content) in zip(names, files, strict=True):
        seen[name] += 1
        path = (folder / str(seen[name]) if often[name] > 1 else folder) / name
        _write(path, content)
        paths.append(path)
    return paths


def _digest(content: IO[bytes]) -> str:
    found = hashlib.sha256()
    content.seek(0)
    while piece := content.read(PIECE):
        found.update(piece)
    return found.hexdigest()


def _write(path: Path, content: IO[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content.seek(0)
    with new_file(path) as new, new.open("wb") as file:
        shutil.copyfileobj(content, file)


def drop_uploads(settings: Settings, paths: Iterable[Path]) -> None:
    """Deletes those of the files that were uploaded; the user's own are left alone."""
    uploads = _uploads(settings).resolve()
    for path in paths:
        whole = path.resolve()
        if uploads in whole.parents:
            whole.unlink(missing_ok=True)
            _drop_empty(uploads, whole.parent)


def _uploads(settings: Settings) -> Path:
    return settings.cache_dir / "uploads"


def _clear_old(uploads: Path) -> None:
    oldest = time.time() - KEPT_S
    for path in [path for path in uploads.rglob("*") if path.is_file()]:
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
                _drop_empty(uploads, path.parent)
        except FileNotFoundError:  # another process was faster
            continue


def _drop_empty(uploads: Path, folder: Path) -> None:
    """Deletes a folder and those around it, as far as they are empty."""
    while folder != uploads and uploads in folder.parents:
        try:
            folder.rmdir()
        except OSError:  # something is in it
            return
        folder = folder.parent
