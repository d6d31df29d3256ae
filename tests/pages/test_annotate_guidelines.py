"""Annotate, the views Guidelines and Keys."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.annotation.guidelines import FIRST
from core.annotation.keys import checked_keys
from core.annotation.people import local_person
from core.annotation.verdicts import TaskKind
from db.guidelines import guidelines, versions, write_guidelines
from db.own_keys import own_keys, save_keys
from pages.parts import annotate_keys
from tests.pages import saved
from tests.pages.conftest import Open, run, words_of

ADA, BEN = local_person("Ada"), local_person("Ben")


def press(app: AppTest, words: str) -> AppTest:
    next(button for button in app.button if button.label == words).click()
    return run(app)


def write(text: str, after: int) -> None:
    with saved.store().write() as session:
        reasons = FIRST.reasons_json()
        write_guidelines(session, BEN, text=text, reasons=reasons, after=after)


def test_the_newest_guidelines_are_shown_and_older_ones_can_be(open_page: Open) -> None:
    app = open_page("annotate", "Ada", view="Guidelines")
    assert "Read the text first" in words_of(app)
    assert "For a shortlist" in words_of(app)
    assert app.table[0].value["meaning"].iloc[0] == "A narrower label fits."
    write("Look twice.", after=1)
    app = open_page("annotate", "Ada", view="Guidelines")
    assert "Look twice." in words_of(app)
    assert "+Look twice." in app.code[0].value
    with saved.store().read() as session:
        app.selectbox(key="guidelines_version").select(versions(session)[1])
    run(app)
    assert "Read the text first" in words_of(app)
    assert "older: annotators see version 2" in words_of(app)


def test_a_lead_writes_a_version(open_page: Open) -> None:
    app = press(open_page("annotate", "Ada", view="Guidelines"), "Write a new version")
    app.text_area(key="guidelines_text").input("Read **all** of it.")
    run(app)
    assert words_of(app).count("Read **all** of it.") == 1, "a preview"
    press(app, "Save as version 2")
    with saved.store().read() as session:
        made = guidelines(session)
    assert (made.version, made.text, made.reasons) == (2, "Read **all** of it.", FIRST.reasons)
    assert "Version 2 · Ada" in str(app.selectbox(key="guidelines_version").options)
    assert not app.text_area


def test_a_draft_outlives_another_view_and_another_leads_version(open_page: Open) -> None:
    app = press(open_page("annotate", "Ada", view="Guidelines"), "Write a new version")
    app.text_area(key="guidelines_text").input("Mine.")
    run(app)
    app.segmented_control(key="annotate_view").set_value("Keys")
    run(app)
    write("Theirs.", after=1)
    app.segmented_control(key="annotate_view").set_value("Guidelines")
    run(app)
    assert app.text_area(key="guidelines_text").value == "Mine."
    assert "Version 2 was written by Ben" in app.warning[0].value
    assert any("+Theirs." in code.value for code in app.code)
    press(app, "Save as version 3")
    with saved.store().read() as session:
        assert guidelines(session).text == "Mine."
        assert guidelines(session, 2).text == "Theirs."


def test_a_version_without_text_is_refused_and_the_draft_stays(open_page: Open) -> None:
    app = press(open_page("annotate", "Ada", view="Guidelines"), "Write a new version")
    app.text_area(key="guidelines_text").input(" ")
    run(app)
    press(app, "Save as version 2")
    assert "The guidelines have no text." in str([one.value for one in app.html])
    assert app.text_area(key="guidelines_text").value == " "
    press(app, "Discard")
    assert not app.text_area


def test_changed_keys_are_kept_and_given_back(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("annotate", "Ada", view="Keys")
    assert "C and R are taken by the app" in words_of(app)
    with saved.store().write() as session:
        save_keys(session, ADA, checked_keys(TaskKind.SHORTLIST, {"good": "g"}))
    edited: list[dict[str, Any]] = []
    real = annotate_keys.st.data_editor  # a browser test edits; AppTest cannot

    def editor(rows: list[dict[str, Any]], **how: Any) -> list[dict[str, Any]]:
        real(rows, **how)
        edited[:] = rows
        return [{**row, "key": "z"} if row["key"] == "G" else row for row in rows]

    monkeypatch.setattr(annotate_keys.st, "data_editor", editor)
    app = open_page("annotate", "Ada", view="Keys")
    assert edited[0]["key"] == "G"
    assert edited[0]["what it does"].startswith("Good: ")
    press(app, "Use these keys")
    with saved.store().read() as session:
        assert own_keys(session, ADA)["shortlist.good"] == "Z"
    press(app, "Back to the usual keys")
    with saved.store().read() as session:
        assert own_keys(session, ADA) == {}
