"""Flags on shortlists without a run: kept with what was on the screen, never changed, undone."""

import dataclasses

import pytest
from sqlalchemy import text

from core.datasets.base import Document
from core.errors import InputError, StoreError, UnknownNameError
from core.shortlist.base import Shortlist, ShortlistRow
from db.session import Store
from db.shortlist_flags import (
    Flagged,
    count_shortlist_flags,
    flag_shortlist,
    flags_of_shortlist,
    shortlist_flags,
    undo_shortlist_flag,
)
from tests.db.asked import ADA

ROWS = tuple(ShortlistRow(i, f"label {i}", at, 0.5) for at, i in enumerate("abc", start=1))
MADE = Shortlist(ROWS, 3, 64, "minilm@1", "abcd", 900, 900, 1.0, 0.2, "fusion")
FLAGGED = Flagged("icd", Document("4280", "Heart failure", ("a", "z")), MADE, 2)


def test_a_flag_keeps_all_that_was_on_the_screen(store: Store) -> None:
    with store.write() as session:
        event = flag_shortlist(session, ADA, FLAGGED, verdict="missing_gold", comment=" z! ")
    with store.read() as session:
        [view] = flags_of_shortlist(session, FLAGGED)
    assert (view.event_id, view.verdict, view.comment) == (event, "missing_gold", "z!")
    assert (view.dataset, view.document_id, view.annotator) == ("icd", "4280", "Ada")
    shown = {"method": "fusion", "k": 3, "n": 2, "ef": 64, "index": "abcd", "labels": [*"abc"],
             "gold": ["a", "z"], "text": "Heart failure"}  # fmt: skip
    assert shown.items() <= view.shown.items()
    assert view.shown["rows"][0]["name"] == "label a"
    assert view.of(FLAGGED)


def test_a_flag_is_of_one_text_and_tells_how_labels_were_retrieved(store: Store) -> None:
    other = dataclasses.replace(FLAGGED, shortlist=dataclasses.replace(MADE, ef=128))
    own = Flagged("icd", Document("own-1", "my text", ()), MADE, 2)
    with store.write() as session:
        flag_shortlist(session, ADA, FLAGGED, verdict="good")
    with store.read() as session:
        [view] = flags_of_shortlist(session, other)
        assert not view.of(other)
        assert flags_of_shortlist(session, own) == []


def test_a_double_click_is_one_flag_and_undoing_keeps_both_events(store: Store) -> None:
    with store.write() as session:
        first = flag_shortlist(session, ADA, FLAGGED, verdict="good", client_token="click")
        assert flag_shortlist(session, ADA, FLAGGED, verdict="good", client_token="click") == first
        undone = undo_shortlist_flag(session, ADA, first)
        assert undo_shortlist_flag(session, ADA, first) == undone
        with pytest.raises(UnknownNameError):
            undo_shortlist_flag(session, ADA, undone)
    with store.read() as session:
        assert flags_of_shortlist(session, FLAGGED) == []
        count = session.execute(text("SELECT count(*) FROM shortlist_flag_events")).scalar_one()
    assert count == 2


def test_flags_are_listed_by_dataset_and_verdict_newest_first(store: Store) -> None:
    with store.write() as session:
        first = flag_shortlist(session, ADA, FLAGGED, verdict="good")
        other = dataclasses.replace(FLAGGED, dataset="mesh")
        second = flag_shortlist(session, ADA, other, verdict="unsure")
    with store.read() as session:
        assert {f.event_id for f in shortlist_flags(session)} == {first, second}
        assert [f.event_id for f in shortlist_flags(session, dataset="mesh")] == [second]
        assert [f.event_id for f in shortlist_flags(session, verdict="good")] == [first]
        assert count_shortlist_flags(session, verdict="any") == 2
        assert count_shortlist_flags(session, dataset="icd", verdict="unsure") == 0


@pytest.mark.parametrize(
    "statement",
    ["UPDATE shortlist_flag_events SET verdict = 'unsure'", "DELETE FROM shortlist_flag_events"],
)
def test_the_database_itself_refuses_to_change_an_event(store: Store, statement: str) -> None:
    with store.write() as session:
        flag_shortlist(session, ADA, FLAGGED, verdict="good")

    def tamper() -> None:
        with store.write() as session:
            session.execute(text(statement))

    with pytest.raises(StoreError, match="never"):
        tamper()


def test_text_that_no_database_stores_is_flagged_all_the_same(store: Store) -> None:
    odd = dataclasses.replace(FLAGGED, document=Document("4280", "a\x00b\ud800", ()))
    with store.write() as session:
        flag_shortlist(session, ADA, odd, verdict="good")
    with store.read() as session:
        [view] = flags_of_shortlist(session, odd)
    assert view.shown["text"] == "a\ufffdb\ufffd"


def test_wrong_flags_are_refused(store: Store) -> None:
    with store.write() as session:
        with pytest.raises(InputError, match="bad"):
            flag_shortlist(session, ADA, FLAGGED, verdict="bad")
        with pytest.raises(InputError, match="5,001"):
            flag_shortlist(session, ADA, FLAGGED, verdict="good", comment="x" * 5001)
        with pytest.raises(UnknownNameError):
            undo_shortlist_flag(session, ADA, "nothere")
