"""What is looked at on demand under a result: the exact prompt, changes, the settings it ran by."""

import streamlit as st

from core.live.view import LiveView
from core.rerank.base import Mode
from core.traces.inert import neutralise, one_line
from pages.parts.diff_view import diff_view
from pages.parts.facts import facts
from pages.parts.result import answer_text

MODE_WORDS = {
    Mode.FAST: "fast: the lean network",
    Mode.REFERENCE: "reference: transformers' generate",
    Mode.OWN: "the model's own: its server, or generate before there were modes",
}


def details(view: LiveView, earlier: LiveView | None) -> None:
    """Draws the three expanders."""
    with st.expander("Exact prompt", icon=":material/description:"):
        if view.rendered is None:
            st.caption("The prompt is made once the shortlist is there.")
        else:
            st.code(neutralise(view.rendered), language=None, wrap_lines=True, height=420)
    with st.expander("Changes since the last run", icon=":material/difference:"):
        if earlier is None:
            st.caption("There is no earlier run of this text to compare with.")
        else:
            _changes(earlier, view)
    with st.expander("Settings of this run", icon=":material/tune:"):
        facts(_settings(view), name="Settings of this run")


def _changes(earlier: LiveView, view: LiveView) -> None:
    st.caption(
        "Underlined: added in this run. Struck through: only in the run before. "
        f"Before: {one_line(_what(earlier), 120)}."
    )
    diff_view("Text", earlier.document.text, view.document.text)
    diff_view("Prompt", earlier.rendered or "", view.rendered or "")
    diff_view("Trace", earlier.text, view.text)
    diff_view("Answer", answer_text(earlier), answer_text(view))


def _what(view: LiveView) -> str:
    """One run in a few words, without Markdown."""
    config = view.config
    return f"k {config.k}, n {config.n}, temperature {config.decoding.temperature:g}"


def _settings(view: LiveView) -> list[tuple[str, object]]:
    config, decoding = view.config, view.config.decoding
    greedy = decoding.temperature == 0
    rows: list[tuple[str, object]] = [
        ("Document", f"{config.dataset} / {view.document.id}"),
        ("System", config.system),
        ("k / n / ef", f"{config.k} / {config.n} / {config.ef or 'as the index has it'}"),
        ("Decoding", "greedy" if greedy else f"temperature {decoding.temperature:g}"),
        ("Mode", MODE_WORDS[decoding.mode]),
        ("Guided", "yes: headings, numbers and names were given" if decoding.guided else "no"),
        ("Seed", "not used" if greedy else decoding.seed),
        ("Token limit", decoding.max_new_tokens),
        ("Prompt lookup tokens", decoding.prompt_lookup or "off"),
        ("Scores", "on" if config.use_scorer else "off"),
    ]
    if view.shortlist is not None:
        rows += [("Encoder", view.shortlist.encoder), ("Index", view.shortlist.index)]
    return [*rows, ("Trace id", view.trace_id)]
