"""The one way in: every page runs inside app.py, which checks the address and draws what is shared.

Streamlit takes a folder named pages/ for its older kind of app. Until something in the process has
called st.navigation, an address such as /traces runs that file alone, past app.py and past its
refusal to serve other machines.
"""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from pages.parts import whole_callbacks


def through_app() -> None:
    """Call it first in app.py and in every page. A page that was run alone starts again, now
    through app.py; from then on the process knows no other way."""
    whole_callbacks.install()
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
