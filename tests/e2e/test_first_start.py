"""What a stranger does first: start, run while the index still builds, come back by link."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.config import Settings
from core.models.packaged import ensure
from core.shortlist.index import status
from core.study.pack_parts import dataset_of, parts_of, read_lines
from core.study.shipped import SPLITS, shipped_packs
from tests.e2e.conftest import ANSWERED_MS, App, expect_no_fault, settled

pytestmark = [pytest.mark.browser, pytest.mark.model]

INDEX_S = 1500  # about 90 s alone on 2 cores with 8-bit instructions; without them, minutes


@pytest.fixture(scope="module")
def fresh(shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A first start: the converted model is there (`make app` made it), nothing else.

    The index it builds is kept for the other tests when they have none yet: this test runs
    first (tests/conftest.py), so that a fresh checkout builds it once, not twice.
    """
    ensure(Settings(home=shared_home))
    home = tmp_path_factory.mktemp("first")
    (home / "models").symlink_to(shared_home / "models")
    app = App(home, results=True)
    app.start()
    yield app
    app.stop()
    if (
        status(Settings(home=home), "icd").state == "ready"
        and status(Settings(home=shared_home), "icd").state != "ready"
    ):
        for name in ("datasets", "indexes"):
            shutil.copytree(home / name, shared_home / name, dirs_exist_ok=True)


def shipped_traces(dataset: str) -> int:
    """Those that come with the project and are in the store once the dataset is there."""
    parts = [part for folder in shipped_packs() for part in parts_of(folder, SPLITS)]
    of_it = [part for part in parts if dataset_of(part) == dataset]
    return sum("document" in line for part in of_it for line in read_lines(part))


def run_and_wait(page: Page) -> None:
    before, run = trace_in(page), page.get_by_role("button", name=re.compile("^Run"))
    run.click()
    page.wait_for_url(lambda _: trace_in(page) not in ("", before), wait_until="commit")
    expect(run).to_be_enabled(timeout=ANSWERED_MS)  # as it is not while the model writes
    settled(page)
    expect(page.get_by_role("heading", name="Final labels")).to_be_visible()


def trace_in(page: Page) -> str:
    found = re.search(r"trace=([0-9a-f]{16})", page.url)
    return found[1] if found else ""


def test_the_main_job_from_first_start_to_a_link_after_a_restart(fresh: App, page: Page) -> None:
    page.goto(fresh.url)
    expect(page.get_by_text(re.compile("labels so far|index is not built"))).to_be_visible()

    # Before the index is ready, a search covers what is encoded so far, and says so.
    expect(page.get_by_text(re.compile(r"Searches cover [\d,]+ of 74,044 labels so far"))
           ).to_be_visible(timeout=INDEX_S * 1000)  # fmt: skip
    run_and_wait(page)
    expect(page.get_by_text(re.compile(r"[\d,]+ of 74,044 labels"))).not_to_have_count(0)
    expect_no_fault(page)

    # The notice goes by itself once the index is ready.
    expect(page.get_by_text(re.compile("labels so far|the fast index is being made"))
           ).to_have_count(0, timeout=INDEX_S * 1000)  # fmt: skip
    run_and_wait(page)
    caption = page.get_by_text(re.compile(r"50 (nearest|best) of 74,044 labels · HNSW"))
    expect(caption).to_be_visible()
    for stage in ("Embed the text", "Search labels", "Reason over candidates"):
        expect(page.get_by_text(re.compile(rf"{stage} · [\d.]+ m?s"))).to_be_visible()
    expect(page.get_by_role("heading", name="Fate of each gold label")).to_be_visible()
    trace_id = trace_in(page)

    # Traces lists it; after a restart the link opens it again, without any model.
    page.get_by_role("link", name="Traces").click()
    expect(page.get_by_text(f"1 to 25 of {shipped_traces('icd') + 2:,}")).to_be_visible()
    fresh.stop()
    started = time.monotonic()
    fresh.start()
    page.goto(f"{fresh.url}/traces?trace={trace_id}")
    expect(page.get_by_role("heading", name="Final labels")).to_be_visible()
    expect(caption).to_be_visible()
    print(f"from start to the saved trace: {time.monotonic() - started:.1f} s")
    expect_no_fault(page)
