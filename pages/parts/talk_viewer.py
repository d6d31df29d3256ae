"""The viewer of a talk, over all of the page, and the wire by which it hears of a live run.

The deck is sent when it changes; how far a live run is comes many times a second, by an event of
the document, so that neither the deck is sent again nor the viewer drawn anew.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.talks.bundle import made_by
from core.talks.deck import Deck
from core.talks.viewer import component_css, component_js
from pages.parts.address import whole

KEY = "talk_viewer"
EVENTS = ("live", "stop", "swap", "leave")
_VIEWER = st.components.v2.component(
    "phaselens_talk", html='<div class="talk"></div>', css=component_css(), js=component_js()
)
_WIRE = st.components.v2.component(
    "phaselens_talk_wire",
    html="<span></span>",
    js="""export default ({ data }) => {
      document.dispatchEvent(new CustomEvent("phaselens-talk-progress", { detail: data }))
    }""",
)
# What is behind the talk is out of the way of Tab and of a reader that speaks.
_BEHIND = "<style>[data-testid=stHeader], [data-testid=stToolbar] {visibility: hidden;}</style>"


def talk_viewer(
    name: str,
    deck: Deck,
    standings: Sequence[Mapping[str, Any] | None],
    *,
    start: str,
    on: Mapping[str, Callable[[], None]],
) -> None:
    """Draws it. `standings`: of each slide, as core/talks/viewer/live.js has it; `start`: "3", or
    "3.2" for the second part of the third slide; `on`: what to do at each of EVENTS, of which
    `event_slide` tells the slide."""
    shown = deck.for_viewer()
    st.html(_BEHIND)
    data: dict[str, Any] = {
        "key": name,
        "version": str(hash(deck)),
        "filling": True,
        "deck": shown,
        "made": made_by(),
        "scheme": "dark" if st.context.theme.type == "dark" else "light",
        "position": position_of(start),
        "standings": list(standings),
    }
    _VIEWER(key=KEY, data=data, **{f"on_{event}_change": on[event] for event in EVENTS})


def event_slide(event: str) -> int | None:
    """The slide, from 0, at which that event came; None where the browser sent something else."""
    sent = st.session_state[KEY].get(event)
    at = sent.get("slide") if isinstance(sent, Mapping) else None
    return at if isinstance(at, int) and at >= 0 else None


def tell(progress: Mapping[str, Any]) -> None:
    """Tells the viewer how far the live run is: { stage, seconds, limit, text }."""
    _WIRE(key="talk_wire", data=dict(progress))


def position_of(start: str) -> dict[str, int]:
    """Where an address begins; at the first slide for one that is none."""
    slide, _, stage = start.partition(".")
    return {"slide": max((whole(slide) or 1) - 1, 0), "stage": max((whole(stage) or 1) - 1, 0)}
