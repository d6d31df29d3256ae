"""Agreement: how far the annotators of a queue say the same, who differs from whom, and what gold
may have wrong."""

import altair as alt
import pandas as pd
import streamlit as st

from core.agreement.base import Agreement
from core.agreement.of_queue import QueueAgreement
from core.agreement.summary import Summary
from core.annotation.people import Role
from core.traces.inert import one_line
from db.adjudication import settled
from db.guidelines import guidelines
from db.queues import Queue
from pages.parts import services
from pages.parts.annotate_queues import chosen_queue, keep_address
from pages.parts.annotate_settle import to_settle
from pages.parts.judge_desk import label_names
from pages.parts.people import may
from pages.parts.queue_compared import compared

HELP = (
    "Krippendorff's alpha and the kappas are 1 where all agree and 0 where they agree as often as "
    "by chance. Many ask for an alpha of 0.8, and take 0.67 for tentative conclusions. Lines are "
    "95% intervals (bootstrap over tasks)."
)
SHOWN = 200  # rows of a table


def agreement_view() -> None:
    """Draws everything; a lead's, since others' verdicts are on it."""
    if not may(Role.LEAD):
        st.info("Agreement is shown to leads, so that annotators judge by themselves.")
        return
    queue = chosen_queue()
    if queue is None:
        return
    keep_address("Agreement", queue)
    found = compared(queue)
    if not found.tasks:
        st.markdown("**Nobody has judged a task of this queue yet.**")
        return
    _head(queue, found)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _statistics(found)
    with right:
        _pairs(found)
    _disputes(queue, found)
    _annotators(found)
    _reasons(found)
    _errors(found)


def _head(queue: Queue, found: QueueAgreement) -> None:
    with services.store().read() as session:
        done = len(settled(session, queue.id))
    open_ones = len(found.disputes)
    for column, name, value, help_text in zip(
        st.columns(4),
        ("Tasks judged", "by two or more", "disputed", "settled"),
        (found.tasks, found.shared, open_ones, done),
        (
            f"Of {queue.tasks:,} in the queue.", "Only these can agree or disagree.",
            "Annotators differ on the verdict, a label or the boundary.",
            "A lead has said the last word (view Settle).",
        ),
        strict=True,
    ):  # fmt: skip
        column.metric(name, f"{value:,}", help=help_text)


def _rows(name: str, some: Summary) -> list[dict[str, object]]:
    def row(one: Agreement) -> dict[str, object]:
        return {
            "of": name, "statistic": str(one.statistic), "value": one.value, "low": one.low,
            "high": one.high, "items": one.items, "annotators": one.annotators,
            "why not": one.reason,
        }  # fmt: skip

    return [row(one) for one in (some.alpha, some.fleiss, some.cohen, some.percent)]


def _statistics(found: QueueAgreement) -> None:
    st.header("Agreement", help=HELP)
    rows = _rows("both phases" if found.by_name else "verdict", found.verdicts)
    for name, some in found.by_name.items():
        rows += _rows(name, some)
    if found.labels is not None:
        rows += _rows("single labels", found.labels)
    table = pd.DataFrame(rows)
    known = table[table["value"].notna()]
    if known.empty:
        st.markdown(str(table["why not"].iloc[0]))
        return
    scale = alt.Scale(domain=[min(0.0, float(known["low"].min())), 1.0])
    base = alt.Chart(known).encode(
        y=alt.Y("statistic:N", title=None, sort=None, axis=alt.Axis(labelLimit=220)),
        yOffset=alt.YOffset("of:N", sort=None),
        color=alt.Color("of:N", title=None, sort=None, legend=alt.Legend(orient="top")),
        tooltip=["of", "statistic", alt.Tooltip("value", format=".3f"),
                 alt.Tooltip("low", format=".3f"), alt.Tooltip("high", format=".3f"), "items",
                 "annotators"],
    )  # fmt: skip
    title = "agreement (0: as by chance; percent: 0 is never)"
    ranges = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=title, scale=scale), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=90).encode(
        x="value:Q", shape=alt.Shape("of:N", title=None, sort=None)
    )
    rows_high = known["statistic"].nunique() * (14 + 18 * known["of"].nunique())
    st.altair_chart((ranges + points).properties(height=rows_high), width="stretch")
    with st.expander("As a table"):
        st.dataframe(table, hide_index=True)


