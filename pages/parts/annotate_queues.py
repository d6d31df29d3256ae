"""Queues: which there are, how far they are, and a new one."""

from collections.abc import Sequence

import streamlit as st

from core.annotation.people import Role, local_person
from core.annotation.verdicts import Compared, TaskKind
from core.errors import InputError
from core.traces.inert import one_line
from db.judgements import annotators
from db.people import people
from db.queue_sources import Rule, Source, chosen
from db.queues import MAX_OVERLAP, Queue, add_queue, close_queue, progress, queues
from db.runs import RunSummary, list_runs
from db.slices import slices
from pages.parts import errors, services
from pages.parts.compare_choice import run_title
from pages.parts.people import may, person, why_not

KINDS = {
    TaskKind.SHORTLIST: "Shortlists: is each label right, and what is missing?",
    TaskKind.TRACE: "Traces: are their phases sound, and where is the boundary?",
    TaskKind.PREFERENCE: "Preferences: which of two systems did better?",
}
RULES = {
    Rule.RANDOM: "at random", Rule.NEWEST: "newest first",
    Rule.LOWEST_RECALL: "lowest recall first", Rule.HIGHEST_CONFUSION: "highest confusion first",
    Rule.DISAGREEMENT: "where two runs disagree most",
}  # fmt: skip
COMPARED = {Compared.TRACE: "trace and answer", Compared.SHORTLIST: "shortlist"}
QUEUE, VIEW, SINGLE = "annotate_queue", "annotate_view", "annotate_trace"


def keep_address(view: str, queue: Queue, task: int | None = None) -> None:
    """Writes what is looked at into the address, so that it can be shared."""
    asked = {"view": view, "queue": queue.id}
    st.query_params.from_dict(asked | ({} if task is None else {"task": str(task)}))


def chosen_queue(mine: Sequence[Queue] | None = None) -> Queue | None:
    """Draws the choice of a queue, the same one on every view. `mine`: those to choose from, None
    for all; says so where there is none."""
    if mine is None:
        with services.store().read() as session:
            mine = queues(session)
    if not mine:
        st.markdown("**There is no queue yet.** A lead makes one in the view Queues.")
        return None
    known = {queue.id: queue for queue in mine}
    if st.session_state.get(QUEUE) not in known:
        st.session_state[QUEUE] = mine[0].id
    chosen = st.selectbox(
        "Queue", list(known), key=QUEUE, persist_state="session", width=340,
        format_func=lambda one: one_line(known[one].name, 80), label_visibility="collapsed",
    )  # fmt: skip
    return known[chosen]


def queue_list() -> None:
    """Draws every queue with its progress, and the form for a new one."""
    with services.store().read() as session:
        found = queues(session)
        me = person()
        far = {queue.id: progress(session, queue, me) for queue in found}
    if not found:
        st.markdown(
            "**There is no queue yet.** A queue is a list of shortlists or traces to judge."
        )
    for queue in found:
        with st.container(border=True, key=f"queue_{queue.id}", gap="small"):
            one = far[queue.id]
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{_plain(queue.name)}**", width="content")
                st.badge(str(queue.kind), color="blue")
                if queue.blind:
                    st.badge("blind", icon=":material/visibility_off:", color="gray")
                if queue.assigned:
                    count = len(queue.assigned)
                    st.badge(f"for {count}", icon=":material/group:", color="gray")
                if queue.closed_at:
                    st.badge("closed", icon=":material/lock:", color="orange")
                st.caption(
                    f"{queue.overlap} annotator{'s' * (queue.overlap != 1)} a task · "
                    f"by {_plain(queue.created_by) or 'nobody named'}", width="content",
                )  # fmt: skip
                st.space("stretch")
                _actions(queue)
            wanted = max(queue.tasks * queue.overlap, 1)
            st.progress(
                min(one.judgements / wanted, 1.0),
                text=f"{one.complete:,} of {queue.tasks:,} tasks complete · {one.judgements:,} "
                f"judgements · {one.mine:,} yours",
            )
    if may(Role.LEAD):
        with st.expander("New queue", icon=":material/add:", expanded=not found):
            _new()


def _actions(queue: Queue) -> None:
    closed, no = queue.closed_at is not None, why_not(Role.ANNOTATOR)
    st.button(
        "Judge", icon=":material/play_arrow:", key=f"queue_judge_{queue.id}", type="primary",
        disabled=bool(no) or closed or not queue.is_for(person()), help=no or None,
        on_click=_judge, args=(queue.id,),
    )  # fmt: skip
    if may(Role.LEAD):
        st.button(
            "Open again" if closed else "Close", key=f"queue_close_{queue.id}",
            icon=":material/lock_open:" if closed else ":material/lock:", on_click=_close,
            args=(queue.id, not closed), help="A closed queue takes no judgements.",
        )  # fmt: skip


