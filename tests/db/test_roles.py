"""Every write that a page offers asks, in the data layer, for the least role that may do it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import jobs
from core.annotation.people import Person, Role, local_person
from core.config import Settings
from core.datasets.importing import remove_dataset
from core.errors import NotAllowedError, PhaseLensError
from core.importing.uploads import keep_uploads
from core.live.client import LiveWorker
from core.models.base import ModelKind, ModelSpec
from db.annotation_models import AnnotationEventRow, OwnKeysRow, ShortlistFlagRow
from db.annotations import flag, undo
from db.boundaries import move_boundary, undo_move
from db.jobs import JobState, load_job
from db.models import JobRow, ModelRow, SliceRow
from db.models_added import add_model, remove_model
from db.own_keys import forget_keys, save_keys
from db.people import sign_in
from db.session import Store
from db.shortlist_flags import flag_shortlist, undo_shortlist_flag
from db.slices import delete_slice, save_slice
from tests.db.asked import ADA, made_traces
from tests.db.examples import CONFIG, DOCUMENT
from tests.db.test_shortlist_flags import FLAGGED

Write = Callable[[Session, Person], object]
SPEC = ModelSpec("far", ModelKind.HUB, "owner/name")
TABLES = (AnnotationEventRow, ShortlistFlagRow, SliceRow, ModelRow, OwnKeysRow, JobRow)
# Kinds of job -> who may start them; a kind that nobody has thought of is for admins.
STARTS = {"run": "annotator", "survey": "annotator", "analyse-traces": "annotator",
          "index": "lead", "fetch": "lead", "import": "lead", "import-traces": "lead",
          "distill": "lead", "results": "lead", "unheard of": "admin"}  # fmt: skip


def come(store: Store, role: Role) -> Person:
    with store.write() as session:
        return sign_in(session, id=f"iss|{role}", name=role.title(), email="", first_role=role)


def writes(store: Store) -> dict[str, tuple[Role, Write]]:
    """Name -> the least role, and the write; what is undone was done by somebody local."""
    (trace,) = made_traces(store, 1)
    with store.write() as session:
        on_trace = flag(session, ADA, trace_id=trace, verdict="good")
        on_list = flag_shortlist(session, ADA, FLAGGED, verdict="good")
        moved = move_boundary(session, ADA, trace, 3)
        save_slice(session, ADA, "old", {"system": "base"})
        add_model(session, ADA, SPEC)
    new = ModelSpec("new", ModelKind.HUB, "owner/name")
    return {
        "flag": (Role.ANNOTATOR, lambda s, by: flag(s, by, trace_id=trace, verdict="unsure")),
        "undo": (Role.ANNOTATOR, lambda s, by: undo(s, by, on_trace)),
        "flag shortlist": (
            Role.ANNOTATOR, lambda s, by: flag_shortlist(s, by, FLAGGED, verdict="unsure")
        ),
        "undo shortlist": (Role.ANNOTATOR, lambda s, by: undo_shortlist_flag(s, by, on_list)),
        "move": (Role.ANNOTATOR, lambda s, by: move_boundary(s, by, trace, 5)),
        "undo move": (Role.ANNOTATOR, lambda s, by: undo_move(s, by, moved)),
        "save slice": (Role.ANNOTATOR, lambda s, by: save_slice(s, by, "new", {"system": "x"})),
        "delete slice": (Role.ANNOTATOR, lambda s, by: delete_slice(s, by, "old")),
        "add model": (Role.ADMIN, lambda s, by: add_model(s, by, new)),
        "remove model": (Role.ADMIN, lambda s, by: remove_model(s, by, "far")),
        "save keys": (Role.VIEWER, lambda s, by: save_keys(s, by, {"shortlist.good": "g"})),
        "forget keys": (Role.VIEWER, forget_keys),
    }  # fmt: skip


def rows(store: Store) -> list[int]:
    with store.read() as session:
        counted = [select(func.count()).select_from(table) for table in TABLES]
        return [session.execute(query).scalar_one() for query in counted]


def test_every_write_is_refused_below_its_role_and_leaves_nothing(store: Store) -> None:
    people = {role: come(store, role) for role in Role}
    forged = Person("iss|nobody", "Nobody", Role.ADMIN)
    for name, (least, write) in writes(store).items():
        before = rows(store)
        below = [person for role, person in people.items() if not role.covers(least)]
        for refused in [*below, forged]:
            with pytest.raises(NotAllowedError), store.write() as session:
                write(session, refused)
        assert rows(store) == before, name
        with store.write() as session:
            write(session, people[least])


def test_what_is_said_stands_under_the_name_of_who_has_signed_in(store: Store) -> None:
    annotator = come(store, Role.ANNOTATOR)
    (trace,) = made_traces(store, 1)
    renamed = Person(annotator.id, "Somebody else", Role.ADMIN)  # what a page may believe
    with store.write() as session:
        event = flag(session, renamed, trace_id=trace, verdict="good")
        row = session.get(AnnotationEventRow, event)
        assert row is not None
        assert row.annotator == "Annotator"


@pytest.mark.parametrize("kind", STARTS)
def test_jobs_are_started_cancelled_and_resumed_by_who_may(
    store: Store, settings: Settings, kind: str
) -> None:
    least = Role(STARTS[kind])
    people = {role: come(store, role) for role in Role}
    job = jobs.submit(store, local_person(), kind, {}, "A job")
    for role, person in people.items():
        if role.covers(least):
            continue
        with pytest.raises(NotAllowedError):
            jobs.submit(store, person, kind, {}, "Another")
        with pytest.raises(NotAllowedError):
            jobs.cancel(store, person, job)
    with store.read() as session:
        assert load_job(session, job).state is JobState.QUEUED
    assert jobs.cancel(store, people[least], job).state is JobState.CANCELLED
    for role, person in people.items():
        if not role.covers(least):
            with pytest.raises(NotAllowedError):
                jobs.resume(settings, store, person, job)
    again = jobs.submit(store, people[least], kind, {}, "Another")
    assert again != job


@pytest.fixture
def worker(home: Path) -> Iterator[LiveWorker]:
    made = LiveWorker(Settings(home=home))
    yield made
    assert not made.alive, "nothing was started for who may not"


def test_what_has_no_store_asks_the_person(home: Path, worker: LiveWorker) -> None:
    settings = Settings(home=home)
    viewer, annotator = (Person("iss|x", "X", role) for role in (Role.VIEWER, Role.ANNOTATOR))
    with pytest.raises(NotAllowedError, match="annotator"):
        worker.start(viewer, CONFIG, DOCUMENT)
    with pytest.raises(NotAllowedError):
        worker.cancel(viewer, "trace")
    worker.cancel(annotator, "trace")
    with pytest.raises(NotAllowedError, match="lead"):
        keep_uploads(settings, annotator, "owner", [])
    with pytest.raises(NotAllowedError, match="lead"):
        remove_dataset(settings, annotator, "mine")
    with pytest.raises(PhaseLensError, match="no added dataset"):
        remove_dataset(settings, Person("iss|y", "Y", Role.LEAD), "mine")
