"""Compare: stored runs of several systems over the same documents, side by side.

1. The address is read; dataset and runs are chosen (pages/parts/compare_choice.py), and whether
   their documents or a new text are looked at.
2. A new text is answered by all systems, live (pages/parts/compare_live.py).
3. Else scores, curves and parts of the documents that the runs share; then the documents
   themselves: where the systems differ, and their traces in columns.
"""

import streamlit as st

from pages.parts import entry, errors
from pages.parts.compare_choice import (
    NEW_TEXT,
    chosen_runs,
    chosen_slice,
    chosen_view,
    take_over,
    write_address,
)
from pages.parts.compare_data import comparison_of, sides_of, slice_names
from pages.parts.compare_documents import documents_section
from pages.parts.compare_live import live_section
from pages.parts.compare_scores import scores_section
from pages.parts.compare_slices import slices_section
from pages.parts.compare_study import study_section
from pages.parts.compare_training import training_section


def draw() -> None:
    """The page from top to bottom."""
    take_over()
    chosen = chosen_runs()
    if chosen is None:
        write_address("", ())
        return
    dataset, runs = chosen
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        view = chosen_view()
        slice_ = "" if view == NEW_TEXT else chosen_slice(slice_names())
    if view == NEW_TEXT:
        live_section(sides_of(runs))
        write_address(dataset, runs)
        return
    found = comparison_of(dataset, runs, slice_)
    if found is None:
        write_address(dataset, runs)
        return
    scores_section(found, dataset, slice_)
    study_section(dataset, runs)
    slices_section(found, dataset)
    training_section(found)
    documents_section(found, sliced=bool(slice_))
    write_address(dataset, runs)


entry.through_app()
with errors.kept():
    draw()
