"""Who is flagging: a name kept in this browser, so that people sharing one app stay apart.

The name lives in the session and, by a cookie, in the browser; the server keeps no list of
people, only the name written into each flag.
"""

from urllib.parse import quote, unquote

import streamlit as st

COOKIE = "phaselens_annotator"
_NAME = "annotator_name"
MAX_CHARS = 80


def annotator() -> str:
    """The annotator's name, or "" when none was given yet."""
    if _NAME not in st.session_state:
        cookies = st.context.cookies
        st.session_state[_NAME] = unquote(cookies.get(COOKIE, ""))[:MAX_CHARS]
    return str(st.session_state[_NAME])


def name_field(key: str) -> None:
    """A field to see and change the name; several may stand on one page under different keys.

    Where one stands in a popover, its page calls `remember_name` first: what is drawn in a closed
    popover never reaches the browser.
    """
    st.session_state[key] = annotator()
    st.text_input(
        "Your name",
        key=key,
        max_chars=MAX_CHARS,
        placeholder="Not given",
        help="Written into each flag you set. Kept in this browser only.",
        on_change=_rename,
        args=(key,),
    )
    remember_name()


def _rename(key: str) -> None:
    st.session_state[_NAME] = " ".join(str(st.session_state[key]).split())[:MAX_CHARS]
    st.session_state["annotator_changed"] = True


def remember_name() -> None:
    """Sets the cookie after a change; percent-encoded, so the name cannot leave its string."""
    if st.session_state.pop("annotator_changed", False):
        value = quote(annotator(), safe="")
        st.html(
            f'<script>document.cookie = "{COOKIE}={value}; path=/; max-age=31536000; '
            'SameSite=Strict";</script>',
            unsafe_allow_javascript=True,
        )
