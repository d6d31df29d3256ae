"""Logs of Inspect, written and read by Inspect itself, in a Python of its own."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from core.config import Settings
from core.errors import InputError
from core.traces.importing import inspect_log
from db.session import open_store
from db.trace_views import TraceFilter
from db.traces import load_trace, page_of
from tests.conftest import ROOT
from tests.traces.importing.brought import brought_in, problems, with_dataset

INSPECT = ROOT / ".venv" / "inspect" / "bin" / "python"  # requirements/install.sh dev


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    return with_dataset(home, tmp_path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of two samples, "one" and "two"."""
    folder = tmp_path_factory.mktemp("logs")
    maker = Path(__file__).with_name("make_eval.py")
    subprocess.run([INSPECT, maker, folder], check=True, cwd=folder)
    (log,) = folder.glob("*.eval")
    return log


@pytest.fixture
def log(written: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where Inspect is known."""
    monkeypatch.setenv(inspect_log.NAMED, str(INSPECT))
    return written


def test_a_log_is_read_with_its_reasoning_documents_and_gold(settings: Settings, log: Path) -> None:
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


def packed(log: Path, to: Path, **members: bytes) -> Path:
    """The log with these parts beside its own, or instead of them."""
    named = {name.replace("__", "/") + ".json": content for name, content in members.items()}
    shutil.copy(log, to)
    with zipfile.ZipFile(to, "a", zipfile.ZIP_DEFLATED) as new:
        new.filelist[:] = [one for one in new.filelist if one.filename not in named]
        new.NameToInfo = {one.filename: one for one in new.filelist}
        for name, content in named.items():
            new.writestr(name, content)
    return to


def test_a_sample_that_is_too_large_or_damaged_is_named_and_the_rest_is_read(
    settings: Settings, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect_log, "MAX_MEMBER", 1_000_000)
    large = packed(log, tmp_path / "large.eval", samples__one_epoch_1=b" " * 1_000_001)
    report = brought_in(settings, large)
    assert (report.traces, problems(report)["too long"]) == (1, [1])
    damaged = packed(log, tmp_path / "damaged.eval", samples__one_epoch_1=b'{"id": 1}')
    report = brought_in(settings, damaged)
    assert (report.known, problems(report)["malformed rows"]) == (1, [1])
    head = packed(log, tmp_path / "head.eval", header=b" " * 1_000_001)
    with pytest.raises(InputError, match=r"header\.json in it has 1,000,001 bytes"):
        brought_in(settings, head)


def test_the_reader_takes_no_more_memory_than_it_may(
    settings: Settings, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log may say less of its parts than they are: then the limit of the process counts."""
    monkeypatch.setattr(inspect_log, "MAX_MEMBER", 10**12)
    monkeypatch.setattr(inspect_log, "MAX_MEMORY", 1024**3)
    large = packed(log, tmp_path / "large.eval", samples__one_epoch_1=b" " * 500_000_000)
    report = brought_in(settings, large)
    assert (report.traces, problems(report)["too long"]) == (1, [1])


def test_what_others_print_is_no_row(
    settings: Settings, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talking = tmp_path / "python"
    talking.write_text(f'#!/bin/sh\nprintf "Hello, "\nexec {INSPECT} "$@"\n')
    talking.chmod(0o755)
    monkeypatch.setenv(inspect_log.NAMED, str(talking))
    assert brought_in(settings, log).traces == 2


@pytest.mark.parametrize("program", ["echo", "yes"])
def test_a_program_that_is_no_python_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    found = shutil.which(program)
    assert found is not None
    monkeypatch.setenv(inspect_log.NAMED, found)
    log = tmp_path / "log.eval"
    log.write_bytes(b"x")
    with pytest.raises(InputError, match=r"did not read log\.eval|no Inspect log"):
        brought_in(settings, log)


def test_columns_are_also_found_in_the_metadata_of_samples(settings: Settings, log: Path) -> None:
    """`document_id` of the first sample is d3; its `dataset` stands for a name of another."""
    report = brought_in(settings, log, columns={"system": "dataset"})
    assert report.by == {"mine / mine": 2}


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
