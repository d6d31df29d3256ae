"""The pages of the app: they read widgets, call core and db, and draw.

Streamlit takes a folder of this name for its old kind of multipage app until `st.navigation` is
called for the first time. A link to a page that is the first request after a start would then
run that page alone, without app.py. So whoever imports the first part of a page turns the old
kind off, and has the run start again in app.py.
"""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

if PagesManager.uses_pages_directory:
    PagesManager.uses_pages_directory = False
    if get_script_run_ctx(suppress_warning=True) is not None:
        st.rerun()
