"""Files that a page has prepared to be taken away: one folder a visit, cleared after a day."""

import re
import shutil
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

from core.atomic import new_file
from core.config import Settings

KEPT_S = 24 * 3600.0
_ODD = re.compile(r"[^\w.-]+")


def place_of(settings: Settings, owner: str, name: str) -> Path:
    """Where to write a file or folder of that name for an owner; its folder is there, and what
    others prepared more than a day ago is gone. Raises OSError."""
    exports = settings.cache_dir / "exports"
    folder = exports / _ODD.sub("_", owner)
    folder.mkdir(parents=True, exist_ok=True)
    oldest = time.time() - KEPT_S
    for other in exports.iterdir():
        if other != folder and other.is_dir() and other.stat().st_mtime < oldest:
            shutil.rmtree(other, ignore_errors=True)  # another process may be faster
    return folder / (_ODD.sub("_", name).lstrip(".") or "file")


def zipped(path: Path, files: Iterable[Path]) -> Path:
    """Writes a ZIP file of these files, by their names, whole or not at all. Raises OSError."""
    with new_file(path) as new, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
    return path
