"""Mechanism: inside the model that wrote a saved trace. Which heads shortlist and which reason,
where they look, and what changes when they are patched.

1. The address is read and the trace chosen (pages/parts/mechanism_choice.py).
2. The worker process, which owns the models, scores all heads; the page only draws.
3. Attention, patches and rewritten texts are asked for one by one, and kept while the app runs.
"""

import streamlit as st

from core.live.inside_questions import Inner, Overview
from pages.parts import entry, errors
from pages.parts.mechanism_ask import asked
from pages.parts.mechanism_attention import attention_section
from pages.parts.mechanism_choice import heading, right_labels, take_over, write_address
from pages.parts.mechanism_grid import chosen_heads, grid_section
from pages.parts.mechanism_patch import patch_section
from pages.parts.mechanism_rewrite import rewrite_section


def draw() -> None:
    """The page from top to bottom."""
    take_over()
    stored = heading()
    if stored is None:
        return
    right = right_labels(stored)
    inner = asked(Overview(stored.id, right), Inner, key="mech_overview")
    if inner is None:
        write_address(stored.id, chosen_heads())
        return
    for note in inner.notes:
        st.text(f"Note: {note}")
    heads = grid_section(inner, stored.id, stored.summary.run_id)
    attention_section(inner, stored.id)
    patch_section(stored, right, heads)
    rewrite_section(stored)
    write_address(stored.id, heads)


entry.through_app()
with errors.kept():
    draw()
