"""Making a built-in dataset ready: fetch the packages it needs, then build it and its parts.

Killed or cancelled at any point, the next call goes on: packages that came are kept, and so are
parts that were built.
"""

import time
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock, Timeout

from core.config import Settings
from core.datasets.builtin import BUILTIN, with_parts
from core.datasets.fetching import Cancelled, Report, fetch
from core.datasets.files import INFO_FILE
from core.datasets.packages import Need, fetched
from core.errors import DataError, UnknownNameError

_LOOK_S = 0.5


def is_ready(settings: Settings, name: str) -> bool:
    """Whether a dataset's folder is written."""
    return (settings.datasets_dir / name / INFO_FILE).is_file()


def bytes_to_fetch(settings: Settings, name: str) -> int:
    """How much `get_dataset` would still fetch for a built-in dataset."""
    needs = _needs(settings, name)
    here = settings.packages_dir
    return sum(need[0].bytes for need in needs if fetched(here, need) is None)


def get_dataset(
    settings: Settings,
    name: str,
    files: Iterable[Path] = (),
    *,
    report: Report,
    cancelled: Cancelled,
) -> bool:
    """Fetches and builds what is missing of a built-in dataset. False when cancelled.

    `files`: packages that were fetched elsewhere. Raises UnknownNameError, InputError for unusable
    files, and DataError where something cannot be fetched, read or written.
    """
    if name not in BUILTIN:
        raise UnknownNameError(
            f"There is no built-in dataset {name!r}.", f"There are: {', '.join(sorted(BUILTIN))}."
        )
    try:
        if is_ready(settings, name):
            return True
        needs = _needs(settings, name)
        if needs and not _fetch(settings, needs, files, report, cancelled):
            return False
        missing = [one for one in with_parts(name) if not is_ready(settings, one)]
        for done, one in enumerate(missing):
            if cancelled():
                return False
            report(f"Building {one}", done, len(missing))
            build(settings, one)
    except OSError as error:
        raise DataError(
            f"The dataset {name} cannot be written to {settings.home} ({error}).",
            "Check that the disk has room and the folder can be written, or set PHASELENS_HOME.",
        ) from error
    return True


def build(settings: Settings, name: str) -> None:
    """Builds a dataset whose packages and parts are there, unless another process was faster."""
    settings.datasets_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.datasets_dir / f".{name}.lock"):
        if not is_ready(settings, name):
            BUILTIN[name].build(settings.datasets_dir / name, settings.packages_dir)


def _needs(settings: Settings, name: str) -> list[Need]:
    """What must be fetched for a dataset and those of its parts that are not ready."""
    wanted: list[Need] = []
    for one in with_parts(name):
        if not is_ready(settings, one):
            wanted += [need for need in BUILTIN[one].needs if need not in wanted]
    return wanted


def _fetch(
    settings: Settings,
    needs: list[Need],
    files: Iterable[Path],
    report: Report,
    cancelled: Cancelled,
) -> bool:
    """One process fetches at a time: two would fetch the same files, or clear each other's."""
    settings.packages_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.packages_dir / ".lock")
    while True:
        try:
            lock.acquire(timeout=_LOOK_S)
            break
        except Timeout:
            report("Waiting for another fetch", 0, 0)
            if cancelled():
                return False
            time.sleep(_LOOK_S)
    try:
        return fetch(settings.packages_dir, needs, files, report=report, cancelled=cancelled)
    finally:
        lock.release()
