"""Annotate: work through a queue of shortlists or traces with one key a verdict.

The address names the view, the queue and, in Settle, the task: `?view=Settle&queue=ID&task=N`;
`?trace=ID` is one trace outside any queue.
"""

import streamlit as st

from core.annotation.people import Role
from core.errors import StoreError
from db.queues import queues
from pages.parts import entry, errors, services
from pages.parts.address import whole
from pages.parts.annotate_agreement import agreement_view
from pages.parts.annotate_guidelines import beside_task, guidelines_view
from pages.parts.annotate_keys import keys_view
from pages.parts.annotate_queues import QUEUE, SINGLE, VIEW, chosen_queue, keep_address, queue_list
from pages.parts.annotate_settle import TASK, settle_view
from pages.parts.annotate_single import single_area
from pages.parts.annotate_task import task_area
from pages.parts.annotate_use import use_view
from pages.parts.annotator import name_field
from pages.parts.people import may, person, why_not
from pages.parts.who import who_popover

VIEWS = ("Judge", "Queues", "Agreement", "Settle", "Use", "Guidelines", "Keys")


def chosen_view() -> str:
    """Draws the views; the one in the address at first."""
    asked = st.query_params.get("view")
    if VIEW not in st.session_state:
        st.session_state[VIEW] = asked if asked in VIEWS else "Judge"
    if QUEUE not in st.session_state and st.query_params.get("queue"):
        st.session_state[QUEUE] = st.query_params["queue"]
    if st.query_params.get("trace"):  # a link to one trace; another view drops it
        st.session_state[VIEW] = "Judge"
        st.session_state[SINGLE] = st.query_params["trace"]
    if TASK not in st.session_state:
        st.session_state[TASK] = whole(st.query_params.get("task", ""))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Annotate", width="content", anchor=False)
        view = st.segmented_control(
            "View", VIEWS, key=VIEW, required=True, persist_state="session",
            label_visibility="collapsed", on_change=lambda: st.query_params.pop("trace", None),
        )  # fmt: skip
        st.space("stretch")
        who_popover("annotate_name")
    return str(view)


def judging() -> None:
    """The queue that is chosen, and its next task."""
    no = why_not(Role.ANNOTATOR)
    if no:
        st.info(no, icon=":material/lock:")
        return
    trace = str(st.session_state.get(SINGLE, ""))
    if trace and not person().name:
        who_are_you()
        return
    if trace:
        st.query_params.from_dict({"view": "Judge", "trace": trace})
        single_area(trace)
        return
    with services.store().read() as session:
        mine = [queue for queue in queues(session, person()) if queue.closed_at is None]
    if not mine:
        with st.container(border=True, horizontal_alignment="center"):
            st.markdown("**There is no open queue for you.**", width="content")
            st.markdown(
                "A queue is a list of shortlists or traces to judge, made from a slice of Traces "
                "or a rule.", width="content",
            )  # fmt: skip
            st.button("Make a queue", icon=":material/add:", on_click=_to_queues,
                      disabled=not may(Role.LEAD))  # fmt: skip
        return
    if not person().name:
        who_are_you()
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        queue = chosen_queue(mine)
        if queue is None:
            return
        with st.popover("Guidelines", icon=":material/menu_book:"):
            beside_task(queue.kind)
    keep_address("Judge", queue)
    task_area(queue)


def who_are_you() -> None:
    """Asks for the name first: a task is claimed for somebody, and judged once by each."""
    with st.container(border=True, width=420):
        st.markdown("**Who is judging?** Your name stands with each judgement.")
        name_field("annotate_who")


def _to_queues() -> None:
    st.session_state[VIEW] = "Queues"


entry.through_app()
try:
    view = chosen_view()
    if view == "Judge":
        judging()
    else:
        if view not in ("Agreement", "Settle"):  # these name their queue as well
            st.query_params.from_dict({"view": view})
        {
            "Queues": queue_list, "Agreement": agreement_view, "Settle": settle_view,
            "Use": use_view, "Guidelines": guidelines_view, "Keys": keys_view,
        }[view]()  # fmt: skip
except StoreError as error:
    errors.card(error.what, error.fix)
