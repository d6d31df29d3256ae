"""The way from a trace to the inside of the model that wrote it."""

import streamlit as st

from core.live.view import LiveView
from core.models.base import ModelKind
from pages.parts import services


def local_systems() -> set[str]:
    """Names of the systems whose model runs on this machine. Raises StoreError."""
    return {s.name for s in services.systems() if s.model.kind is not ModelKind.ENDPOINT}


def inside_link(view: LiveView) -> None:
    """Draws the link, where the trace has ended and its model runs on this machine. Raises
    StoreError."""
    if view.trace is None or view.config.system not in local_systems():
        return
    st.page_link(
        "pages/mechanism.py",
        label="Look inside",
        icon=":material/neurology:",
        query_params={"trace": view.trace_id},
        help="The heads of the model that wrote this: scores, attention, patching.",
    )
