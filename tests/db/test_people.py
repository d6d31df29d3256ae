"""Roles are asked for in the data layer, as the store has them now."""

import pytest

from core.annotation.people import Person, Role
from core.annotation.verdicts import TaskKind
from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from db.guidelines import guidelines, write_guidelines
from db.judgement_drafts import save_draft
from db.judgements import judge_task
from db.people import find_person, give_role, people, sign_in, visitors
from db.queues import add_queue, close_queue
from db.session import Store
from db.tasks import next_task
from tests.db.asked import GOOD, made_queue, made_traces, sent

REASON = {"id": "vague", "name": "Vague", "meaning": "", "of": "shortlist"}


def come(store: Store, name: str, role: Role = Role.VIEWER) -> Person:
    with store.write() as session:
        return sign_in(session, id=f"iss|{name}", name=name, email=f"{name}@x.org", first_role=role)


def test_who_signs_in_begins_as_viewer_and_keeps_a_role_that_was_given(store: Store) -> None:
    with store.write() as session:
        boss = sign_in(session, id="iss|b", name="Boss", email="B@x.org", admins=["b@X.org"])
        new = sign_in(session, id="iss|n", name="New", email="n@x.org")
        assert (boss.role, new.role) == (Role.ADMIN, Role.VIEWER)
        give_role(session, boss, "iss|n", Role.LEAD)
        again = sign_in(session, id="iss|n", name="Newer", email="n@x.org")
        assert (again.name, again.role) == ("Newer", Role.LEAD)
        assert [one.name for one in people(session)] == ["Boss", "Newer"]
        assert [one.person for one in visitors(session, boss)] == people(session)
        with pytest.raises(InputError, match="has to be admin"):
            give_role(session, boss, "iss|b", Role.VIEWER)
        with pytest.raises(NotAllowedError, match="admin"):
            visitors(session, again)
        with pytest.raises(UnknownNameError):
            find_person(session, "iss|nobody")
        with pytest.raises(InputError, match="subject"):
            sign_in(session, id="name:somebody", name="Local", email="")


def test_each_role_may_do_what_it_may_and_no_more(store: Store) -> None:
    queue = made_queue(store)
    (trace,) = made_traces(store, 1)
    viewer, annotator = come(store, "viewer"), come(store, "annotator", Role.ANNOTATOR)
    lead = come(store, "lead", Role.LEAD)
    with store.write() as session:
        with pytest.raises(NotAllowedError, match="annotator"):
            next_task(session, viewer, queue.id)
        with pytest.raises(NotAllowedError):
            judge_task(session, viewer, 1, sent())
        with pytest.raises(NotAllowedError):
            save_draft(session, viewer, "task:1", GOOD, 1.0)
        assert next_task(session, annotator, queue.id) is not None
        made = {"name": "more", "kind": TaskKind.SHORTLIST, "traces": [(trace, None)]}
        with pytest.raises(NotAllowedError, match="lead"):
            add_queue(session, annotator, **made)  # type: ignore[arg-type]
        with pytest.raises(NotAllowedError):
            close_queue(session, annotator, queue.id)
        with pytest.raises(NotAllowedError):
            write_guidelines(session, annotator, text="x", reasons=[], after=1)
        add_queue(session, lead, **made)  # type: ignore[arg-type]
        with pytest.raises(NotAllowedError, match="admin"):
            give_role(session, lead, annotator.id, Role.LEAD)


def test_a_role_that_was_taken_away_no_longer_helps(store: Store) -> None:
    queue = made_queue(store)
    boss = come(store, "boss", Role.ADMIN)
    stale = come(store, "ann", Role.ANNOTATOR)
    with store.write() as session:
        give_role(session, boss, stale.id, Role.VIEWER)
        with pytest.raises(NotAllowedError):
            next_task(session, stale, queue.id)
        with pytest.raises(NotAllowedError, match="not signed in"):
            next_task(session, Person("iss|forged", "X", Role.ADMIN), queue.id)


def test_guidelines_have_versions_and_two_leads_do_not_overwrite_each_other(store: Store) -> None:
    lead = come(store, "lead", Role.LEAD)
    with store.write() as session:
        assert guidelines(session).version == 1
        made = write_guidelines(session, lead, text="Read.", reasons=[REASON], after=1)
        assert (made.version, made.reasons[0].name) == (2, "Vague")
        with pytest.raises(ConflictError, match="Version 2"):
            write_guidelines(session, lead, text="Other.", reasons=[], after=1)
        assert guidelines(session) == made
        assert guidelines(session, 1).version == 1
        with pytest.raises(UnknownNameError):
            guidelines(session, 3)
        for text, reasons, words in (
            (" ", [], "no text"), ("x", [REASON, REASON], "same id"),
            ("x", [{"id": "a"}], "incomplete"),
        ):  # fmt: skip
            with pytest.raises(InputError, match=words):
                write_guidelines(session, lead, text=text, reasons=reasons, after=2)
