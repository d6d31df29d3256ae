"""The task that is to be judged next in a queue, and what is done with a key."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.annotation.judgement import Judgement
from core.annotation.keys import keys_of
from core.annotation.people import Person
from core.errors import PhaseLensError
from core.task_view import on_screen, task_view
from db.guidelines import guidelines
from db.judgements import (
    Submission,
    draft,
    judge_task,
    last_of,
    newest,
    own_judgement,
    save_draft,
    undo_judgement,
)
from db.own_keys import own_keys
from db.queues import Progress, Queue, find_queue, progress
from db.tasks import Task, next_task, skip_task, take_back_skips
from db.traces import load_trace
from pages.parts import errors, services
from pages.parts.judge import judge
from pages.parts.label_search import label_search
from pages.parts.people import person

_ADDING, _SHOWN = "annotate_adding", "annotate_shown"


def task_area(queue: Queue) -> None:
    """Draws the next task of the queue, with progress; reruns by itself after each key."""
    st.fragment(_area)(queue.id)


def _area(queue_id: str) -> None:
    me = person()
    with errors.kept():
        with services.store().write() as session:
            task = next_task(session, me, queue_id)
        with services.store().read() as session:
            queue = find_queue(session, queue_id)
            far = progress(session, queue, me)
        _progress(queue, far)
        if task is None:
            _nothing_left(queue, me, far)
        else:
            _task(queue, task, me)


def _progress(queue: Queue, far: Progress) -> None:
    wanted = max(queue.tasks * queue.overlap, 1)
    done = min(far.judgements / wanted, 1.0)
    words = f"{far.judgements:,} of {wanted:,} judgements · {far.mine:,} yours"
    if far.last_hour:
        words += f" · {far.last_hour:,} of them in the last hour"
    if far.skipped:
        words += f" · {far.skipped:,} skipped"
    st.progress(done, text=words)


def _nothing_left(queue: Queue, me: Person, far: Progress) -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown("**Nothing is left for you in this queue.**", width="content")
        others = queue.tasks - far.complete - far.skipped
        if others > 0:
            st.markdown(
                f"{others:,} {'task waits' if others == 1 else 'tasks wait'} for others.",
                width="content",
            )
        with services.store().read() as session:
            keys = keys_of(queue.kind, own_keys(session, me))
        with st.container(horizontal=True, horizontal_alignment="center"):
            if far.skipped:
                st.button(
                    f"Look again at the {far.skipped:,} skipped", icon=":material/replay:",
                    key="annotate_skipped", shortcut=keys["skip"], type="primary",
                    on_click=_take_back_skips, args=(queue.id,),
                )  # fmt: skip
            st.button(
                "Undo the last judgement", icon=":material/undo:", key="annotate_undo_last",
                shortcut=keys["undo"], disabled=not far.mine, on_click=_undo, args=(queue.id,),
            )  # fmt: skip


def _task(queue: Queue, task: Task, me: Person) -> None:
    key = f"judge_{queue.id}"
    with services.store().read() as session:
        traces = [load_trace(session, one) for one in (task.trace_id, task.other_id) if one]
        after = newest(session, me, task.subject)
        kept = draft(session, me, task.subject)
        earlier = own_judgement(session, me, task.subject)
        rules = guidelines(session)
        own = own_keys(session, me)
    said, seconds = kept or (earlier.judgement if earlier else Judgement(), 0.0)
    view = task_view(queue.kind, traces, blind=queue.blind, swapped=task.swapped(me))
    st.session_state[_SHOWN] = on_screen(view)
    view["about"] = f"Task {task.position + 1:,} of {queue.tasks:,} · {view['about']}"
    names = _names(traces[0].summary.dataset, said.missing)
    judge(
        queue.kind, view, task=task.id, after=after, said=said, seconds=seconds,
        missing=names, keys=keys_of(queue.kind, own), guidelines=rules, key=key,
        on={
            "sent": lambda: _sent(key),
            "skip": lambda: _skip(key),
            "undo": lambda: _undo(queue.id),
            "missing": lambda: _adding(key),
            "drop": lambda: _drop(key),
            "draft": lambda: _draft(key),
        },
    )  # fmt: skip
    if st.session_state.get(_ADDING) == task.id:
        _add_missing(task, traces[0].summary.dataset, said)


def _event(key: str, name: str) -> dict[str, Any]:
    found = st.session_state[key].get(name)
    return dict(found) if found else {}


def _sent(key: str) -> None:
    event = _event(key, "sent")
    if not event:
        return
    said = Judgement.from_json(event["said"])
    me, subject = person(), f"task:{event['task']}"
    seconds = float(event["seconds"])
    with errors.kept():
        try:
            with services.store().write() as session:
                sent = Submission(
                    said, event["after"], seconds, st.session_state.get(_SHOWN), event["token"]
                )
                judge_task(session, me, int(event["task"]), sent)
        except PhaseLensError:
            with services.store().write() as session:
                save_draft(session, me, subject, said, seconds)
            raise
    st.session_state.pop(_ADDING, None)


def _keep(event: dict[str, Any], said: Judgement | None = None) -> None:
    subject = f"task:{event['task']}"
    with services.store().write() as session:
        kept = said or Judgement.from_json(event["said"])
        save_draft(session, person(), subject, kept, float(event["seconds"]))


def _draft(key: str) -> None:
    event = _event(key, "draft")
    if event:
        with errors.kept():
            _keep(event)


def _skip(key: str) -> None:
    event = _event(key, "skip")
    if event:
        with errors.kept():
            _keep(event)
            with services.store().write() as session:
                skip_task(session, person(), int(event["task"]))


def _take_back_skips(queue_id: str) -> None:
    with errors.kept(), services.store().write() as session:
        take_back_skips(session, person(), queue_id)


def _undo(queue_id: str) -> None:
    me = person()
    with errors.kept(), services.store().write() as session:
        last = last_of(session, me, queue_id)
        if last is None:
            st.toast("There is nothing to undo in this queue.")
            return
        undo_judgement(session, me, last.id)
        save_draft(session, me, last.subject, last.judgement, last.seconds or 0.0)


def _adding(key: str) -> None:
    event = _event(key, "missing")
    if event:
        with errors.kept():
            _keep(event)
        st.session_state[_ADDING] = int(event["task"])


def _drop(key: str) -> None:
    event = _event(key, "drop")
    if event:
        said = Judgement.from_json(event["said"])
        left = tuple(label for label in said.missing if label != event["label"])
        with errors.kept():
            _keep(event, replace(said, missing=left))


def _names(dataset: str, labels: tuple[str, ...]) -> list[tuple[str, str]]:
    if not labels:
        return []
    space = services.dataset(dataset).labels
    found = []
    for label in labels:
        row = space.row(label)
        found.append((label, label if row is None else space.name(row)))
    return found


def _add_missing(task: Task, dataset: str, said: Judgement) -> None:
    """The search for a label that is not in the shortlist."""

    def picked(label: str) -> None:
        with errors.kept(), services.store().write() as session:
            me = person()
            kept = draft(session, me, task.subject)
            so_far, seconds = kept or (said, 0.0)
            added = tuple(dict.fromkeys((*so_far.missing, label)))
            save_draft(session, me, task.subject, replace(so_far, missing=added), seconds)

    label_search(
        services.dataset(dataset), key=f"missing_{task.id}", exclude=said.missing, on_pick=picked
    )
