"""One example drawn whole, from its stages to its diff; grows while it runs.

Reads from top to bottom as it looks: what ran, stages, shortlist beside trace, final labels
beside fates, curves beside near misses, then what is looked at on demand.
"""

from collections import Counter

import streamlit as st

from core.live.view import LiveView
from core.rerank.base import Bucket
from core.traces.blocks import phases_so_far
from core.traces.curves import step_before
from core.traces.inert import one_line
from db.trace_views import TraceState
from pages.parts import errors
from pages.parts.curves_chart import curves_chart, picked_step
from pages.parts.fates_view import fates_view
from pages.parts.final_labels import final_labels
from pages.parts.flag_bar import flag_bar
from pages.parts.near_misses import near_misses_table
from pages.parts.shortlist_table import shortlist_caption, shortlist_table
from pages.parts.stage_status import stage_status
from pages.parts.trace_view import trace_view

SIDES = (13, 9)
HEIGHT = 520  # of the shortlist and of the trace beside it

_ENDS = {
    TraceState.CANCELLED: "Cancelled. What was written up to then is kept.",
    TraceState.INTERRUPTED: "Interrupted: the process ended. What was written up to then is kept.",
}


def result(view: LiveView) -> None:
    """Draws all there is of an example so far."""
    stage_status(
        view.stages,
        running=view.running,
        tokens=view.tokens,
        per_second=view.tokens_per_second,
    )
    notes(view)
    if view.shortlist is None and not view.text:
        return
    left, right = st.columns(SIDES, gap="medium")
    with left:
        picked = _shortlist(view)
    with right:
        _trace(view, picked)
    flag_bar(view.trace_id)
    if view.prediction is not None:
        final(view)
        _curves(view)


def notes(view: LiveView) -> None:
    """What the reader must know of how it ended."""
    if view.error is not None:
        errors.card(view.error.what, view.error.fix)
    elif view.state in _ENDS:
        st.warning(_ENDS[view.state], icon=":material/stop_circle:")
    for warned in view.warnings:
        errors.card(warned.what, warned.fix)
    for note in view.trace.notes if view.trace else ():
        st.text(f"Note: {one_line(note, 500)}")


def _shortlist(view: LiveView) -> str | None:
    st.header("Shortlist", help="The labels nearest to the text. Click a row to see where the "
                 "trace names its label.")  # fmt: skip
    if view.shortlist is None:
        st.caption("Not searched yet.")
        return None
    found = sum(row.label_id in set(view.document.gold) for row in view.shortlist.rows)
    gold = len(view.document.gold)
    caption = shortlist_caption(view.shortlist)
    if gold:
        caption = f"{found} of {gold} gold found · {caption}"
    st.caption(caption)
    mentions = Counter(m.label_id for m in view.trace.mentions) if view.trace else None
    return shortlist_table(
        view.shortlist,
        gold=set(view.document.gold),
        shown={c.label_id for c in view.candidates} or view.config.n,
        mentions=mentions,
        height=HEIGHT,
        key=f"shortlist_{view.trace_id}",
    )


def _trace(view: LiveView, picked: str | None) -> None:
    st.header("Trace", help="What the model wrote. Dashed edge: shortlisting. Solid edge: "
                 "reasoning. Frame: the answer. Dotted underline: a label's name.")  # fmt: skip
    t = picked_step(_curves_key(view))
    step = step_before(view.trace, t) if t is not None and view.trace is not None else None
    st.caption(trace_caption(view, picked, t))
    with st.container(
        height=HEIGHT, border=True, autoscroll=view.running, key=f"trace_{view.trace_id}"
    ):
        begun = [(phase.kind, phase.start) for phase in view.phases_begun]
        trace_view(
            view.trace,
            view.text,
            phases_so_far(view.text, begun),
            picked,
            step=step,
            titles=_titles(view),
            running=view.running,
        )


def _curves_key(view: LiveView) -> str:
    return f"curves_{view.trace_id}"


def trace_caption(view: LiveView, picked: str | None = None, t: float | None = None) -> str:
    """Tokens, speed and boundary in one line; what is marked: a label's mentions, the step of the
    curves that ends at `t`."""
    parts = [f"{view.tokens:,} tokens" if view.tokens else f"{len(view.text):,} characters"]
    if view.tokens and view.seconds:
        parts.append(f"{view.tokens_per_second:.1f} tokens/s")
    trace = view.trace
    if trace is not None:
        if trace.given:
            parts.append(f"{trace.given_tokens:,} given")
        if trace.seconds_to_first_token is not None:
            parts.append(f"first after {trace.seconds_to_first_token:.1f} s")
        if trace.prompt_tokens:
            parts.append(f"prompt {trace.prompt_tokens:,} tokens")
        if trace.boundary is not None:
            source = f" ({trace.boundary_source})" if trace.boundary_source else ""
            parts.append(f"t\\* {trace.boundary:.2f}{source}")
        parts.append(f"ended by: {trace.finish_reason}")
    if picked and trace is not None:
        count = sum(m.label_id == picked for m in trace.mentions)
        named = f"named {count} time{'s' * (count != 1)}" if count else "not named"
        parts.append(f"**picked label: {named}**")
    if t is not None:
        parts.append(f"**marked: the step up to t = {t:.2f}**")
    return " · ".join(parts)


def _titles(view: LiveView) -> dict[str, str]:
    """What a mention says when pointed at: rank, code, gold."""
    if view.shortlist is None:
        return {}
    gold = set(view.document.gold)
    return {
        row.label_id: f"rank {row.rank} · {row.label_id} · {row.name}"
        + (" · gold" if row.label_id in gold else "")
        for row in view.shortlist.rows[: max(len(view.candidates), view.config.n)]
    }


def final(view: LiveView) -> None:
    """The final labels beside the fates of the gold ones."""
    left, right = st.columns(SIDES, gap="medium")
    with left:
        st.header("Final labels")
        final_labels(view.prediction, set(view.document.gold), key=f"final_{view.trace_id}")
    with right:
        st.header("Fate of each gold label")
        if view.fates:
            fates_view(view.fates)
        else:
            st.caption("There are no gold labels for this text.")


def _curves(view: LiveView) -> None:
    trace = view.trace
    if trace is None or trace.curves is None:
        return
    left, right = st.columns(SIDES, gap="medium")
    with left:
        st.header("Focus and Near-Miss Confusion")
        curves_chart(trace.curves, trace.boundary, trace.boundary_source, key=_curves_key(view))
    with right:
        st.header("Near misses")
        retrieved = {row.label_id for row in view.shortlist.rows} if view.shortlist else set()
        near_misses_table(trace.curves.near_misses, retrieved, key=f"near_{view.trace_id}")


def answer_text(view: LiveView) -> str:
    """The answer as plain lines, for comparing two runs."""
    if view.prediction is None:
        return ""
    names = {row.label_id: row.name for row in view.prediction.ranking}
    lines = [f"{label_id} {names.get(label_id, '')}" for label_id in view.prediction.selected]
    if view.prediction.bucket is not Bucket.OK:
        lines.append(f"(format: {view.prediction.bucket})")
    return "\n".join(lines) or "(no label)"
