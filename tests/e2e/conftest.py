"""The real app in a process of its own, driven in a real headless Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import Error as PlaywrightError

from core import jobs
from core.annotation.people import local_person
from core.config import Settings
from db.jobs import UNFINISHED, list_jobs, load_job
from db.session import open_store
from tests.conftest import linked_home

expect.set_options(timeout=90_000)

# An answer takes 10 to 20 s; on a slow machine whose index is being built, minutes.
ANSWERED_MS = 400_000

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "docs" / "screenshots"


def find_chromium() -> str | None:
    """A browser on this machine: CHROMIUM, or one of the usual names."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    return found or (str(mac) if mac.exists() else None)


def expect_no_fault(page: Page) -> None:
    """No traceback and no fault of Streamlit's on the page."""
    expect(page.get_by_test_id("stException")).to_have_count(0)


def settled(page: Page) -> None:
    """Waits until the script has run and everything it drew is there."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.locator(".stElementContainer[data-stale=true]")).to_have_count(0)


def click_until(button: Locator, shown: Locator, tries: int = 3) -> None:
    """Clicks until something is there: a click that falls into a rerun of the whole page can be
    lost to Streamlit, on a busy machine above all."""
    for _ in range(tries - 1):
        button.click()
        try:
            expect(shown).to_be_visible(timeout=20_000)
        except AssertionError:
            continue
        return
    button.click()
    expect(shown).to_be_visible()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class App:
    """A running PhaseLens and its address; can be killed and started again."""

    def __init__(self, home: Path, *, offline: bool = True, results: bool = False) -> None:
        """`results`: it brings in those that ship, as users' apps do."""
        self.home = home
        self.env = {"PHASELENS_SHIPPED_RESULTS": str(results)}
        if offline:
            self.env["HF_HUB_OFFLINE"] = "1"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "app.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "core.serve", "--port", str(self.port), "--headless"],
                cwd=ROOT,
                env={**os.environ, "PHASELENS_HOME": str(self.home), **self.env},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"the app did not start:\n{(self.home / 'app.log').read_text()[-3000:]}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        if (self.home / "phaselens.db").exists():
            self.stop_jobs()

    def stop_jobs(self) -> None:
        """A job outlives the app by design; a test leaves none behind."""
        settings = Settings(home=self.home)
        store = open_store(settings)
        with store.read() as session:
            left = [job.id for job in list_jobs(session, states=UNFINISHED)]
        for job_id in left:
            jobs.cancel(store, local_person(), job_id)
        deadline = time.monotonic() + 120
        while left:
            with store.read() as session:
                views = [load_job(session, job_id) for job_id in left]
            left = [view.id for view in views if not view.finished and not view.abandoned]
            if left and time.monotonic() > deadline:
                raise RuntimeError(f"jobs that do not stop: {left}")
            time.sleep(0.2)
        store.close()


@pytest.fixture(scope="session")
def app(icd_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app with model, data and index ready, and a database of its own."""
    running = App(linked_home(icd_home, tmp_path_factory.mktemp("app")))
    running.start()
    yield running
    running.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test tells what its page said: on another machine nobody can look."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and isinstance(page, Page):
        try:
            said = page.locator("body").inner_text(timeout=5_000)
        except PlaywrightError as error:
            said = f"(the page cannot be read: {error})"
        report.sections.append(("the page", said))
    return report


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(90_000)
    yield tab
    context.close()
