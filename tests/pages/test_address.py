"""The address of a page: links and Back are followed, echoes of an address before are not."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import address
from tests.pages.conftest import run


def page() -> None:
    """Shows a number that its address names; `tick` runs it anew as a fragment's timer does."""
    import streamlit as st

    from pages.parts.address import Address, draw_again

    address = Address("numbers", ("n",), ("numbers_",))
    state = st.session_state
    asked = address.read()
    if asked is not None:
        state["numbers_n"] = int(asked["n"])
    st.number_input("Number", value=0, key="numbers_n")
    address.write({"n": state["numbers_n"]})
    if state.pop("tick", False):
        st.query_params["n"] = state["late"]  # the browser has not taken over the newest yet
        draw_again()


@pytest.fixture
def app() -> AppTest:
    opened = AppTest.from_function(page)
    opened.query_params["n"] = "3"
    run(opened)
    opened.number_input[0].set_value(208)
    return run(opened)


def test_a_link_is_followed_and_a_choice_is_written(app: AppTest) -> None:
    assert "".join(app.query_params["n"]) == "208"
    app.query_params["n"] = "5"
    run(app)
    assert app.number_input[0].value == 5


def test_back_is_followed(app: AppTest) -> None:
    app.query_params["n"] = "3"
    run(app)
    assert app.number_input[0].value == 3


def test_a_late_address_in_a_run_of_the_pages_own_is_passed_over(app: AppTest) -> None:
    app.session_state["tick"], app.session_state["late"] = True, "3"
    run(app)
    assert app.number_input[0].value == 208
    assert "".join(app.query_params["n"]) == "208"


def test_a_late_address_that_comes_with_a_click_is_passed_over(app: AppTest) -> None:
    app.query_params["n"] = "3"
    app.number_input[0].set_value(9)
    run(app)
    assert app.number_input[0].value == 9
    assert "".join(app.query_params["n"]) == "9"


def test_no_page_runs_again_in_another_way() -> None:
    pages = Path(address.__file__).parents[1]
    itself = {"address.py", "entry.py"}  # entry.py: before anything has been read or drawn
    found = [
        str(path.relative_to(pages))
        for path in pages.rglob("*.py")
        if path.name not in itself and "st.rerun" in path.read_text(encoding="utf-8")
    ]
    assert found == []
