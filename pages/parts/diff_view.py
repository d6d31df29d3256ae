"""What changed since another run: words added and removed, told by line and by strike."""

import streamlit as st

from core.traces.diff import Change, changed, differences
from core.traces.inert import inert_html

_STYLE = """<style>
.pl-diff {white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.9rem; line-height: 1.5;
  max-height: 26rem; overflow-y: auto; contain: content;
  border: 1px solid color-mix(in srgb, currentColor 20%, transparent);
  border-radius: 4px; padding: 0.6rem 0.8rem;}
.pl-diff ins {text-decoration: underline solid 2px; text-underline-offset: 3px;
  background: color-mix(in srgb, #16867a 22%, transparent);}
.pl-diff del {text-decoration: line-through; opacity: 0.8;
  background: color-mix(in srgb, #c0392b 20%, transparent);}
</style>"""
_TAGS = {Change.ADDED: "ins", Change.REMOVED: "del"}


def diff_html(before: str, after: str) -> str | None:
    """The difference as HTML, or None when the texts are the same."""
    parts = differences(before, after)
    if not changed(parts):
        return None
    body = []
    for part in parts:
        shown = inert_html(part.text)
        tag = _TAGS.get(part.change)
        body.append(f"<{tag}>{shown}</{tag}>" if tag else shown)
    return f'{_STYLE}<div class="pl-diff" dir="auto">{"".join(body)}</div>'


def diff_view(title: str, before: str, after: str) -> None:
    """Draws one difference under its title, or says that there is none."""
    st.markdown(f"**{title}**")
    shown = diff_html(before, after)
    if shown is None:
        st.caption("The same as before.")
    else:
        st.html(shown)
