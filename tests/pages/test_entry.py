"""No page runs past app.py: not by its own address, not where app.py refuses to serve."""

from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import APP, Open, html_of

PAGES = sorted(file.stem for file in (APP.parent / "pages").glob("*.py") if file.stem[0] != "_")
begin = PagesManager.__init__  # before the fixtures replace it


@pytest.fixture(autouse=True)
def first_run_of_a_server(runs_app_py: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit as it starts: no st.navigation has been called in the process yet."""
    monkeypatch.setattr(PagesManager, "__init__", begin)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opened_first_by_its_address_is_refused_as_the_app_is(
    page: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamlit.get_option", lambda name: "0.0.0.0")
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert "does not serve on 0.0.0.0" in html_of(app)
    assert not app.title
    assert not app.button


def test_a_link_opened_first_shows_its_page(home: Path, open_page: Open) -> None:
    app = open_page("traces", trace="0123456789abcdef")
    assert "There is no trace" in html_of(app)
