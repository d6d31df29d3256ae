"""Talks in the store: lists of saved examples that two people do not overwrite."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.annotation.people import Person, Role
from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from db.people import give_role, sign_in
from db.session import Store
from db.talks import (
    MAX_NOTE,
    MAX_SLIDES,
    Talk,
    TalkSlide,
    add_talk,
    add_to_talk,
    delete_talk,
    load_talk,
    rename_talk,
    save_talk,
    slide_traces,
    talks,
)
from tests.db.asked import ADA, BEN, made_traces


def made(store: Store, *traces: str, name: str = "Monday") -> Talk:
    """A talk of these traces."""
    with store.write() as session:
        talk = add_talk(session, ADA, name)
        for number, trace in enumerate(traces):
            talk = add_to_talk(session, ADA, name, TalkSlide(trace, f"Title {number}"))
    return talk


def titles(talk: Talk) -> list[str]:
    return [slide.title for slide in talk.slides]


def test_a_talk_is_made_filled_reordered_and_read_back(store: Store) -> None:
    traces = made_traces(store, 3)
    talk = made(store, *traces, name="  Monday  talk ")
    assert (talk.name, talk.version, talk.changed_by) == ("Monday talk", 4, "Ada")
    with store.write() as session:
        talk = save_talk(session, BEN, talk.moved(2, -2))
        talk = save_talk(session, BEN, talk.moved(1, 1))
        talk = save_talk(session, BEN, talk.moved(0, -1))
        note = TalkSlide(traces[2], " A  title ", " Ask the room.\x00\n")
        talk = save_talk(session, BEN, talk.with_slide(0, note))
        talk = save_talk(session, BEN, talk.without(1))
    with store.read() as session:
        assert load_talk(session, "Monday talk") == talk
        assert talks(session) == [talk]
    assert titles(talk) == ["A title", "Title 0"]
    assert talk.slides[0].note == "Ask the room.\ufffd"
    assert (talk.version, talk.changed_by) == (9, "Ben")


def test_who_changes_an_older_version_is_told_so_and_overwrites_nothing(store: Store) -> None:
    trace, other = made_traces(store, 2)
    talk = made(store, trace)
    with store.write() as session:
        newer = save_talk(session, BEN, talk.with_slide(0, TalkSlide(trace, "Ben's")))
    for change in (
        lambda session: save_talk(session, ADA, talk.without(0)),
        lambda session: rename_talk(session, ADA, talk, "Tuesday"),
        lambda session: delete_talk(session, ADA, talk),
    ):
        with store.write() as session, pytest.raises(ConflictError, match="Ben has changed"):
            change(session)
    with store.write() as session:
        both = add_to_talk(session, ADA, "Monday", TalkSlide(other))
    assert both.slides == (*newer.slides, TalkSlide(other))


def test_examples_that_many_add_at_once_are_all_there(store: Store) -> None:
    traces = made_traces(store, 8)
    made(store)

    def add(trace: str) -> None:
        with store.write() as session:
            add_to_talk(session, BEN, "Monday", TalkSlide(trace))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, traces))
    with store.read() as session:
        talk = load_talk(session, "Monday")
    assert {slide.trace for slide in talk.slides} == set(traces)
    assert talk.version == 9


def test_names_are_taken_once_whatever_their_case(store: Store) -> None:
    talk = made(store)
    with store.write() as session:
        for name in ("monday", " ", "x" * 101):
            with pytest.raises(InputError):
                add_talk(session, ADA, name)
        other = add_talk(session, ADA, "Tuesday")
        with pytest.raises(InputError, match="already"):
            rename_talk(session, ADA, other, "MONDAY")
        renamed = rename_talk(session, ADA, talk, "MONDAY")
        assert renamed.version == 2
    with store.write() as session:
        delete_talk(session, ADA, renamed)
        with pytest.raises(UnknownNameError):
            load_talk(session, "MONDAY")
        with pytest.raises(UnknownNameError):
            save_talk(session, ADA, talk)
        assert [one.name for one in talks(session)] == ["Tuesday"]


def test_only_traces_of_this_store_come_in_and_not_too_many(store: Store) -> None:
    (trace,) = made_traces(store, 1)
    talk = made(store, trace)
    with store.write() as session:
        for change in (
            lambda: add_to_talk(session, ADA, "Monday", TalkSlide("gone")),
            lambda: save_talk(session, ADA, talk.with_slide(0, TalkSlide("gone"))),
        ):
            with pytest.raises(UnknownNameError, match="no trace 'gone'"):
                change()
        with pytest.raises(InputError, match="note has"):
            add_to_talk(session, ADA, "Monday", TalkSlide(trace, note="x" * (MAX_NOTE + 1)))
        many = dataclasses.replace(talk, slides=talk.slides * (MAX_SLIDES + 1))
        with pytest.raises(InputError, match="101 examples"):
            save_talk(session, ADA, many)
    with store.read() as session:
        assert load_talk(session, "Monday") == talk


def test_a_list_says_what_each_slide_is_of(store: Store) -> None:
    (trace,) = made_traces(store, 1)
    with store.read() as session:
        found = slide_traces(session, [trace, "gone"])
    assert list(found) == [trace]
    about = found[trace]
    assert (about.dataset, about.document_id, about.document_start) == ("icd", "d0", "Text 0")
    assert (about.system, str(about.state), about.unread) == ("base", "done", False)


def test_viewers_change_nothing_and_annotators_do(store: Store) -> None:
    (trace,) = made_traces(store, 1)
    talk = made(store, trace)
    with store.write() as session:
        boss = sign_in(session, id="boss", name="Boss", email="b@x", admins=["b@x"])
        viewer = sign_in(session, id="eva", name="Eva", email="e@x")
    pretends = Person(viewer.id, viewer.name, Role.ADMIN)
    for person in (viewer, pretends):
        for change in (
            lambda session, by: add_talk(session, by, "Tuesday"),
            lambda session, by: save_talk(session, by, talk.without(0)),
            lambda session, by: add_to_talk(session, by, "Monday", TalkSlide(trace)),
            lambda session, by: rename_talk(session, by, talk, "Tuesday"),
            lambda session, by: delete_talk(session, by, talk),
        ):
            with store.write() as session, pytest.raises(NotAllowedError, match="annotator"):
                change(session, person)
    with store.write() as session:
        assert load_talk(session, "Monday") == talk, "a viewer reads"
        give_role(session, boss, viewer.id, Role.ANNOTATOR)
        assert save_talk(session, viewer, talk.without(0)).changed_by == "Eva"
