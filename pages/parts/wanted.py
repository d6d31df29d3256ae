"""The page that somebody wanted before they had to sign in: the provider sends everybody back to
the first page, and a link to a trace is to open that trace.

A cookie of ten minutes carries the address through the sign-in; only pages of the app are gone to.
"""

from collections.abc import Sequence
from urllib.parse import parse_qs, unquote, urlsplit

import streamlit as st
from streamlit.navigation.page import StreamlitPage

COOKIE = "phaselens_wanted"
_STATE = "wanted"  # absent: not looked at; "going": gone to; "done"
_KEEP = (
    f'document.cookie = "{COOKIE}=" + encodeURIComponent(location.pathname + location.search) + '
    '"; path=/; max-age=600; SameSite=Lax";'
)
_FORGET = f'document.cookie = "{COOKIE}=; path=/; max-age=0; SameSite=Lax";'


def keep() -> None:
    """Has the browser remember where it is. Call where the sign-in card is drawn."""
    _run(_KEEP)


def go(pages: Sequence[StreamlitPage], here: StreamlitPage) -> None:
    """Goes to what was wanted, once, right after a sign-in. `here`: the page that is asked for
    now; a link that was opened meanwhile is not left."""
    state = st.session_state.get(_STATE)
    if state == "done":
        return
    cookie = unquote(st.context.cookies.get(COOKIE, ""))
    asked = urlsplit(cookie)
    if state is None and asked.path and not here.url_path and not st.query_params:
        names = {page.url_path: page for page in pages}
        page = names.get(asked.path.rsplit("/", 1)[-1])
        if page is not None and (page is not here or asked.query):
            st.session_state[_STATE] = "going"
            st.switch_page(page, query_params=parse_qs(asked.query, keep_blank_values=True))
    st.session_state[_STATE] = "done"
    if cookie:
        _run(_FORGET)


def _run(script: str) -> None:
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
