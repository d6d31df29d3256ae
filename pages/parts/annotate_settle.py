"""Settle: a lead goes through the tasks on which annotators differ, sees who said what, and says
the last word with the same keys."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from sqlalchemy.orm import Session

from core.agreement.of_queue import names_of
from core.annotation.people import Person, Role
from core.annotation.votes import consensus_judgement, who_said_what
from core.errors import UnknownNameError
from core.task_view import task_view
from db.adjudication import (
    JudgedTask,
    adjudicate,
    judged_task,
    last_settled,
    newest_adjudication,
    settled,
    undo_adjudication,
)
from db.guidelines import guidelines
from db.judgements import Submission
from db.queues import Queue, find_queue
from db.tasks import find_task
from db.traces import load_trace
from pages.parts import errors, services
from pages.parts.annotate_queues import QUEUE, VIEW, chosen_queue, keep_address
from pages.parts.judge_desk import Desk, Open, desk, label_names
from pages.parts.people import may, person
from pages.parts.queue_compared import compared

TASK = "settle_task"
_SKIPPED = "settle_skipped"


def to_settle(queue_id: str, task: int | None) -> None:
    """Goes to this view, at a task or, with None, at the most disputed one; for a callback."""
    st.session_state[VIEW] = "Settle"
    st.session_state[QUEUE] = queue_id
    st.session_state[TASK] = task


def settle_view() -> None:
    """Draws the most disputed task that is not settled, or the one that was asked for."""
    if not may(Role.LEAD):
        st.info("Disagreements are settled by leads, and shown to nobody else.")
        return
    queue = chosen_queue()
    if queue is not None:
        st.fragment(_area)(queue.id)


def _area(queue_id: str) -> None:
    with errors.kept():
        with services.store().read() as session:
            queue = find_queue(session, queue_id)
            done = settled(session, queue_id)
        disputes = compared(queue).disputes
        skipped = st.session_state.setdefault(_SKIPPED, set())
        left = [one.task_id for one in disputes if one.task_id not in done]
        asked = _asked(queue)
        task = asked or next((one for one in left if one not in skipped), None)
        keep_address("Settle", queue, task if asked else None)
        total = len({one.task_id for one in disputes} | done)
        st.progress(
            (total - len(left)) / max(total, 1),
            text=f"{len(done):,} settled · {len(left):,} disputed and open"
            + (f" · {len(skipped):,} skipped" if skipped else ""),
        )
        if task is None:
            _nothing_left(queue, bool(disputes), len(skipped & set(left)))
        else:
            _task(queue, task)


def _asked(queue: Queue) -> int | None:
    """The task that a link or a row asked for, if it is one of this queue."""
    asked = st.session_state.get(TASK)
    if asked is None:
        return None
    try:
        with services.store().read() as session:
            here = find_task(session, asked).queue_id == queue.id
    except UnknownNameError:
        here = False
    if not here:
        st.session_state[TASK] = None
    return asked if here else None


def _nothing_left(queue: Queue, disputed: bool, skipped: int) -> None:
    with st.container(border=True, horizontal_alignment="center"):
        words = "Nothing is left to settle." if disputed else "Annotators differ nowhere, so far."
        st.markdown(f"**{words}**", width="content")
        with st.container(horizontal=True, horizontal_alignment="center"):
            if skipped:
                st.button(
                    f"Look again at the {skipped:,} skipped", icon=":material/replay:",
                    type="primary", key="settle_again", shortcut="S",
                    on_click=lambda: st.session_state[_SKIPPED].clear(),
                )  # fmt: skip
            st.button(
                "Undo the last settlement", icon=":material/undo:", key="settle_undo",
                shortcut="U", on_click=_undo, args=(queue.id,),
            )  # fmt: skip


def _task(queue: Queue, task_id: int) -> None:
    with services.store().read() as session:
        task = find_task(session, task_id)
        said = judged_task(session, task_id)
        traces = [load_trace(session, one) for one in (task.trace_id, task.other_id) if one]
        after = newest_adjudication(session, task_id)
        votes = _votes(said, {one.id: one.name for one in guidelines(session).reasons})
    view = task_view(queue.kind, traces, blind=False, swapped=False, compared=queue.compared)
    state = f"settled by {said.final.annotator or 'a lead'}" if said.final else "open"
    view["about"] = f"Task {task.position + 1:,} of {queue.tasks:,} · {state} · {view['about']}"
    most = consensus_judgement([one.judgement for one in said.judgements])
    here = Desk(
        key=f"settle_{queue.id}", filed=lambda one: f"settle:{one}", submit=_submit, skip=_skip,
        undo=lambda _: _undo(queue.id),
    )  # fmt: skip
    st.caption(
        "Each button names who chose it; what most say is chosen already. A verdict settles the "
        "task and brings the next."
    )
    otherwise = said.final.judgement if said.final else most
    desk(here, Open(queue.kind, str(task.id), view, said.dataset, after, otherwise, votes))


def _votes(said: JudgedTask, reasons: Mapping[str, str]) -> dict[str, Any]:
    names = names_of([said])
    missing = [label for one in said.judgements for label in one.judgement.missing]
    known = dict(label_names(said.dataset, list(dict.fromkeys(missing))))
    return who_said_what(
        [(names[one.person], one.judgement) for one in said.judgements],
        lambda label: known.get(label, label), reasons,
    )  # fmt: skip


def _submit(session: Session, by: Person, task: str, sent: Submission) -> None:
    adjudicate(session, by, int(task), sent)
    st.session_state[TASK] = None


def _skip(task: str) -> None:
    st.session_state[_SKIPPED].add(int(task))
    st.session_state[TASK] = None


def _undo(queue_id: str) -> None:
    me = person()
    with errors.kept(), services.store().write() as session:
        last = last_settled(session, me, queue_id)
        if last is None:
            st.toast("There is nothing to undo in this queue.")
            return
        undo_adjudication(session, me, last.id)
        st.session_state[TASK] = int(last.subject.removeprefix("task:"))
