"""How long a start takes: `make app` in a clone, to the open page and to the complete index.

    python -m benchmarks.start CLONE [--port 8601] [--home FOLDER]

1. `make app` runs in CLONE, with the data in the home folder; nothing of either need be there, and
   what is there makes it a later start.
2. The page is opened in headless Chromium: its first visit starts the index's job.
3. Both are ended when the index is complete.
"""

import argparse
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

from core.config import Settings
from core.shortlist.manifest import status

PATIENCE_S = 3600


def measure(clone: Path, port: int, home: Path) -> dict[str, float]:
    """Seconds from `make app` until it serves, until the page is open, and from there until the
    index of icd is complete. Raises RuntimeError where `make app` ends or time runs out."""
    from playwright.sync_api import sync_playwright

    url, began = f"http://127.0.0.1:{port}", time.perf_counter()
    made = subprocess.Popen(
        ["make", "app", f"PORT={port}"],
        cwd=clone,
        env={**os.environ, "PHASELENS_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not serves(url):
            if made.poll() is not None:
                raise RuntimeError(f"make app ended with {made.returncode}")
            time.sleep(0.05)
        served = time.perf_counter() - began
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page()
            page.goto(url)
            page.get_by_role("heading", level=1).wait_for(timeout=120_000)
            opened = time.perf_counter() - began
            while status(Settings(home=home), "icd").state != "ready":
                if time.perf_counter() - began > PATIENCE_S:
                    raise RuntimeError(f"the index is not complete after {PATIENCE_S} s")
                time.sleep(1)
            ready = time.perf_counter() - began - opened
            browser.close()
    finally:
        os.killpg(made.pid, signal.SIGINT)
        made.wait()
    return {"serves_s": served, "page_s": opened, "index_s": ready}


def serves(url: str) -> bool:
    """Whether the app answers."""
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main() -> None:
    """Prints the three times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clone", type=Path)
    parser.add_argument("--port", type=int, default=8601)
    parser.add_argument("--home", type=Path, default=None, help="default: CLONE/.home")
    asked = parser.parse_args()
    home = (asked.home or asked.clone / ".home").absolute()
    for name, seconds in measure(asked.clone, asked.port, home).items():
        print(f"{name} {seconds:.1f}")


if __name__ == "__main__":
    main()
