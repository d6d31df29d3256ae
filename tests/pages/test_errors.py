"""An error stays until it is dismissed, on every page, with its words shown as they are."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import APP, run

SCRIPT = """
import streamlit as st
from core.errors import InputError
from pages.parts import errors

errors.place()

def fail():
    with errors.kept():
        raise InputError("<b>What</b> :material/x:", "Do [this](http://evil.example).")

if st.button("in the page", key="page"):
    fail()
st.button("in a callback", key="callback", on_click=fail)

@st.fragment
def fragment():
    if st.button("in a fragment", key="fragment"):
        fail()

fragment()
st.button("anything else", key="other")
st.write("the rest of the page")
"""


def html(app: AppTest) -> list[str]:
    return [element.value for element in app.html]


def opened() -> AppTest:
    return AppTest.from_string(SCRIPT, default_timeout=30).run()


def test_an_error_is_shown_with_what_happened_and_the_fix() -> None:
    app = opened()
    for key in ("page", "callback", "fragment"):
        app = opened()
        app.button(key=key).click().run()
        assert len(html(app)) == 1, key
        assert "What" in html(app)[0]
        assert "Do [this]" in html(app)[0]
        assert "the rest of the page" in app.markdown[0].value


def test_it_stays_while_the_reader_does_something_else() -> None:
    app = opened()
    app.button(key="page").click().run()
    app.button(key="other").click().run()
    assert len(html(app)) == 1


def test_the_same_error_is_shown_once() -> None:
    app = opened()
    app.button(key="page").click().run()
    app.button(key="page").click().run()
    assert len(html(app)) == 1


def test_dismiss_takes_it_away() -> None:
    app = opened()
    app.button(key="page").click().run()
    app.button(key="dismiss_error_1").click().run()
    assert html(app) == []


def test_its_words_are_inert() -> None:
    app = opened()
    app.button(key="page").click().run()
    assert "<b>" not in html(app)[0]
    assert "&lt;b&gt;What&lt;/b&gt; :material/x:" in html(app)[0]
    assert 'role="alert"' in html(app)[0]


def test_a_setting_that_cannot_be_used_is_named_instead_of_any_page(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHASELENS_THREADS", "many")
    app = run(AppTest.from_file(str(APP), default_timeout=30))
    assert "PHASELENS_THREADS" in "\n".join(html(app))
    assert not app.title
