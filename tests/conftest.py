"""Every test gets a home folder of its own; real models and data are converted once a checkout."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from core.config import Settings
    from db.session import Store

ROOT = Path(__file__).resolve().parent.parent

# Side by side (pytest-xdist), processes share the cores: two that take all of them starve each
# other. Set before torch is imported, and inherited by all that a test starts.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    THREADS = str(max((os.cpu_count() or 1) // workers, 1))
    os.environ.update(OMP_NUM_THREADS=THREADS, PHASELENS_THREADS=THREADS)

# Results that ship would stand beside what is tested; a test of them sets it otherwise.
os.environ["PHASELENS_SHIPPED_RESULTS"] = "false"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first start goes first, after any shuffling: it builds the large index, and leaves it to
    the tests after it. Then files with browsers and models, of which one test takes as long as
    another file: begun last, one would be all that still runs. Any other order gives the same
    results, later."""
    slow = {
        item.path for item in items if {"browser", "model"} & {m.name for m in item.iter_markers()}
    }
    items.sort(key=lambda item: (item.path.name != "test_first_start.py", item.path not in slow))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PHASELENS_HOME, so that no test sees the user's data or another test's."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PHASELENS_HOME", str(folder))
    monkeypatch.delenv("PHASELENS_DATABASE_URL", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """`__main__` as it was: Streamlit's AppTest leaves the page's script in its place, and every
    process that a later test spawns would begin by running it."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture
def settings(home: Path) -> "Settings":
    """Of the empty home."""
    from core.config import Settings

    return Settings(home=home)


@pytest.fixture
def store(settings: "Settings") -> "Iterator[Store]":
    """The store of these settings."""
    from db.session import open_store

    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_home() -> Path:
    """A home folder kept between runs: the converted model, the icd data and index.

    Tests may add to it only what any user's first start would.
    """
    folder = Path(os.environ.get("PHASELENS_TEST_HOME", ROOT / ".test-home"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def icd_home(shared_home: Path) -> Path:
    """The shared home with everything that `make app` prepares: model, icd data, full index."""
    from core.config import Settings
    from core.datasets.catalogue import open_dataset
    from core.models.packaged import ensure
    from core.shortlist.index import status

    settings = Settings(home=shared_home)
    ensure(settings)
    dataset = open_dataset(settings, "icd")
    if status(settings, "icd").state != "ready":
        from core.encoders import Encoder
        from core.shortlist.build import build_index

        build_index(
            settings,
            dataset,
            Encoder.load(settings),
            on_progress=lambda stage, done, total: None,
            cancelled=lambda: False,
        )
    return shared_home


def linked_home(icd_home: Path, folder: Path) -> Path:
    """A home with a database of its own and the shared model, data and index linked in."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("models", "datasets", "indexes"):
        (folder / name).symlink_to(icd_home / name)
    return folder


@pytest.fixture
def working_home(icd_home: Path, home: Path) -> Path:
    """This test's own home, with everything that `make app` prepares."""
    return linked_home(icd_home, home)


@pytest.fixture(scope="session")
def served_url(shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a real model server; it knows the model by its folder."""
    from core.config import Settings
    from core.models.packaged import ensure
    from tests.served import serving

    with serving(ensure(Settings(home=shared_home)), tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Skips loudly where there is no browser; fails when PHASELENS_REQUIRE_BROWSER is set."""
    from playwright.sync_api import sync_playwright

    from tests.e2e.conftest import find_chromium

    program = find_chromium()
    if program is None:
        reason = "NO BROWSER FOUND: the end-to-end tests did not run (install chromium)"
        if os.environ.get("PHASELENS_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        yield chromium
        chromium.close()
