"""A port in use stops the app with one line that offers another."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT


@pytest.fixture(params=["listening", "bound"])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        if request.param == "listening":
            other.listen()
        yield int(other.getsockname()[1])


def test_the_app_does_not_start_on_a_port_in_use(taken: int, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "core.serve", "--port", str(taken), "--headless"],
        cwd=ROOT,
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert f"Port {taken}" in line
    assert f"make app PORT={taken + 1}" in line
    assert not home.exists(), "nothing was begun"
