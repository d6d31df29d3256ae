"""A desk: one task in the judging component, and what each of its events does to the store.

A queue's tasks, a lead's settlements and single traces are judged at the same desk; they differ in
where a judgement goes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from sqlalchemy.orm import Session

from core.annotation.judgement import Judgement
from core.annotation.keys import keys_of
from core.annotation.people import Person
from core.annotation.verdicts import TaskKind
from core.datasets.base import Dataset
from core.errors import PhaseLensError
from core.task_view import on_screen
from db.guidelines import guidelines
from db.judgement_drafts import add_missing, draft, drop_missing, save_draft
from db.judgements import Submission
from db.own_keys import own_keys
from pages.parts import errors, services
from pages.parts.judge import judge
from pages.parts.label_search import can_search, label_search
from pages.parts.people import person


@dataclass(frozen=True)
class Desk:
    """Where a judgement goes. `key`: of the component; `filed`: under what a draft of a task is
    kept; `submit` stores a judgement; `skip` and `undo` do what these keys ask."""

    key: str
    filed: Callable[[str], str]
    submit: Callable[[Session, Person, str, Submission], object]
    skip: Callable[[str], None]
    undo: Callable[[str], None]


@dataclass(frozen=True)
class Open:
    """The task that lies on a desk. `task`: its name for the desk; `after`: the newest event its
    author has seen; `otherwise`: what it begins with where there is no draft; `votes`: who said
    what (core/annotation/votes.py), None where others' verdicts are not shown."""

    kind: TaskKind
    task: str
    view: Mapping[str, Any]
    dataset: str
    after: str
    otherwise: Judgement
    votes: Mapping[str, Any] | None = None


def desk(here: Desk, there: Open) -> None:
    """Draws it, and the search for a missing label once that was asked for."""
    me = person()
    with services.store().read() as session:
        said, seconds = draft(session, me, here.filed(there.task)) or (there.otherwise, 0.0)
        rules = guidelines(session)
        own = own_keys(session, me)
    st.session_state[_shown(here)] = on_screen(dict(there.view))
    search = _searched(here, there)
    judge(
        there.kind, there.view, task=there.task, after=there.after, said=said, seconds=seconds,
        missing=label_names(there.dataset, said.missing), keys=keys_of(there.kind, own),
        guidelines=rules, votes=there.votes, key=here.key, asked=_asked(here),
        searching=search is not None and can_search(search),
        on={
            "sent": lambda: _sent(here),
            "skip": lambda: _skip(here),
            "undo": lambda: _undo(here),
            "missing": lambda: _adding_asked(here),
            "drop": lambda: _drop(here),
            "draft": lambda: _draft(here),
        },
    )  # fmt: skip
    if search is not None:
        _add_missing(here, there, said, search)


def label_names(dataset: str, labels: Sequence[str]) -> list[tuple[str, str]]:
    """(id, name) of each; the id where the dataset does not know it, or is not here any more."""
    if not labels:
        return []
    try:
        space = services.dataset(dataset).labels
    except PhaseLensError:
        return [(label, label) for label in labels]
    rows = [(label, space.row(label)) for label in labels]
    return [(label, label if row is None else space.name(row)) for label, row in rows]


def _shown(here: Desk) -> str:
    return f"{here.key}_shown"


def _adding(here: Desk) -> str:
    return f"{here.key}_adding"


def _focus(here: Desk) -> str:
    return f"{here.key}_focus"


def _event(here: Desk, name: str) -> dict[str, Any]:
    """What the browser told last; {} for nothing, and where the component has gone meanwhile."""
    told = st.session_state.get(here.key)
    found = told.get(name) if told else None
    return dict(found) if found else {}


def _sent(here: Desk) -> None:
    event = _event(here, "sent")
    if not event:
        return
    said = Judgement.from_json(event["said"])
    seconds = float(event["seconds"])
    shown = st.session_state.get(_shown(here))
    with errors.kept():
        try:
            with services.store().write() as session:
                sent = Submission(said, event["after"], seconds, shown, event["token"])
                here.submit(session, person(), str(event["task"]), sent)
        except PhaseLensError:
            _keep(here, event)
            raise
    st.session_state.pop(_adding(here), None)


def _keep(here: Desk, event: Mapping[str, Any]) -> None:
    said = Judgement.from_json(event["said"])
    with services.store().write() as session:
        filed = here.filed(str(event["task"]))
        save_draft(session, person(), filed, said, float(event["seconds"]))


def _draft(here: Desk) -> None:
    event = _event(here, "draft")
    if event:
        with errors.kept():
            _keep(here, event)


def _skip(here: Desk) -> None:
    event = _event(here, "skip")
    if event:
        with errors.kept():
            _keep(here, event)
            here.skip(str(event["task"]))


def _undo(here: Desk) -> None:
    event = _event(here, "undo")
    if event:
        with errors.kept():
            _keep(here, event)  # what was said of this task; the one before is drawn now
        here.undo(str(event["task"]))


def _asked(here: Desk) -> int:
    """How often the search for a missing label was asked for here."""
    return int(st.session_state.get(f"{here.key}_asked", 0))


def _adding_asked(here: Desk) -> None:
    event = _event(here, "missing")
    if event:
        st.session_state[f"{here.key}_asked"] = _asked(here) + 1
        st.session_state[_focus(here)] = str(_asked(here))
        st.session_state[_adding(here)] = str(event["task"])
        with errors.kept():
            _keep(here, event)


def _searched(here: Desk, there: Open) -> Dataset | None:
    """The dataset in which a missing label is searched, once that was asked for; None also where it
    is not here, which is said."""
    if st.session_state.get(_adding(here)) != there.task:
        return None
    try:
        return services.dataset(there.dataset)
    except PhaseLensError as error:
        errors.card(error.what, error.fix)
        return None


def _drop(here: Desk) -> None:
    event = _event(here, "drop")
    if event:
        with errors.kept(), services.store().write() as session:
            said = Judgement.from_json(event["said"])
            filed = here.filed(str(event["task"]))
            save_draft(session, person(), filed, said, float(event["seconds"]))
            drop_missing(session, person(), filed, str(event["label"]), said)


def _add_missing(here: Desk, there: Open, said: Judgement, dataset: Dataset) -> None:
    """The search for a label that is not in the shortlist."""

    def picked(label: str) -> None:
        with errors.kept(), services.store().write() as session:
            add_missing(session, person(), here.filed(there.task), label, said)

    drawn = label_search(
        dataset, key=f"{here.key}_missing_{there.task}", exclude=said.missing, on_pick=picked,
        focus=str(st.session_state.get(_focus(here), "")), leave=True,
    )  # fmt: skip
    if drawn:  # the focus goes there once, not again whenever the box is drawn anew
        st.session_state.pop(_focus(here), None)
