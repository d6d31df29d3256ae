"""Who is at this page, as it is shown: the name given, or who has signed in and the way out."""

import streamlit as st

from core.traces.inert import markdown_text, neutralise, one_line
from pages.parts import sign_in
from pages.parts.annotator import name_field, remember_name
from pages.parts.people import person


def who_popover(key: str) -> None:
    """A button with what `who_field` draws; it says the name of who is here."""
    if not sign_in.configured():
        remember_name()  # nothing that is drawn in a closed popover reaches the browser
    name = one_line(person().name, 24) or "Your name"
    with st.popover(markdown_text(name), icon=":material/person:"):
        who_field(key)


def who_field(key: str) -> None:
    """The field for a name; for who has signed in, their name and role, and the way out."""
    if not sign_in.configured():
        name_field(key)
        return
    me = person()
    st.markdown(f"Signed in as **{markdown_text(me.name)}**, role **{me.role}**.")
    if me.email:
        st.text(neutralise(me.email))
    st.button("Sign out", icon=":material/logout:", key=f"{key}_sign_out",
              on_click=sign_in.sign_out)  # fmt: skip
