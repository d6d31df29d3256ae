"""What a user asks to be imported as traces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class TraceImportRequest:
    """`dataset`, `system`: of rows that do not name theirs. `columns`: role -> column, where the
    guess by name is not right."""

    files: tuple[Path, ...]
    dataset: str = ""
    system: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a job's parameters; paths are made absolute."""
        return {
            "files": [str(path.expanduser().absolute()) for path in self.files],
            "dataset": self.dataset,
            "system": self.system,
            "columns": dict(self.columns),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        files = tuple(Path(path) for path in data["files"])
        return cls(files, str(data["dataset"]), str(data["system"]), dict(data["columns"]))
