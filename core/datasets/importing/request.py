"""What a user asks to be imported, and whether it may have its name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from core.config import Settings
from core.datasets.builtin import BUILTIN
from core.datasets.importing.columns import Columns
from core.errors import InputError

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class ImportRequest:
    """What to import. `columns`: role -> column, where the guess by name is not right.

    `separator`: between ids in one text value; "": the first of | ; , found in it.
    """

    name: str
    labels: Path
    documents: tuple[Path, ...]
    filters: tuple[Path, ...] = ()
    columns: Columns = field(default_factory=dict)
    separator: str = ""
    replace: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a job's parameters; paths are made absolute."""
        return {
            "name": self.name,
            "labels": str(self.labels.expanduser().absolute()),
            "documents": [str(path.expanduser().absolute()) for path in self.documents],
            "filters": [str(path.expanduser().absolute()) for path in self.filters],
            "columns": dict(self.columns),
            "separator": self.separator,
            "replace": self.replace,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            str(data["name"]),
            Path(data["labels"]),
            tuple(Path(path) for path in data["documents"]),
            tuple(Path(path) for path in data["filters"]),
            dict(data["columns"]),
            str(data["separator"]),
            bool(data["replace"]),
        )


def check_name(settings: Settings, name: str, *, replace: bool) -> None:
    """Raises InputError for a name that cannot be used, or is used already."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of a dataset.",
            "Use 1 to 64 small letters, digits, dots, hyphens and underscores, and begin with a "
            "letter or digit.",
        )
    if name in BUILTIN:
        raise InputError(
            f"{name} is the name of a dataset that PhaseLens makes itself.", "Choose another name."
        )
    if (settings.datasets_dir / name).exists() and not replace:
        raise InputError(
            f"There is a dataset {name} already.",
            "Choose another name, or ask for it to be replaced (--replace).",
        )
