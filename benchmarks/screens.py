"""From a key or a click to the settled screen, in a real browser over a full store:
`python -m benchmarks.screens [--traces 100000] [--rounds 9] [--chromium PATH]`.

A throw-away store is filled as for `phaselens bench pages`, the app is started on it, and headless
Chromium lists more rows, searches, and opens traces from one another. Settled: the
script has run, nothing on the page is stale, and what was asked for is there. Milliseconds, median
and largest of the rounds, after one round that is not counted; beside them the same for a page that
does next to nothing (Settings to Jobs), which is what Streamlit itself takes.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.pages import LINKED, ROOT, add_long
from benchmarks.store_growth import fill
from core.config import Settings, load_settings
from db.session import open_store

SETTLED = """() => {
  const app = document.querySelector('[data-testid=stApp]')
  return app && app.dataset.testScriptState === 'notRunning'
    && !document.querySelector('.stElementContainer[data-stale=true]')
    && !document.querySelector('[data-testid=stSkeleton]')
}"""
PATIENCE_MS = 60_000


@contextmanager
def running(home: Path) -> Iterator[str]:
    """The app on that home; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "core.serve", "--port", str(port), "--headless"]
    url = f"http://127.0.0.1:{port}"
    with (home / "app.log").open("wb") as log:
        app = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=log,
            stderr=log,
            env={**os.environ, "PHASELENS_HOME": str(home)},
        )
        try:
            _wait(url)
            yield url
        finally:
            app.terminate()
            app.wait(timeout=60)


def _wait(url: str) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the app did not start")


def measure(url: str, near_long: str, chromium: str, rounds: int) -> dict[str, dict[str, float]]:
    """`near_long`: the trace after the one of 50,000 tokens in the list."""
    from playwright.sync_api import sync_playwright

    found: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)

        def timed(name: str, act: Callable[[], Any], there: Callable[[], Any]) -> None:
            began = time.perf_counter()
            act()
            there()
            page.wait_for_function(SETTLED, polling=10)
            found.setdefault(name, []).append((time.perf_counter() - began) * 1000)

        def settle() -> None:
            page.wait_for_function(SETTLED, polling=10)
            page.wait_for_timeout(300)

        def once() -> None:
            page.goto(f"{url}/traces")
            page.get_by_test_id("stDataFrame").first.wait_for()
            settle()
            timed(
                "list: 50 rows of it",
                lambda: page.get_by_text("50 rows", exact=True).click(),
                page.get_by_text("1 to 50 of").wait_for,
            )
            settle()
            box = page.get_by_placeholder("Words, or")
            box.fill("heart failure")
            timed("list: a search", lambda: box.press("Enter"), page.locator("mark").first.wait_for)
            settle()
            page.goto(f"{url}/traces?trace={near_long}")
            far = page.locator(".reader .step").nth(2000)  # in the long trace alone
            page.locator(".reader .step").first.wait_for()
            settle()
            timed(
                "a trace of 50,000 tokens", lambda: page.keyboard.press("p"),
                lambda: far.wait_for(state="attached"),
            )  # fmt: skip
            settle()
            timed(
                "a trace of ordinary length", lambda: page.keyboard.press("n"),
                lambda: far.wait_for(state="detached"),
            )  # fmt: skip
            settle()
            page.get_by_role("link", name="Settings").click()
            settle()
            timed(
                "the Jobs page", lambda: page.get_by_role("link", name="Jobs").first.click(),
                page.get_by_text("Running and waiting").wait_for,
            )  # fmt: skip
            settle()

        for _ in range(rounds + 1):
            once()
        browser.close()
    return {
        name: {"p50_ms": round(statistics.median(all_[1:])), "max_ms": round(max(all_[1:]))}
        for name, all_ in found.items()
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "")
    asked = parser.parse_args()
    settings = load_settings()
    with tempfile.TemporaryDirectory(prefix="phaselens-bench-") as folder:
        home = Path(folder)
        for name in LINKED:
            if (settings.home / name).exists():
                (home / name).symlink_to(settings.home / name)
        store = open_store(Settings(home=home, database_url=""))
        ids = fill(store, asked.traces)
        add_long(store)
        store.close()
        with running(home) as url:
            found = measure(url, ids[-1], asked.chromium, asked.rounds)
    print(json.dumps({"screens": found, "traces": asked.traces, "rounds": asked.rounds}, indent=1))


if __name__ == "__main__":
    main()
