"""Runs commands in this process, and in a process of its own where that is the point."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from core.cli import app

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit status, stdout, stderr."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """stdout as exactly one JSON object."""
        found = json.loads(self.stdout)
        assert isinstance(found, dict)
        return found

    @property
    def line(self) -> str:
        """stderr as exactly one line."""
        lines = self.stderr.splitlines()
        assert len(lines) == 1, self.stderr
        return lines[0]


Cli = Callable[..., Outcome]


@pytest.fixture
def cli(home: Path) -> Cli:
    """`cli("data", "info", "icd")` in this process."""

    def run(*words: str, stdin: str | None = None) -> Outcome:
        result = CliRunner().invoke(app, list(words), input=stdin)
        unexpected = result.exception
        if unexpected is not None and not isinstance(unexpected, SystemExit):
            raise unexpected
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def process(home: Path) -> Cli:
    """`process("doctor")` as a process of its own, as a user's shell starts it."""

    def run(*words: str, stdin: str | None = None) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", *words],
            cwd=ROOT,
            env=os.environ.copy(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run
