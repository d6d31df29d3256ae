"""A real OpenAI-compatible server process: `transformers serve` with the packaged model."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

START_S = 300


@contextmanager
def serving(model: Path, folder: Path, threads: int | None = None) -> Iterator[str]:
    """The base URL of a server for a model folder; it is ended on the way out.

    `threads`: of the server's torch; None: every core.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "server.log"
    (folder / "hub").mkdir()
    program = str(Path(sys.executable).parent / "transformers")
    where = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)}
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    with log.open("w") as out:
        server = subprocess.Popen(
            [program, "serve", str(model), *where], stdout=out, stderr=out, env=environment
        )
    try:
        wait_for(port, server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
        server.kill()
        server.wait()


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Until it listens. Raises RuntimeError with the end of its log when it does not."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")
