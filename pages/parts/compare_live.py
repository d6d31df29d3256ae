"""Compare on a new text: the systems of the chosen runs answer it one after another, live.

Adapters share one base in the worker's memory, so a change of system loads nothing but its adapter.
"""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.annotation.people import Role
from core.comparison import Comparison
from core.datasets.examples import own_document
from core.errors import PhaseLensError, UnknownNameError
from core.label_standings import label_rows
from core.live.view import LiveView
from core.systems import RunConfig
from core.traces.inert import inert_html, one_line
from db.runs import load_run
from pages.parts import errors, press, services
from pages.parts.address import draw_again
from pages.parts.compare_choice import LIVE
from pages.parts.compare_documents import columns_html, labels_frame
from pages.parts.people import person_now, why_not
from pages.parts.trace_view import STYLE
from pages.parts.views import find_view

TEXT = "cmp_text"
POLL_S = 0.4
HELP = (
    "Each system reads the same shortlist with its own prompt, one after another, in fast mode. "
    "Your own text has no gold labels. What is written is saved with the other traces."
)


def live_section(found: Comparison) -> None:
    """The text, Run and Cancel, and the traces side by side."""
    views = _shown()
    if views:
        st.session_state.setdefault(TEXT, views[0].document.text)
    running, no = any(view.running for view in views), why_not(Role.ANNOTATOR)
    text = st.text_area(
        "Text", key=TEXT, persist_state="session", height=100, help=HELP,
        placeholder="Type or paste a text in English.",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        run = press.button(
            f"Run {len(found.sides)} systems", key="cmp_run", type="primary",
            disabled=bool(no) or running, help=no or None,
            icon=":material/play_arrow:", shortcut="Mod+Enter",
        )  # fmt: skip
        st.button(
            "Cancel", key="cmp_cancel", icon=":material/stop:", disabled=bool(no) or not running,
            on_click=_cancel, help=no or "Stops the models. What they have written is kept.",
        )  # fmt: skip
    if run:
        with errors.kept():
            st.session_state[LIVE] = _start(found, text or "")
            draw_again()
    if running:
        st.fragment(_watch, run_every=POLL_S)()
    elif views:
        _draw(views)
    else:
        st.caption("The same text, read by each of the systems above; their traces appear here.")


def _start(found: Comparison, text: str) -> list[str]:
    """Hands the text to the worker once a system. Raises NotAllowedError, InputError, JobError,
    UnknownNameError."""
    worker, document, me = services.live_worker(), own_document(text.strip()), person_now()
    configs = [_config(side.run) for side in found.sides]
    return [worker.start(me, config, document) for config in configs]


def _config(run: str) -> RunConfig:
    """Of a run, in fast mode. Raises UnknownNameError where its system is gone."""
    with services.store().read() as session:
        config = load_run(session, run).summary.config
    if config.system not in {system.name for system in services.systems()}:
        raise UnknownNameError(
            f"The system {config.system} is not on this machine, only its results are.",
            "Choose other runs for a new text.",
        )
    return replace(config, decoding=config.decoding.fast())


def _shown() -> list[LiveView]:
    found = []
    for trace in st.session_state.get(LIVE) or ():
        try:
            found.append(find_view(trace))
        except PhaseLensError as error:
            errors.keep(error)
            st.session_state[LIVE] = []
            return []
    return found


def _cancel() -> None:
    with errors.kept():
        for trace in st.session_state.get(LIVE) or ():
            services.live_worker().cancel(person_now(), trace)


def _watch() -> None:
    """Draws what has come; when all have ended, has the whole page drawn."""
    with errors.kept():
        views = _shown()
        if not any(view.running for view in views):
            draw_again()
        _draw(views)


def _draw(views: Sequence[LiveView]) -> None:
    titles = [view.config.system for view in views]
    finished = [view for view in views if view.trace is not None]
    if len(finished) == len(views):
        rows = label_rows([(v.trace, v.candidates) for v in views if v.trace is not None], ())
        if rows:
            st.dataframe(
                labels_frame(titles, rows).drop(columns="Gold"), hide_index=True,
                alt="What each system made of each label",
            )  # fmt: skip
        st.html(columns_html([_heading(view) for view in views], views))
    else:
        st.html(_running_html(views))
    for view in views:
        if view.error is not None:
            errors.card(f"{view.config.system}: {view.error.what}", view.error.fix)
    links = st.columns(len(views), gap="medium")
    for column, view in zip(links, views, strict=True):
        if not view.running:
            column.page_link(
                "pages/traces.py", label=f"Whole trace of {one_line(view.config.system, 40)}",
                icon=":material/receipt_long:", query_params={"trace": view.trace_id},
            )  # fmt: skip


def _heading(view: LiveView) -> str:
    if not view.tokens:
        return view.config.system
    return f"{view.config.system} · {view.tokens:,} tokens in {view.seconds:.1f} s"


def _running_html(views: Sequence[LiveView]) -> str:
    cells = []
    for view in views:
        text = view.trace.text if view.trace is not None else view.text
        waiting = "waiting for its turn" if not view.stages else "reading the labels"
        said = inert_html(text) if text else f"<em>{waiting} ...</em>"
        cells.append(
            f'<div class="pl-cell"><strong>{inert_html(_heading(view))}</strong>'
            f'<div style="white-space: pre-wrap">{said}</div></div>'
        )
    columns = f"grid-template-columns: repeat({len(views)}, minmax(0, 1fr))"
    style = f"display: grid; gap: 0.9rem; font-size: 0.9rem; {columns}"
    return f'{STYLE}<div class="pl-columns" style="{style}">{"".join(cells)}</div>'
