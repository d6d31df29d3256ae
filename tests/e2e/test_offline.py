"""A start, the pages and the loading of the model ask nothing of any other machine."""

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import linked_home
from tests.e2e.conftest import App, expect_no_fault, settled

pytestmark = [pytest.mark.browser, pytest.mark.model]

# Python runs a module of this name in every process that finds it: app, model worker and jobs.
WITNESS = """
import json, os, sys

def witness(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        where = arguments[1] if event == "socket.connect" else arguments
        host = where[0] if isinstance(where, tuple) else None  # else a socket of this machine
        note(event, host.decode() if isinstance(host, bytes) else host)

def note(event, host):
    line = json.dumps([event, host, sys.orig_argv])
    descriptor = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (line + "\\n").encode())
    os.close(descriptor)

note("start", None)
sys.addaudithook(witness)
"""


@pytest.fixture
def watched(icd_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """An app with all it needs on disk; every address that its processes ask for is written to
    `witness.jsonl` in its home. The offline switch of the hub library is off, as for a user."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(WITNESS, encoding="utf-8")
    app = App(linked_home(icd_home, tmp_path / "watched"), offline=False)
    monkeypatch.setenv("PYTHONPATH", str(modules))
    monkeypatch.setenv("WITNESS", str(app.home / "witness.jsonl"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    app.start()
    yield app
    app.stop()


def is_here(host: str | None) -> bool:
    if host in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def test_no_process_and_no_page_asks_another_machine(watched: App, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name in ("", "traces", "shortlist", "data", "jobs", "settings", ""):
        page.goto(f"{watched.url}/{name}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        settled(page)
        expect_no_fault(page)
    expect(page.get_by_text("Loading the model")).to_have_count(0)

    lines = (watched.home / "witness.jsonl").read_text(encoding="utf-8").splitlines()
    seen = [json.loads(line) for line in lines]
    started = [argv for event, _, argv in seen if event == "start"]
    for program in ("streamlit", "core.live.worker"):
        assert any(program in argv for argv in started), started
    assert [line for line in seen if not is_here(line[1])] == []
    assert {urlsplit(url).hostname for url in asked if url.startswith("http")} == {"127.0.0.1"}
