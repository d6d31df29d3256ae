"""A press waits for the script to come to its button, and counts once."""

import ast
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import press


def _script() -> None:
    import streamlit as st

    from core.errors import DataError
    from pages.parts import errors, press

    if st.session_state.pop("newer request", False):
        st.stop()  # as where Streamlit gives up a script before it comes to the button
    if st.session_state.pop("error", False):
        errors.keep(DataError("The file is gone.", "Choose another."))
    if st.session_state.pop("ends early", False):
        press.forget()
        st.stop()
    if press.button("Save", key="save", disabled=bool(st.session_state.get("off"))):
        st.session_state["saved"] = st.session_state.get("saved", 0) + 1
    with st.form("form"):
        sent = press.form_submit_button("Send", key="send")
    if sent:
        st.session_state["sent"] = st.session_state.get("sent", 0) + 1


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(_script).run()


def _count(app: AppTest, what: str) -> int:
    return int(app.session_state[what]) if what in app.session_state else 0


@pytest.mark.parametrize(("at", "what"), [(0, "saved"), (1, "sent")])
def test_a_press_counts_once(app: AppTest, at: int, what: str) -> None:
    assert _count(app, what) == 0
    app.button[at].click().run()
    assert _count(app, what) == 1
    app.run()
    assert _count(app, what) == 1


@pytest.mark.parametrize(("at", "what"), [(0, "saved"), (1, "sent")])
def test_a_press_is_kept_until_the_script_comes_to_its_button(
    app: AppTest, at: int, what: str
) -> None:
    app.session_state["newer request"] = True
    app.button[at].click().run()
    assert _count(app, what) == 0
    app.run()
    assert _count(app, what) == 1


def test_a_press_of_a_page_that_was_left_is_forgotten(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.session_state["newer request"] = True
    app.button[0].click().run()
    later = time.monotonic() + press.FORGOTTEN_S + 1
    monkeypatch.setattr(press.time, "monotonic", lambda: later)
    app.run()
    assert _count(app, "saved") == 0


@pytest.mark.parametrize("why", ["error", "ends early"])
def test_a_press_is_forgotten_where_the_script_ended_or_found_an_error_before_its_button(
    app: AppTest, why: str
) -> None:
    app.session_state[why] = True
    app.button[0].click().run()
    app.run()
    assert _count(app, "saved") == 0


def test_a_button_that_is_off_by_now_was_not_pressed(app: AppTest) -> None:
    app.session_state["newer request"] = True
    app.button[0].click().run()
    app.session_state["off"] = True
    app.run()
    app.session_state["off"] = False
    app.run()
    assert _count(app, "saved") == 0


def test_no_page_asks_a_button_of_streamlit() -> None:
    pages = Path(press.__file__).parents[1]
    found = []
    for path in pages.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        drawn = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
        for call in ast.walk(tree):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in {"button", "form_submit_button"}
                and not (isinstance(call.func.value, ast.Name) and call.func.value.id == "press")
                and id(call) not in drawn
            ):
                found.append(f"{path.relative_to(pages)}:{call.lineno}")
    assert found == []
