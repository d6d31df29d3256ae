"""Samples of Inspect's `.eval` logs as rows of traces.

Read by Inspect's own reader, in whatever Python has it (core/traces/importing/inspect_reader.py):
ours, the one named by PHASELENS_INSPECT_PYTHON, or that of the `inspect` program on the PATH.
Dataset and document come from a sample's metadata (`dataset`, `document_id`), or else from the
log's dataset and the sample's id.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.errors import InputError
from core.importing.lines import Progress
from core.importing.readers import Row

NAMED = "PHASELENS_INSPECT_PYTHON"
_READER = Path(__file__).with_name("inspect_reader.py")


def python_with_inspect() -> str | None:
    """A Python that has inspect_ai, or None."""
    if named := os.environ.get(NAMED):
        return named
    if importlib.util.find_spec("inspect_ai") is not None:
        return sys.executable
    program = shutil.which("inspect")
    if program is None:
        return None
    with Path(program).open("rb") as file:  # a script that pip, pipx or uv made: "#!/path/python"
        first = file.readline(1000)
    if not first.startswith(b"#!"):
        return None
    python = first[2:].decode("utf-8", "replace").strip()
    return python if Path(python).exists() else None


def eval_rows(path: Path, progress: Progress | None = None) -> Iterator[Row]:
    """Rows of a log, one a sample. Raises InputError where it cannot be read."""
    python = python_with_inspect()
    if python is None:
        raise InputError(
            f"{path.name} is an Inspect log, which Inspect's own reader reads; it is not here.",
            "Install it beside PhaseLens (uv tool install inspect-ai, or pipx install inspect-ai), "
            f"or name a Python that has it: {NAMED}.",
        )
    size = path.stat().st_size
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        try:
            reader = subprocess.Popen(
                [python, str(_READER), str(path)], stdout=subprocess.PIPE, stderr=said,
                encoding="utf-8",
            )  # fmt: skip
        except OSError as error:
            raise InputError(
                f"{python} cannot be run ({error.strerror}).", f"Mend or unset {NAMED}."
            ) from error
        with reader:
            if reader.stdout is None:
                raise AssertionError("stdout is a pipe")
            total = 1
            for place, line in enumerate(reader.stdout):
                values = json.loads(line)
                if place == 0:
                    total = max(int(values["samples"]), 1)
                    continue
                if progress is not None:
                    progress(size * place // total)
                yield Row(place, place - 1, values)
        if reader.returncode:
            said.seek(0)
            last = (said.read().strip().splitlines() or ["no reason given"])[-1]
            raise InputError(
                f"{path.name} is no Inspect log that can be read ({last[:200]}).",
                "Check it with `inspect log dump`, and that it is whole.",
            )
