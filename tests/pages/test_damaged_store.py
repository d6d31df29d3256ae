"""A database that cannot be used is an error in every page, never a crash, and nothing is lost."""

from pathlib import Path

import pytest

from tests.pages import saved
from tests.pages.conftest import Open, html_of

PAGES = ("traces", "data", "jobs", "settings")


@pytest.mark.parametrize("page", PAGES)
def test_a_damaged_database_is_told_with_what_to_do(open_page: Open, home: Path, page: str) -> None:
    home.mkdir(parents=True)
    (home / "phaselens.db").write_bytes(b"this is no database at all" * 1000)
    drawn = html_of(open_page(page))
    assert 'role="alert"' in drawn
    assert "phaselens.db" in drawn
    assert (home / "phaselens.db").read_bytes().startswith(b"this is no database")


@pytest.mark.parametrize("page", PAGES)
def test_an_address_of_no_database_is_told(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setenv("PHASELENS_DATABASE_URL", "nonsense://x")
    assert 'role="alert"' in html_of(open_page(page))


def test_a_trace_of_a_damaged_database_is_told(open_page: Open, home: Path) -> None:
    trace = saved.save()
    for file in home.glob("phaselens.db*"):
        file.write_bytes(b"nothing" * 1000)
    assert 'role="alert"' in html_of(open_page("traces", trace=trace))
