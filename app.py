"""PhaseLens in the browser: `streamlit run app.py` (or `make app`, which sets all up first)."""

import os
from pathlib import Path

import streamlit as st
from altair.utils import schemapi

from core.errors import InputError
from core.serve import ALLOW_REMOTE, check_address
from pages.parts import entry, errors, press, services, sign_in, wanted

PARTS = Path(__file__).parent / "pages" / "parts"

entry.through_app()

# Charts are checked against Vega-Lite's schema when they are drawn; to check each part of one as it
# is made as well costs a tenth of a page's time.
schemapi.disable_debug_mode()

# Drawings of our own: a named icon in the browser's tab would be fetched from the network.
st.set_page_config(page_title="PhaseLens", page_icon=str(PARTS / "icon.svg"), layout="wide")
st.logo(str(PARTS / "logo.svg"), size="large")
st.html(PARTS / "contrast.css")

# `python -m core.serve` refuses this before it starts; this is for whoever calls Streamlit itself.
address = str(st.get_option("server.address") or "0.0.0.0")
try:
    check_address(address, allow_remote=bool(os.environ.get(ALLOW_REMOTE)))
    services.settings()  # a setting that cannot be used: no page can be drawn
except InputError as error:
    errors.card(error.what, error.fix)
    st.stop()

sign_in.gate()  # before anything of the store is read or drawn

pages = [
    st.Page(
        "pages/explore.py",
        title="Explore",
        icon=":material/center_focus_strong:",
        default=True,
        help="Run one document: watch its shortlist, the model's reasoning, the final labels.",
    ),
    st.Page(
        "pages/traces.py",
        title="Traces",
        icon=":material/receipt_long:",
        help="Every saved trace: filter, search the text, open one by its link.",
    ),
    st.Page(
        "pages/compare.py",
        title="Compare",
        icon=":material/compare_arrows:",
        help="Runs of several systems side by side: scores, curves, and trace against trace.",
    ),
    st.Page(
        "pages/shortlist.py",
        title="Shortlist",
        icon=":material/format_list_numbered:",
        help="What retrieval finds and loses, for one text and for a whole dataset.",
    ),
    st.Page(
        "pages/mechanism.py",
        title="Mechanism",
        icon=":material/neurology:",
        help="Inside a local model: which heads shortlist and reason, and what patching does.",
    ),
    st.Page(
        "pages/annotate.py",
        title="Annotate",
        icon=":material/rate_review:",
        help="Queues of shortlists and traces to judge, with one key a verdict.",
    ),
    st.Page(
        "pages/talk.py",
        title="Talk",
        icon=":material/slideshow:",
        help="Saved examples in an order, with notes, played by arrow keys, also offline.",
    ),
    st.Page(
        "pages/data.py",
        title="Data",
        icon=":material/database:",
        help="The datasets, their labels and documents, and the state of their indexes.",
    ),
    st.Page(
        "pages/jobs.py",
        title="Jobs",
        icon=":material/pending_actions:",
        help="Batch runs, index builds and trainings: start, watch, cancel, resume.",
    ),
    st.Page(
        "pages/settings.py",
        title="Settings",
        icon=":material/settings:",
        help="Language models and endpoints to choose from in Explore.",
    ),
]
page = st.navigation(pages, position="top")
if sign_in.configured():
    wanted.go(pages, page)

errors.place()
with errors.kept():
    services.prepare()
page.run()
press.forget()