def _judge(queue_id: str) -> None:
    st.session_state[VIEW] = "Judge"
    st.session_state[QUEUE] = queue_id
    st.session_state[SINGLE] = ""


def _close(queue_id: str, closed: bool) -> None:
    with errors.kept(), services.store().write() as session:
        close_queue(session, person(), queue_id, closed=closed)


def _new() -> None:
    """The form of a new queue."""
    with services.store().read() as session:
        saved = slices(session)
        runs = [run for run in list_runs(session, limit=200) if run.done]
    st.text_input("Name", key="new_queue_name", max_chars=100, placeholder="ICD, lowest recall")
    kind = TaskKind(
        st.selectbox("What is judged", list(TaskKind), format_func=KINDS.get, key="new_queue_kind")
    )
    left, middle, right = st.columns(3)
    pairs = kind is TaskKind.PREFERENCE
    rules = [Rule.RANDOM, Rule.DISAGREEMENT] if pairs else list(Rule)
    rule = Rule(left.selectbox("Order", rules, format_func=RULES.get, key="new_queue_rule"))
    middle.number_input("At most, tasks", 1, 1_000_000, 100, key="new_queue_limit")
    right.number_input(
        "Annotators a task", 1, MAX_OVERLAP, 1, key="new_queue_overlap",
        help="How many are to judge each task, each without seeing the others' judgements.",
    )  # fmt: skip
    if pairs:
        st.segmented_control(
            "Which is better", list(Compared), format_func=COMPARED.get, required=True,
            default=Compared.TRACE, key="new_queue_compared",
        )  # fmt: skip
    if pairs or rule is Rule.DISAGREEMENT:
        _two_runs(runs)
    else:
        st.selectbox(
            "Slice", [one.name for one in saved], index=None, key="new_queue_slice",
            placeholder="All traces", help="A set of filters that was saved on Traces.",
        )  # fmt: skip
    _only_for()
    st.checkbox(
        "Blind: hide gold labels, scores and system names", key=_blind_key(kind), value=pairs
    )
    st.button(
        "Make the queue", type="primary", icon=":material/add:", key="new_queue_make",
        on_click=_make, args=(kind, rule),
    )  # fmt: skip


def _blind_key(kind: TaskKind) -> str:
    """Of each kind its own: preferences are blind until somebody says otherwise."""
    return f"new_queue_blind_{kind}"


def _two_runs(runs: list[RunSummary]) -> None:
    known = {run.id: run for run in runs}
    st.multiselect(
        "Two runs", list(known), max_selections=2, key="new_queue_runs",
        format_func=lambda run: f"{known[run].dataset} · {run_title(known[run])}",
        placeholder="Choose two runs over one dataset",
    )  # fmt: skip


def _only_for() -> None:
    """Whom the queue is for: people who have signed in, or names where nobody signs in."""
    by_name = person().local
    with services.store().read() as session:
        known = (
            sorted(name for name in annotators(session).values() if name)
            if by_name
            else {one.id: one.name for one in people(session) if one.role.covers(Role.ANNOTATOR)}
        )
    st.multiselect(
        "Only for", list(known), key="new_queue_assigned", accept_new_options=by_name,
        format_func=lambda one: one_line(known[one] if isinstance(known, dict) else one, 60),
        placeholder="Everybody",
        help="Others do not see the queue. " + ("New names can be typed." if by_name else ""),
    )  # fmt: skip


def _assigned(chosen_ones: Sequence[str]) -> list[str]:
    return [local_person(one).id for one in chosen_ones] if person().local else list(chosen_ones)


def _make(kind: TaskKind, rule: Rule) -> None:
    state = st.session_state
    with errors.kept(), services.store().write() as session:
        asked: dict[str, str] = {}
        if state.get("new_queue_slice"):
            asked = {one.name: dict(one.asked) for one in slices(session)}[state["new_queue_slice"]]
        runs = tuple(state.get("new_queue_runs") or ())
        compared = Compared(state.get("new_queue_compared") or Compared.TRACE)
        source = Source(asked, rule, int(state["new_queue_limit"]), 0, runs, compared)
        traces = chosen(session, kind, source)
        if not traces:
            raise InputError(
                "No saved trace fits.", "Choose another slice, or run or import traces first."
            )
        queue = add_queue(
            session, person(), name=state["new_queue_name"], kind=kind, traces=traces,
            overlap=int(state["new_queue_overlap"]), blind=bool(state[_blind_key(kind)]),
            source=source.to_json(), assigned=_assigned(state.get("new_queue_assigned") or ()),
        )  # fmt: skip
        state["new_queue_name"] = ""
        _judge(queue.id)


def _plain(text: str) -> str:
    return one_line(text, 80).replace("*", r"\*").replace("[", r"\[").replace("`", r"\`")
