"""Uploaded files, put where an import finds them, and deleted when it no longer needs them."""

import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from core.config import Settings

KEPT_S = 7 * 24 * 3600.0  # uploads of imports that failed or never began
_ODD = re.compile(r"[^\w.-]+")


def keep_upload(settings: Settings, owner: str, name: str, content: IO[bytes]) -> Path:
    """Writes an uploaded file under a folder of its owner, with its own name made harmless.

    Uploads of more than KEPT_S ago are deleted.
    """
    _clear_old(_uploads(settings))
    folder = _uploads(settings) / _ODD.sub("_", owner)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (_ODD.sub("_", Path(name).name).lstrip(".") or "file")
    content.seek(0)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)
    return path


def drop_uploads(settings: Settings, paths: Iterable[Path]) -> None:
    """Deletes those of the files that were uploaded; the user's own are left alone."""
    uploads = _uploads(settings).resolve()
    for path in paths:
        whole = path.resolve()
        if uploads in whole.parents:
            whole.unlink(missing_ok=True)
            _drop_if_empty(whole.parent)


def _uploads(settings: Settings) -> Path:
    return settings.cache_dir / "uploads"


def _clear_old(uploads: Path) -> None:
    oldest = time.time() - KEPT_S
    for path in uploads.glob("*/*"):
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
        except FileNotFoundError:  # another process was faster
            continue
        _drop_if_empty(path.parent)


def _drop_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
