"""A table of names and values for reading; the values may be anybody's text, so all is escaped."""

from collections.abc import Iterable

import streamlit as st

from core.traces.inert import inert_html

_LINE = "1px solid rgba(128, 136, 150, 0.28)"
_ROW = (
    '<tr style="border: none; border-bottom: {line}">'
    '<th scope="row" style="text-align: left; font-weight: 500; vertical-align: top; '
    "width: 13rem; max-width: 40%; padding: 0.3rem 1.2rem 0.3rem 0; border: none; "
    'opacity: 0.75">{name}</th>'
    '<td style="padding: 0.3rem 0; border: none; overflow-wrap: anywhere; '
    'white-space: pre-wrap">{value}</td></tr>'
)


def facts(rows: Iterable[tuple[str, object]], *, name: str) -> None:
    """Draws (name, value) rows; `name` is what the table is called for those who hear it."""
    known = list(rows)
    body = "".join(
        _ROW.format(
            name=inert_html(str(key)),
            value=inert_html(str(value)),
            line=_LINE if at < len(known) else "none",
        )
        for at, (key, value) in enumerate(known, start=1)
    )
    st.html(
        f'<table aria-label="{inert_html(name)}" style="border-collapse: collapse; width: 100%; '
        f'margin: 0">{body}</table>'
    )
