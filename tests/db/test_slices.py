"""Filters in words, and under a name."""

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import InputError, UnknownNameError
from db.session import Store
from db.slices import delete_slice, find_slice, save_slice, slices
from db.trace_asked import F1S, LENGTHS, NAMES, filter_of
from db.trace_views import TraceFilter
from tests.db.asked import ADA


def test_words_mean_a_filter() -> None:
    now = datetime(2026, 1, 10, tzinfo=UTC)
    asked = {
        "dataset": "icd", "text": "heart", "phases": "without phases", "since": "last week",
        "length": "1,000 to 10,000", "f1": "at most 0.5", "boundary": "human", "run": "ab",
    }  # fmt: skip
    assert filter_of(asked, now) == TraceFilter(
        dataset="icd", text="heart", has_phases=False, since=now - timedelta(weeks=1),
        chars_from=1_000, chars_to=10_000, f1_to=0.5, boundary_source="human", run_id="ab",
    )  # fmt: skip
    assert filter_of({}) == TraceFilter() == filter_of({"phases": "?", "nothing": "x", "f1": ""})


def test_the_lengths_meet_and_the_f1s_are_in_their_range() -> None:
    parts = list(LENGTHS.values())
    assert parts[0][0] is None
    assert parts[-1][1] is None
    assert [one[1] for one in parts[:-1]] == [one[0] for one in parts[1:]]
    for low, high in F1S.values():
        assert (low or 0.0) <= (1.0 if high is None else high)


def test_a_slice_is_kept_found_and_deleted(store: Store) -> None:
    with store.write() as session:
        save_slice(
            session, ADA, "  lost  in reasoning ", {"fate": "dropped in reasoning", "x": "y"}
        )
        save_slice(session, ADA, "a", {"system": "base"})
    with store.read() as session:
        assert [one.name for one in slices(session)] == ["a", "lost in reasoning"]
        found = find_slice(session, "lost in reasoning")
    assert found.asked == {"fate": "dropped in reasoning"}
    assert found.filter == TraceFilter(fate="dropped in reasoning")
    assert set(found.asked) <= set(NAMES)
    with store.write() as session:
        delete_slice(session, ADA, "a")
        delete_slice(session, ADA, "a")
        with pytest.raises(UnknownNameError, match="no slice named 'a'"):
            find_slice(session, "a")


def test_a_name_is_taken_once_and_an_empty_filter_is_no_slice(store: Store) -> None:
    with store.write() as session:
        save_slice(session, ADA, "one", {"system": "base"})
        with pytest.raises(InputError, match="already"):
            save_slice(session, ADA, "one", {"system": "other"})
        save_slice(session, ADA, "one", {"system": "other"}, replace=True)
        assert find_slice(session, "one").asked == {"system": "other"}
        for name, asked in (("", {"system": "base"}), ("x" * 99, {"system": "b"}), ("n", {})):
            with pytest.raises(InputError):
                save_slice(session, ADA, name, asked)
