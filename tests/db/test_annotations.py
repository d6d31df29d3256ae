"""Flags are events: never changed, never lost, undone by another event."""

import pytest
from sqlalchemy import text

from core.annotation.verdicts import ShortlistVerdict
from core.errors import InputError, StoreError, UnknownNameError
from db.annotations import flag, flag_counts, flags_of, undo
from db.session import Store
from db.traces import begin_trace, finish_trace
from tests.db.asked import ADA
from tests.db.examples import CONFIG, DOCUMENT, record


@pytest.fixture
def trace_id(store: Store) -> str:
    with store.write() as session:
        made = begin_trace(session, run_id=None, config=CONFIG, document=DOCUMENT, origin="live")
        finish_trace(session, made, record())
    return made


def test_a_flag_is_shown_with_who_said_what_about_which_screen(store: Store, trace_id: str) -> None:
    with store.write() as session:
        event = flag(session, ADA, trace_id=trace_id, verdict="missing_gold", comment=" no! ")
    with store.read() as session:
        [view] = flags_of(session, trace_id)
    assert (view.event_id, view.verdict) == (event, ShortlistVerdict.MISSING_GOLD)
    assert (view.comment, view.annotator) == ("no!", "Ada")
    assert view.shown["labels"] == ["I50.9", "I50.1", "I51.9"]
    assert (view.shown["k"], view.shown["n"], view.shown["state"]) == (3, 2, "done")


def test_a_double_click_is_one_flag(store: Store, trace_id: str) -> None:
    with store.write() as session:
        first = flag(session, ADA, trace_id=trace_id, verdict="good", client_token="click-1")
        again = flag(session, ADA, trace_id=trace_id, verdict="good", client_token="click-1")
        other = flag(session, ADA, trace_id=trace_id, verdict="good", client_token="click-2")
    assert first == again != other


def test_undoing_takes_a_flag_away_and_keeps_both_events(store: Store, trace_id: str) -> None:
    with store.write() as session:
        kept = flag(session, ADA, trace_id=trace_id, verdict="good")
        wrong = flag(session, ADA, trace_id=trace_id, verdict="off_topic")
        event = undo(session, ADA, wrong)
        assert undo(session, ADA, wrong) == event
    with store.read() as session:
        assert [f.event_id for f in flags_of(session, trace_id)] == [kept]
        assert flag_counts(session) == dict.fromkeys(ShortlistVerdict, 0) | {"good": 1}
        assert flag_counts(session, ["another"])["good"] == 0
        events = session.execute(text("SELECT count(*) FROM annotation_events")).scalar_one()
    assert events == 3


def test_what_was_undone_can_be_flagged_again(store: Store, trace_id: str) -> None:
    with store.write() as session:
        undo(session, ADA, flag(session, ADA, trace_id=trace_id, verdict="good"))
        again = flag(session, ADA, trace_id=trace_id, verdict="good")
    with store.read() as session:
        assert [f.event_id for f in flags_of(session, trace_id)] == [again]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE annotation_events SET verdict = 'unsure'", "DELETE FROM annotation_events"],
)
def test_the_database_itself_refuses_to_change_an_event(
    store: Store, trace_id: str, statement: str
) -> None:
    with store.write() as session:
        flag(session, ADA, trace_id=trace_id, verdict="good")

    def tamper() -> None:
        with store.write() as session:
            session.execute(text(statement))

    with pytest.raises(StoreError, match="never"):
        tamper()
    with store.read() as session:
        assert flag_counts(session)["good"] == 1


def test_a_running_trace_without_a_shortlist_can_be_flagged(store: Store) -> None:
    with store.write() as session:
        made = begin_trace(session, run_id=None, config=CONFIG, document=DOCUMENT, origin="live")
        flag(session, ADA, trace_id=made, verdict="unsure")
    with store.read() as session:
        assert flags_of(session, made)[0].shown["labels"] == []


def test_wrong_flags_are_refused(store: Store, trace_id: str) -> None:
    with store.write() as session:
        with pytest.raises(UnknownNameError):
            flag(session, ADA, trace_id="nothere", verdict="good")
        with pytest.raises(InputError, match="bad"):
            flag(session, ADA, trace_id=trace_id, verdict="bad")
        with pytest.raises(InputError, match="5,001"):
            flag(session, ADA, trace_id=trace_id, verdict="good", comment="x" * 5001)
        with pytest.raises(UnknownNameError):
            undo(session, ADA, "nothere")
        event = undo(session, ADA, flag(session, ADA, trace_id=trace_id, verdict="good"))
        with pytest.raises(UnknownNameError):
            undo(session, ADA, event)
