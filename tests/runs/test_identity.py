"""A run's identity changes with everything that decides its output."""

import ast
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import core.code_version
from core.code_version import code_version
from core.errors import InputError
from core.rerank.base import Decoding, Mode
from core.systems import RunConfig, run_id, run_identity

CONFIG = RunConfig("icd", "base", "{document} {candidates}")
PARTS: dict[str, Any] = {
    "dataset_fingerprint": "d", "encoder": "e", "index": "i", "model": {"weights": "w"},
}  # fmt: skip


def identity(config: RunConfig = CONFIG, **parts: Any) -> str:
    return run_id(run_identity(config, **{**PARTS, **parts}))


def test_equal_choices_give_equal_ids() -> None:
    assert identity() == identity(RunConfig("icd", "base", "{document} {candidates}"))


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset": "mesh"},
        {"system": "other"},
        {"prompt": "{candidates} {document}"},
        {"k": 49},
        {"n": 9},
        {"ef": 100},
        {"use_scorer": False},
        {"decoding": Decoding(max_new_tokens=100)},
        {"decoding": Decoding(temperature=0.5)},
        {"decoding": Decoding(seed=1)},
        {"decoding": Decoding(prompt_lookup=0)},
        {"decoding": Decoding(mode=Mode.REFERENCE)},
    ],
)
def test_every_choice_makes_another_run(changed: dict[str, Any]) -> None:
    assert identity(replace(CONFIG, **changed)) != identity()


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset_fingerprint": "x"},
        {"encoder": "x"},
        {"index": "x"},
        {"model": {"weights": "w", "dtype": "float32"}},
    ],
)
def test_every_input_makes_another_run(changed: dict[str, Any]) -> None:
    assert identity(**changed) != identity()


def test_changed_code_makes_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity()
    for name in core.code_version.DECIDING:
        assert (core.code_version.ROOT / name).exists()
    (tmp_path / "rerank").mkdir()
    (tmp_path / "rerank" / "scorer.py").write_text("another question")
    monkeypatch.setattr(core.code_version, "ROOT", tmp_path)
    monkeypatch.setattr(core.code_version, "DECIDING", ("rerank",))
    code_version.cache_clear()
    try:
        assert identity() != before
    finally:
        code_version.cache_clear()


# Reached from the pipeline, but what a run answers does not depend on it.
DECIDES_NOTHING = {
    "__init__.py": "how threads wait",
    "annotation/people.py": "says who may write",
    "atomic.py": "how files are written",
    "code_version.py": "is the identity",
    "config.py": "folders and limits; threads are in the model's identity",
    "datasets/files.py": "files of a dataset, whose fingerprint is in the identity",
    "errors.py": "words for people",
    "events.py": "tells what happened",
    "metrics/sets.py": "measures an answer that is there",
    "stopwatch.py": "times the stages",
    "systems.py": "checks choices that are in the identity themselves",
}
ROOTS = ("core.pipeline", "core.models.catalogue")


def imported_by(file: Path) -> set[str]:
    """Every module that a file may import, also inside its functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def reached(roots: Iterable[str]) -> set[str]:
    """The files of core/ that the roots import, and those that these import, and so on."""
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        package, _, rest = todo.pop().partition(".")
        path = rest.replace(".", "/")
        for name in (f"{path}.py", f"{path}/__init__.py".lstrip("/")):
            file = core.code_version.ROOT / name
            if package == "core" and file.is_file() and name not in seen:
                seen.add(name)
                todo += imported_by(file)
    return seen


def test_every_module_that_an_answer_passes_through_is_in_the_identity() -> None:
    root = core.code_version.ROOT
    hashed = {file.relative_to(root).as_posix() for file in core.code_version._sources()}
    through = reached(ROOTS)
    assert through - hashed - DECIDES_NOTHING.keys() == set()
    assert not hashed & DECIDES_NOTHING.keys()
    assert {"minilm.py", "token_windows.py", "models/local.py"} <= through, "imports are followed"


@pytest.mark.parametrize(
    ("decoding", "says"),
    [
        (Decoding(max_new_tokens=0), "token limit is 0"),
        (Decoding(temperature=float("nan")), "temperature is nan"),
        (Decoding(temperature=-1), "temperature is -1"),
        (Decoding(seed=-1), "seed is -1"),
        (Decoding(seed=2**64), "seed is"),
        (Decoding(prompt_lookup=-1), "Prompt lookup is -1"),
    ],
)
def test_decoding_that_no_model_does_is_refused(decoding: Decoding, says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(CONFIG, decoding=decoding).check(74_044)


def test_an_ef_beyond_all_measure_is_refused() -> None:
    with pytest.raises(InputError, match="ef is"):
        replace(CONFIG, ef=10**12).check(74_044)
