"""One click flags a shortlist; the flag is stored as an event, shown again, and can be undone."""

from streamlit.testing.v1 import AppTest

from core.annotation.verdicts import ShortlistVerdict
from db.annotations import FlagView, flags_of
from tests.pages import saved
from tests.pages.conftest import Open, run, words_of


def standing(trace: str) -> list[FlagView]:
    with saved.store().read() as session:
        return flags_of(session, trace)


def click(app: AppTest, verdict: str, trace: str) -> None:
    app.button(key=f"flag_{verdict}_{trace}").click()
    run(app)


def undo_buttons(app: AppTest) -> list[str]:
    """Keys of the buttons that take a flag back."""
    keys = [button.key or "" for button in app.button]
    return [key for key in keys if key.startswith("undo_flag_")]


def test_one_click_sets_a_flag(open_page: Open) -> None:
    trace = saved.save()
    click(open_page("traces", trace=trace), "missing_gold", trace)
    (flag,) = standing(trace)
    assert flag.verdict == "missing_gold"
    assert flag.shown["labels"] == ["I50.9", "I50.1", "I51.9"]


def test_a_flag_is_shown_again(open_page: Open) -> None:
    trace = saved.save()
    click(open_page("traces", trace=trace), "good", trace)
    app = open_page("traces", trace=trace)
    assert "no name" in words_of(app)
    assert undo_buttons(app)


def test_a_comment_and_the_annotators_name_go_with_the_flag(open_page: Open) -> None:
    trace = saved.save()
    app = open_page("traces", trace=trace)
    app.text_input(key=f"flag_name_{trace}").set_value("  Ada   Lovelace ")
    run(app)
    app.text_input(key=f"flag_comment_{trace}").set_value("the <b>second</b> one")
    click(app, "off_topic", trace)
    (flag,) = standing(trace)
    assert (flag.annotator, flag.comment) == ("Ada Lovelace", "the <b>second</b> one")
    assert app.text_input(key=f"flag_comment_{trace}").value == ""


def test_a_second_click_on_the_same_verdict_adds_nothing(open_page: Open) -> None:
    trace = saved.save()
    app = open_page("traces", trace=trace)
    click(app, "good", trace)
    click(app, "good", trace)
    assert len(standing(trace)) == 1


def test_a_later_comment_takes_the_place_of_the_flag_without_one(open_page: Open) -> None:
    trace = saved.save()
    app = open_page("traces", trace=trace)
    click(app, "good", trace)
    app.text_input(key=f"flag_comment_{trace}").set_value("very")
    click(app, "good", trace)
    assert [flag.comment for flag in standing(trace)] == ["very"]


def test_undo_takes_the_flag_back(open_page: Open) -> None:
    trace = saved.save()
    app = open_page("traces", trace=trace)
    click(app, "unsure", trace)
    (flag,) = standing(trace)
    app.button(key=f"undo_flag_{flag.event_id}").click()
    run(app)
    assert standing(trace) == []
    assert not undo_buttons(app)


def test_every_verdict_on_a_shortlist_can_be_given(open_page: Open) -> None:
    trace = saved.save()
    app = open_page("traces", trace=trace)
    for verdict in ShortlistVerdict:
        click(app, verdict, trace)
    assert [flag.verdict for flag in standing(trace)] == list(ShortlistVerdict)
