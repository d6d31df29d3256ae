"""Samples of Inspect's `.eval` logs as rows of traces.

Read by Inspect's own reader, in whatever Python has it (core/traces/importing/inspect_reader.py):
ours, the one named by PHASELENS_INSPECT_PYTHON, or that of the `inspect` program on the PATH.
Dataset and document come from a sample's metadata (`dataset`, `document_id`), or else from the
log's dataset and the sample's id. The reader has limits, for a log is packed: what it takes to be
read is not seen by its size. Samples beyond them are left out and named.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from core.errors import InputError
from core.importing.lines import MAX_LINE, Progress
from core.importing.problems import Kind
from core.importing.readers import Bad, Row
from core.traces.importing.inspect_reader import MARK

NAMED = "PHASELENS_INSPECT_PYTHON"
MAX_MEMBER = 64 * 1024 * 1024  # bytes of a sample, unpacked; as Python's values it takes ten times
MAX_MEMORY = 4 * 1024**3  # bytes of addresses for the whole reader
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


def eval_rows(path: Path, progress: Progress | None = None) -> Iterator[Row | Bad]:
    """Rows of a log, one a sample. Raises InputError where it cannot be read."""
    python = python_with_inspect()
    if python is None:
        raise InputError(
            f"{path.name} is an Inspect log, which Inspect's own reader reads; it is not here.",
            "Install it beside PhaseLens (uv tool install inspect-ai, or pipx install inspect-ai), "
            f"or name a Python that has it: {NAMED}.",
        )
    limits = map(str, (MAX_MEMBER, MAX_LINE - 1000, MAX_MEMORY))
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        try:
            reader = subprocess.Popen(
                [python, str(_READER), str(path), *limits], stdout=subprocess.PIPE, stderr=said
            )
        except OSError as error:
            raise InputError(
                f"{python} cannot be run ({error.strerror}).", f"Mend or unset {NAMED}."
            ) from error
        with reader:
            if reader.stdout is None:
                raise AssertionError("stdout is a pipe")
            ended, total = False, 0
            try:
                for place, line in enumerate(_lines(reader.stdout)):
                    if place == 0:
                        total = max(int(line["samples"]), 1)
                        continue
                    if progress is not None:
                        progress(path.stat().st_size * min(place, total) // total)
                    yield _row(place, line)
                ended = True
            finally:
                if not ended:
                    reader.kill()
        if reader.returncode:
            said.seek(0)
            last = (said.read().strip().splitlines() or ["no reason given"])[-1]
            raise InputError(
                f"{path.name} is no Inspect log that can be read ({last[:200]}).",
                "Check it with `inspect log dump`, and that it is whole.",
            )
        if not total:
            raise InputError(
                f"{python} did not read {path.name}.",
                f"Name a Python that has inspect_ai in {NAMED}, or unset it.",
            )


def _lines(stdout: IO[bytes]) -> Iterator[dict[str, Any]]:
    """What the reader says, line by line; what else is printed there is passed over, until it is
    too much."""
    others = 0
    while line := stdout.readline(MAX_LINE):
        whole = line.endswith(b"\n")
        if whole and line.startswith(MARK):
            yield json.loads(line[len(MARK) :].decode("utf-8", "surrogatepass"))
        else:
            others += len(line)
        if others > MAX_LINE:
            return


def _row(number: int, line: Mapping[str, Any]) -> Row | Bad:
    if "too_long" in line:
        return Bad(number, number - 1, Kind.TOO_LONG, str(line["too_long"]))
    if "malformed" in line:
        return Bad(number, number - 1, Kind.MALFORMED, str(line["malformed"]))
    return Row(number, number - 1, line["sample"])
