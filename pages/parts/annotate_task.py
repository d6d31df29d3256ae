"""The task that is to be judged next in a queue, and what is done with a key."""

import streamlit as st

from core.annotation.judgement import Judgement
from core.annotation.keys import keys_of
from core.annotation.people import Person
from core.task_view import task_view
from db.judgements import judge_task, last_of, newest, own_judgement, undo_judgement
from db.own_keys import own_keys
from db.queues import Progress, Queue, find_queue, progress
from db.tasks import Task, next_task, skip_task, take_back_skips
from db.traces import load_trace
from pages.parts import errors, services
from pages.parts.judge_desk import Desk, Open, desk
from pages.parts.people import person


def task_area(queue: Queue) -> None:
    """Draws the next task of the queue, with progress; reruns by itself after each key."""
    st.fragment(_area)(queue.id)


def _area(queue_id: str) -> None:
    with errors.kept():
        me = person()
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
    with services.store().read() as session:
        traces = [load_trace(session, one) for one in (task.trace_id, task.other_id) if one]
        after = newest(session, me, task.subject)
        earlier = own_judgement(session, me, task.subject)
    view = task_view(
        queue.kind, traces, blind=queue.blind, swapped=task.swapped(me), compared=queue.compared
    )
    view["about"] = f"Task {task.position + 1:,} of {queue.tasks:,} · {view['about']}"
    here = Desk(
        key=f"judge_{queue.id}",
        filed=lambda one: f"task:{one}",
        submit=lambda session, by, one, sent: judge_task(session, by, int(one), sent),
        skip=_skip,
        undo=lambda _: _undo(queue.id),
    )
    desk(
        here,
        Open(
            queue.kind, str(task.id), view, traces[0].summary.dataset, after,
            earlier.judgement if earlier else Judgement(),
        ),
    )  # fmt: skip


def _skip(task: str) -> None:
    with services.store().write() as session:
        skip_task(session, person(), int(task))


def _take_back_skips(queue_id: str) -> None:
    with errors.kept(), services.store().write() as session:
        take_back_skips(session, person(), queue_id)


def _undo(queue_id: str) -> None:
    with errors.kept(), services.store().write() as session:
        me = person()
        last = last_of(session, me, queue_id)
        if last is None:
            st.toast("There is nothing to undo in this queue.")
            return
        undo_judgement(session, me, last.id)
