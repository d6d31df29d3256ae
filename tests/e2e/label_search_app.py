"""A page with nothing but a search for labels, for tests/e2e/test_label_search.py."""

import streamlit as st

from pages.parts import services
from pages.parts.label_search import label_search

dataset = services.dataset(st.query_params.get("dataset", "icd"))
runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
picked: list[str] = st.session_state.setdefault("picked", [])
label_search(dataset, key="search", exclude=picked, on_pick=picked.append, label="Missing label")
st.button("Below")
st.text(f"Picked: {', '.join(picked) or 'nothing'}")
st.text(f"Runs of the page: {runs}")