def _pairs(found: QueueAgreement) -> None:
    st.header("Pairs", help="Cohen's kappa of each pair, over the tasks that both have judged.")
    known = [one for one in found.pairs if one.kappa.value is not None]
    if not known:
        reason = found.pairs[0].kappa.reason if found.pairs else "Only one person has judged."
        st.markdown(reason)
        return
    both = [
        {"one": first, "other": second, "kappa": pair.kappa.value, "tasks": pair.kappa.items}
        for pair in known
        for first, second in ((pair.first, pair.second), (pair.second, pair.first))
    ]
    base = alt.Chart(pd.DataFrame(both)).encode(
        x=alt.X("one:N", title=None, axis=alt.Axis(labelAngle=-30)),
        y=alt.Y("other:N", title=None),
        tooltip=["one", "other", alt.Tooltip("kappa", format=".3f"), "tasks"],
    )
    colour = alt.Color(
        "kappa:Q", scale=alt.Scale(domain=[-1, 0, 1], range=["#b2182b", "#f0f0f0", "#2166ac"]),
        legend=None,
    )  # fmt: skip
    text = alt.condition("abs(datum.kappa) > 0.6", alt.value("white"), alt.value("black"))
    chart = base.mark_rect().encode(color=colour) + base.mark_text().encode(
        text=alt.Text("kappa:Q", format=".2f"), color=text
    )
    st.altair_chart(chart.properties(height=alt.Step(34)), width="stretch")


def _disputes(queue: Queue, found: QueueAgreement) -> None:
    st.header("Where they differ", help="The most disputed first; Settle goes through them.")
    if not found.disputes:
        st.markdown("Nowhere, so far.")
        return
    shown = found.disputes[:SHOWN]
    st.button(
        "Settle them one after another", icon=":material/gavel:", key="agreement_settle",
        on_click=to_settle, args=(queue.id, None),
    )  # fmt: skip
    rows = [
        {
            "task": one.position + 1, "document": one_line(one.document_id, 60),
            "they differ on": one.difference.in_words(), "annotators": ", ".join(one.annotators),
        }
        for one in shown
    ]  # fmt: skip
    key = f"agreement_disputes_{queue.id}"

    def picked() -> None:
        rows = st.session_state[key].selection.rows
        if rows:
            to_settle(queue.id, shown[rows[0]].task_id)

    st.dataframe(
        pd.DataFrame(rows), hide_index=True, key=key, selection_mode="single-row", on_select=picked
    )
    _more(len(found.disputes))


def _annotators(found: QueueAgreement) -> None:
    st.header("Annotators")
    rows = [
        {
            "annotator": one.annotator,
            "tasks": one.tasks,
            "median seconds a task": one.seconds,
            "verdicts shared": one.agreement.shared if one.agreement else 0,
            "agrees with them": one.agreement.agreement if one.agreement else None,
        }
        for one in found.work
    ]
    st.dataframe(
        pd.DataFrame(rows), hide_index=True,
        column_config={
            "median seconds a task": st.column_config.NumberColumn(format="%.1f"),
            "agrees with them": st.column_config.NumberColumn(
                format="percent", help="Mean share of the others who said the same, over the "
                "shared verdicts; not corrected for chance.",
            ),
        },
    )  # fmt: skip


def _reasons(found: QueueAgreement) -> None:
    if not found.reasons:
        return
    st.header("Reasons", help="Each by itself, given or not; the least agreed first.")
    with services.store().read() as session:
        names = {reason.id: reason.name for reason in guidelines(session).reasons}
    rows = [
        {
            "reason": names.get(one.reason, one.reason), "given": one.given, "of": one.marks,
            "alpha": one.summary.alpha.value, "low": one.summary.alpha.low,
            "high": one.summary.alpha.high, "percent": one.summary.percent.value,
        }
        for one in found.reasons
    ]  # fmt: skip
    number = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        pd.DataFrame(rows), hide_index=True,
        column_config={"alpha": number, "low": number, "high": number,
                       "percent": st.column_config.NumberColumn(format="percent")},
    )  # fmt: skip


def _errors(found: QueueAgreement) -> None:
    st.header(
        "Gold that may be wrong",
        help="Labels on which more than half of the annotators contradict the dataset: candidates "
        "for a lead to look at, not corrections.",
    )
    if not found.errors:
        st.markdown("No label is contradicted by most of those who judged it.")
        return
    shown = found.errors[:SHOWN]
    names: dict[tuple[str, str], str] = {}
    for dataset in {one.document.split(" / ", 1)[0] for one in shown}:
        labels = [one.label for one in shown if one.document.startswith(f"{dataset} / ")]
        names |= {(dataset, label): name for label, name in label_names(dataset, labels)}
    rows = [
        {
            "document": one_line(one.document, 80), "label": one_line(one.label, 40),
            "name": one_line(names[(one.document.split(" / ", 1)[0], one.label)], 120),
            "what": str(one.kind), "say so": one.votes_for, "say no": one.votes_against,
        }
        for one in shown
    ]  # fmt: skip
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    _more(len(found.errors))


def _more(count: int) -> None:
    if count > SHOWN:
        st.caption(f"The first {SHOWN} of {count:,}; the export (view Use) has all.")
