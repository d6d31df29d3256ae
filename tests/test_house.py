"""The rules of the house, checked: types, lint, and which way dependencies point."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_USE_DB = (
    "cli.py",
    "commands",
    "runs.py",
    "batch.py",
    "jobs",
    "jobs.py",
    "live",
    "study",
    "task_view.py",
    "toolbox.py",
    "doctor.py",
    "trace_analysis.py",
    "trace_export.py",
    "trace_import.py",
)


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_mypy_passes_on_core_db_and_benchmarks() -> None:
    done = run("mypy")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", [("ruff", "check", "."), ("ruff", "format", "--check", ".")])
def test_ruff_passes(command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_core_and_db_never_import_streamlit_or_pages() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("core") + modules("db")
        for name in imported(path)
        if name.split(".")[0] in {"streamlit", "pages", "app"}
    ]
    assert not wrong


def test_only_the_outer_parts_of_core_use_the_store() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("core")
        if path.relative_to(ROOT / "core").parts[0] not in MAY_USE_DB
        for name in imported(path)
        if name.split(".")[0] == "db"
    ]
    assert not wrong


def test_pages_never_import_a_model_library() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in [*modules("pages"), ROOT / "app.py"]
        for name in imported(path)
        if name.split(".")[0] in {"torch", "transformers", "sentence_transformers", "hnswlib"}
    ]
    assert not wrong


def test_starting_the_app_loads_no_model_library() -> None:
    code = (
        "import sys, pathlib, importlib\n"
        "for p in sorted(pathlib.Path('pages').rglob('*.py')):\n"
        "    if p.name != '__init__.py' and p.parent.name == 'parts':\n"
        "        importlib.import_module('.'.join(p.with_suffix('').parts))\n"
        "import core.live.client\n"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers', 'hnswlib')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_html_is_never_marked_safe() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in [*modules("pages"), ROOT / "app.py"]
        if "unsafe_allow_html" in path.read_text(encoding="utf-8")
    ]
    assert not wrong
