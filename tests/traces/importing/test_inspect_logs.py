"""Logs of Inspect, written and read by Inspect itself, in a Python of its own."""

import subprocess
from pathlib import Path

import pytest

from core.config import Settings
from core.errors import InputError
from core.traces.importing import inspect_log
from db.session import open_store
from db.trace_views import TraceFilter
from db.traces import load_trace, page_of
from tests.conftest import ROOT
from tests.traces.importing.brought import brought_in, with_dataset

INSPECT = ROOT / ".venv" / "inspect" / "bin" / "python"  # requirements/install.sh dev


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    return with_dataset(home, tmp_path)


def test_a_log_is_read_with_its_reasoning_documents_and_gold(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = Path(__file__).with_name("make_eval.py")
    subprocess.run([INSPECT, maker, tmp_path / "logs"], check=True, cwd=tmp_path)
    (log,) = (tmp_path / "logs").glob("*.eval")
    monkeypatch.setenv(inspect_log.NAMED, str(INSPECT))
    report = brought_in(settings, log)
    assert (report.traces, report.rejected) == (2, 0)
    assert list(report.files.values()) == ["Inspect log"]
    with open_store(settings).read() as session:
        rows = page_of(session, TraceFilter())
        found = {row.document_id: load_trace(session, row.id) for row in rows}
    assert set(found) == {"d3", "two"}
    assert found["d3"].text == "<think>\nTopic 3 or topic 2?\n</think>\n\ntopic 3"
    assert found["d3"].document.gold == ("L3",)
    assert found["two"].text == "plain topic 4"
    assert found["two"].document.text == "a text of its own"
    assert found["two"].document.gold == ("L4",)
    assert found["two"].summary.system == "mockllm/model"


def test_a_damaged_log_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(inspect_log.NAMED, str(INSPECT))
    log = tmp_path / "broken.eval"
    log.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(InputError, match="no Inspect log that can be read"):
        brought_in(settings, log)


def test_without_inspect_it_is_said_how_to_get_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(inspect_log.NAMED, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    log = tmp_path / "log.eval"
    log.write_bytes(b"x")
    with pytest.raises(InputError, match="is not here") as caught:
        brought_in(settings, log)
    assert "uv tool install inspect-ai" in caught.value.fix


def test_the_python_of_the_inspect_program_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(inspect_log.NAMED, raising=False)
    monkeypatch.setenv("PATH", str(INSPECT.parent))
    assert inspect_log.python_with_inspect() == str(INSPECT)
