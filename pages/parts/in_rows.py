"""Things side by side, a few in a row, so that each has room for what it says."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

IN_A_ROW = 3  # four are two rows of two

Item = TypeVar("Item")


def in_rows(items: Iterable[Item]) -> Iterator[tuple[DeltaGenerator, Item]]:
    """A column for each item, of the width that two have at least."""
    every = list(items)
    width = 2 if len(every) in (1, 4) else min(len(every), IN_A_ROW)
    for start in range(0, len(every), width):
        row = every[start : start + width]
        yield from zip(st.columns(width, gap="medium"), row, strict=False)
