"""Pages and commands side by side, over a dataset of 20 labels."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.annotation.people import local_person
from core.config import load_settings
from core.models.base import ModelKind, ModelSpec
from db.models_added import add_model
from db.session import open_store
from tests.cli.conftest import Outcome, cli, process
from tests.models.test_weights import model_folder
from tests.pages.conftest import open_page, runs_app_py, started_jobs
from tests.runs.tiny import write_tiny

__all__ = ["cli", "open_page", "process", "runs_app_py", "started_jobs"]

RUN_TINY = ("run", "--dataset", "tiny", "--split", "test", "--k", "5", "--n", "2")


@pytest.fixture
def tiny(home: Path) -> Path:
    """A home with the tiny dataset and nothing else."""
    write_tiny(home)
    return home


@pytest.fixture
def dead_url() -> Iterator[str]:
    """The address of a port where nobody listens, kept from others while the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v1"


def add_system(name: str, kind: ModelKind, location: str, timeout_s: float = 60) -> None:
    """Adds a model to the store, past the checks of the Settings page."""
    spec = ModelSpec(name, kind, location, served_model="m", timeout_s=timeout_s)
    store = open_store(load_settings())
    with store.write() as session:
        add_model(session, local_person(), spec)
    store.close()


def spoilt_folder(folder: Path, how: str) -> Path:
    """A model folder that cannot be used: "no weights", "pickle" or "tokenizer"."""
    model_folder(folder)
    if how == "tokenizer":
        vocabulary = {f"t{i}": i for i in range(5000)}
        (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
        return folder
    (folder / "model.safetensors").unlink()
    if how == "pickle":
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    return folder


SPOILT = [("no weights", "no weights"), ("pickle", "pickle"), ("tokenizer", "does not fit")]


def refused(outcome: Outcome, *parts: str) -> None:
    """One clear line, exit status 1, and nothing on stdout."""
    assert outcome.status == 1, outcome
    assert outcome.stdout == ""
    assert outcome.line.startswith("Error: ")
    for part in parts:
        assert part in outcome.line
