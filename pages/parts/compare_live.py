"""Compare on a new text: the systems of the chosen runs answer it one after another, live.

Adapters share one base in the worker's memory, so a change of system loads nothing but its adapter.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from core.annotation.people import Role
from core.comparison.settings import Made, differing
from core.datasets.examples import own_document
from core.errors import PhaseLensError, UnknownNameError
from core.live.view import LiveView
from core.systems import RunConfig
from core.traces.inert import both_ends, inert_html, markdown_text, one_line
from pages.parts import errors, press, services
from pages.parts.address import draw_again
from pages.parts.compare_actions import trace_actions
from pages.parts.compare_choice import LIVE, TEXT
from pages.parts.compare_columns import columns_html, columns_of, labels_frame, rows_of
from pages.parts.people import person_now, why_not
from pages.parts.trace_view import STYLE
from pages.parts.views import find_view

POLL_S = 0.4
HELP = (
    "Each system answers as in its run, with its own prompt and settings, one after another, in "
    "fast mode. Your own text has no gold labels. What is written is saved with the other traces."
)


def live_section(sides: Mapping[str, RunConfig]) -> None:
    """The text, Run and Cancel, and the traces side by side. `sides`: the chosen runs' settings by
    title."""
    views = _shown()
    if views:
        st.session_state.setdefault(TEXT, views[0].document.text)
    running, no = any(view.running for view in views), why_not(Role.ANNOTATOR)
    text = st.text_area(
        "Text", key=TEXT, persist_state="session", height=100, help=HELP,
        placeholder="Type or paste a text in English.",
    )  # fmt: skip
    _settings_note(sides)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        run = press.button(
            f"Run {len(sides)} systems", key="cmp_run", type="primary",
            disabled=bool(no) or running, help=no or None,
            icon=":material/play_arrow:", shortcut="Mod+Enter",
        )  # fmt: skip
        st.button(
            "Cancel", key="cmp_cancel", icon=":material/stop:", disabled=bool(no) or not running,
            on_click=_cancel, help=no or "Stops the models. What they have written is kept.",
        )  # fmt: skip
    if run:
        with errors.kept():
            st.session_state[LIVE] = _start(list(sides.values()), text or "")
            draw_again()
    if views:
        _answered_note(views, sides, (text or "").strip())
    if running:
        st.fragment(_watch, run_every=POLL_S)(sides)
    elif views:
        _draw(views, sides)
    else:
        st.caption("The same text, read by each of the systems above; their traces appear here.")


def _settings_note(sides: Mapping[str, RunConfig]) -> None:
    """In what else than their systems the answers will differ; prompts and lengths are a system's
    own."""
    apart = {
        name: values
        for name, values in differing([Made(_live(one)) for one in sides.values()]).items()
        if name not in ("prompt", "longest trace")
    }
    if apart:
        told = "; ".join(f"{n}: {markdown_text(', '.join(values))}" for n, values in apart.items())
        st.caption(
            f":material/info: They do not all answer in the same way, in the order chosen: {told}."
        )


def _answered_note(views: Sequence[LiveView], sides: Mapping[str, RunConfig], text: str) -> None:
    """What the traces below are of, where that is not what stands above."""
    answered = views[0].document.text
    systems = [view.config.system for view in views]
    other = systems != [config.system for config in sides.values()]
    if answered.strip() == text and not other:
        return
    by = f" by {', '.join(markdown_text(both_ends(s, 40)) for s in systems)}" if other else ""
    of = " to another text" if answered.strip() != text else ""
    st.caption(
        f":material/history: Below are answers{of}{by}: {markdown_text(one_line(answered, 200))}"
    )


def _start(configs: Sequence[RunConfig], text: str) -> list[str]:
    """Hands the text to the worker once a system. Raises NotAllowedError, InputError, JobError,
    UnknownNameError."""
    worker, document, me = services.live_worker(), own_document(text.strip()), person_now()
    here = {system.name for system in services.systems()}
    for config in configs:
        if config.system not in here:
            raise UnknownNameError(
                f"The system {config.system} is not on this machine, only its results are.",
                "Choose other runs for a new text.",
            )
    return [worker.start(me, _live(config), document) for config in configs]


def _live(config: RunConfig) -> RunConfig:
    """As in the run, in fast mode."""
    return replace(config, decoding=config.decoding.fast())


def _shown() -> list[LiveView]:
    """Those of the session's traces that are here; of others it is said."""
    found, kept = [], []
    for trace in st.session_state.get(LIVE) or ():
        try:
            found.append(find_view(trace))
            kept.append(trace)
        except PhaseLensError as error:
            errors.keep(error)
    st.session_state[LIVE] = kept
    return found


def _cancel() -> None:
    with errors.kept():
        for trace in st.session_state.get(LIVE) or ():
            services.live_worker().cancel(person_now(), trace)


def _watch(sides: Mapping[str, RunConfig]) -> None:
    """Draws what has come; when all have ended, has the whole page drawn."""
    with errors.kept():
        views = _shown()
        if not any(view.running for view in views):
            draw_again()
        _draw(views, sides)


def _draw(views: Sequence[LiveView], sides: Mapping[str, RunConfig]) -> None:
    titles = _titles(views, sides)
    if all(view.trace is not None for view in views):
        rows = rows_of(views, ())
        if rows:
            st.dataframe(
                labels_frame(titles, rows).drop(columns="Gold"), hide_index=True,
                alt="What each system made of each label",
            )  # fmt: skip
        heads = [_heading(title, view) for title, view in zip(titles, views, strict=True)]
        st.html(columns_html(heads, views, rows))
    else:
        st.html(_running_html(titles, views))
    for title, view in zip(titles, views, strict=True):
        if view.error is not None:
            errors.card(f"{title}: {view.error.what}", view.error.fix)
    ids = [None if view.running else view.trace_id for view in views]
    trace_actions(list(zip(titles, ids, strict=True)))


def _titles(views: Sequence[LiveView], sides: Mapping[str, RunConfig]) -> list[str]:
    """Those of the chosen runs where it is these that were asked; else the systems' names, with the
    beginning of the trace's id where two have the same."""
    if [view.config for view in views] == [_live(config) for config in sides.values()]:
        return list(sides)
    counts = Counter(view.config.system for view in views)
    return [
        f"{view.config.system} ({view.trace_id[:6]})"
        if counts[view.config.system] > 1
        else view.config.system
        for view in views
    ]


def _heading(title: str, view: LiveView) -> str:
    return f"{title} · {view.tokens:,} tokens in {view.seconds:.1f} s" if view.tokens else title


def _running_html(titles: Sequence[str], views: Sequence[LiveView]) -> str:
    cells = []
    for title, view in zip(titles, views, strict=True):
        text = view.trace.text if view.trace is not None else view.text
        waiting = "waiting for its turn" if not view.stages else "reading the labels"
        said = inert_html(text) if text else f"<em>{waiting} ...</em>"
        cells.append(
            f'<div class="pl-cell"><strong>{inert_html(_heading(title, view))}</strong>'
            f'<div style="white-space: pre-wrap">{said}</div></div>'
        )
    columns = f"grid-template-columns: {columns_of(len(views))}"
    style = f"display: grid; gap: 0.9rem; font-size: 0.9rem; overflow-x: auto; {columns}"
    return f'{STYLE}<div class="pl-columns" style="{style}">{"".join(cells)}</div>'
