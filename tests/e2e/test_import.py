"""The Import tab in a real browser: upload, preview, import, report, dataset, removal."""

import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, expect_no_fault, settled

pytestmark = pytest.mark.browser


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[App]:
    """An app with nothing prepared: an import needs no model and no index."""
    app = App(tmp_path / "bare")
    app.start()
    yield app
    app.stop()


def test_data_is_uploaded_imported_reported_and_removed(
    bare: App, page: Page, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("id,name\na,Ant\nb,<b>Bee</b>\n", encoding="utf-8")
    docs = tmp_path / "docs.jsonl"
    rows = [{"id": n, "body": f"text {n}", "gold": ["ab"[n % 2]]} for n in range(50)]
    docs.write_text("".join(json.dumps(row) + "\n" for row in rows) + "oops\n", encoding="utf-8")

    page.goto(f"{bare.url}/data?data_tab=Import")
    page.get_by_label("Name of the dataset").fill("insects")
    page.locator("input[type=file]").nth(0).set_input_files(labels)
    expect(page.get_by_text("labels.csv, read as CSV")).to_be_visible()
    page.locator("input[type=file]").nth(1).set_input_files(docs)
    expect(page.get_by_text("docs.jsonl, read as JSON lines")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Import", exact=False).last.click()

    expect(page.get_by_role("heading", name="Report")).to_be_visible()
    expect(page.get_by_role("button", name="All problems as CSV")).to_be_visible()
    expect_no_fault(page)
    if folder := os.environ.get("IMPORT_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/report.png", full_page=True)

    page.get_by_role("button", name="Open the dataset").click()
    expect(page.get_by_text("Imported: 50 documents and 2 labels.")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("Imported: 50 documents and 2 labels.")).to_have_count(0)
    expect_no_fault(page)
    assert not (bare.home / "datasets" / "insects").exists()


def test_files_of_the_xmc_repository_come_in_and_are_replaced(
    bare: App, page: Page, tmp_path: Path
) -> None:
    """lbl.json(.gz), trn.json and tst.json; the same name again only with `replace`."""
    files = {name: tmp_path / name for name in ("lbl.json.gz", "trn.json", "tst.json")}
    with gzip.open(files["lbl.json.gz"], "wt", encoding="utf-8") as out:
        for row in range(3):
            out.write(json.dumps({"uid": f"L{row}", "title": f"Label {row}"}) + "\n")
    for name, count in (("trn.json", 20), ("tst.json", 10)):
        rows = [{"uid": f"{name}{n}", "title": f"text {n}", "content": "", "target_ind": [n % 3],
                 "target_rel": [1.0]} for n in range(count)]  # fmt: skip
        files[name].write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def bring_in(documents: list[Path]) -> None:
        page.get_by_label("Name of the dataset").fill("wiki")
        page.keyboard.press("Tab")
        settled(page)  # a file that is chosen while the page is drawn anew can be lost
        page.locator("input[type=file]").nth(0).set_input_files(files["lbl.json.gz"])
        expect(page.get_by_text(re.compile("lbl.json.gz, read as"))).to_be_visible()
        page.locator("input[type=file]").nth(1).set_input_files(documents)
        expect(page.get_by_text(re.compile("trn.json, read as"))).to_be_visible()
        settled(page)

    def start() -> None:
        page.get_by_role("button", name="Import", exact=False).last.click()

    page.goto(f"{bare.url}/data?data_tab=Import")
    bring_in([files["trn.json"], files["tst.json"]])
    start()
    expect(page.get_by_role("heading", name="Report")).to_be_visible()
    page.get_by_role("button", name="Open the dataset").click()
    expect(page.get_by_text("Imported: 30 documents and 3 labels.")).to_be_visible()

    page.goto(f"{bare.url}/data?data_tab=Import")
    bring_in([files["trn.json"]])
    start()
    expect(page.get_by_text("There is a dataset wiki already.")).to_be_visible()
    page.get_by_text("Replace a dataset of this name").click()
    settled(page)
    start()
    expect(page.get_by_role("heading", name="Report")).to_be_visible()
    page.get_by_role("button", name="Open the dataset").click()
    expect(page.get_by_text("Imported: 20 documents and 3 labels.")).to_be_visible()
    expect_no_fault(page)
