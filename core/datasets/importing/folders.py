"""The folders of imported datasets: one process at a time in each, their reports, their removal."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from core.annotation.people import Person, Role
from core.config import Settings
from core.datasets.builtin import BUILTIN
from core.datasets.files import INFO_FILE, read_info
from core.datasets.importing.request import NAME
from core.errors import DataError, InputError, UnknownNameError

REPORT_FILE = "report.json"
PROBLEMS_FILE = "problems.csv"
_RANDOM = "[a-z0-9_]{8}"  # what mkdtemp puts into a name; never a dot, as in the name of another
_REMOVED = "removed"


def remove_dataset(settings: Settings, by: Person, name: str) -> None:
    """Deletes a dataset that was added, and its index. For leads. Raises NotAllowedError,
    InputError and DataError."""
    by.require(Role.LEAD)
    folder = settings.datasets_dir / name
    if name in BUILTIN:
        raise InputError(
            f"{name} is a dataset that PhaseLens makes itself; it is not removed.",
            "Only datasets that were added can be removed.",
        )
    if not NAME.fullmatch(name) or not folder.is_dir():
        raise UnknownNameError(
            f"There is no added dataset {name!r}.", "`phaselens data list` names those there are."
        )
    for info in settings.datasets_dir.glob(f"*/{INFO_FILE}"):
        if info.parent != folder and _labels_of(info.parent) == name:
            raise InputError(
                f"The dataset {info.parent.name} uses the labels of {name}.", "Remove it first."
            )
    try:
        with alone(settings, name):
            going = folder.with_name(f".{name}.{_REMOVED}.tmp")
            shutil.rmtree(going, ignore_errors=True)
            folder.rename(going)
            shutil.rmtree(going)
            shutil.rmtree(settings.indexes_dir / name, ignore_errors=True)
    except Timeout as error:
        raise DataError(f"{name} is being imported.", "Wait until that has ended.") from error
    except OSError as error:
        raise DataError(
            f"The dataset {name} cannot be removed ({error}).", "Check who may write its folder."
        ) from error


@contextmanager
def alone(settings: Settings, name: str) -> Iterator[None]:
    """Keeps other processes from importing or removing the same dataset. Raises Timeout."""
    # The file stays: were it deleted, a third process could lock a new one of the same name
    # while a second still holds the old one.
    with FileLock(settings.datasets_dir / f".{name}.lock", timeout=0):
        yield


def clear_left(settings: Settings, name: str) -> None:
    """Deletes what killed imports and removals of a dataset left; call it within `alone`."""
    left = re.compile(rf"\.{re.escape(name)}\.({_RANDOM}|{_REMOVED})\.tmp")
    for folder in settings.datasets_dir.glob(".*.tmp"):
        if left.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _labels_of(folder: Path) -> str:
    try:
        return read_info(folder).labels_of
    except DataError:  # a damaged dataset uses nobody's labels
        return ""


def read_report(settings: Settings, name: str) -> dict[str, object] | None:
    """The report of a dataset's import as JSON; None where it was not imported."""
    path = settings.datasets_dir / name / REPORT_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}).", "Import the dataset again.") from error
    return dict(data)
