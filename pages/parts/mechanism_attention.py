"""Where one head looks from one position, over the prompt and the trace."""

import numpy as np
import pandas as pd
import streamlit as st

from core.live.inside_questions import Attend, Inner
from core.mechanism.request import Head
from core.mechanism.results import AttentionAt, top_heads
from core.traces.inert import one_line
from pages.parts.chart_export import export
from pages.parts.mechanism_ask import asked
from pages.parts.mechanism_charts import strongest_chart
from pages.parts.mechanism_choice import HEAD, POSITION, outdated
from pages.parts.mechanism_words import head_name, head_of
from pages.parts.token_text import Shown, token_text

CAP = 1200  # tokens drawn
CAP_START = 300  # of these, from the start of the prompt; the others are the last ones
STRONGEST = 14
PLACE = "mech_place"


def attention_section(inner: Inner, trace_id: str) -> None:
    """Draws the section."""
    st.header("Attention", help="A head reads from one position: it weighs all tokens before it "
                 "and that token itself; the weights sum to 1.")  # fmt: skip
    head = _controls(inner)
    position = int(st.session_state[POSITION])
    seen = asked(Attend(trace_id, position), AttentionAt, key="mech_attend")
    if seen is None:
        return
    weights = seen.weights[head]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _text(inner, weights, position, trace_id)
    with right:
        _strongest(inner, weights, head, position)


def _controls(inner: Inner) -> Head:
    state = st.session_state
    every = [head_name((a, b)) for a in range(inner.layers) for b in range(inner.heads)]
    if outdated(HEAD) or state.get(HEAD) not in every:
        best = top_heads(inner.analysis.scores.coarse, 1)[0] if inner.analysis else (0, 0)
        state[HEAD] = head_name(best)
    last = len(inner.spans) - 1
    places = _places(inner)
    position = state.get(POSITION)
    if outdated(POSITION) or position is None or not 0 <= position <= last:
        state[POSITION] = next(reversed(places.values()), last)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            "Head", every, key=HEAD, persist_state="session", width=120,
            help="L: layer, H: head, both counted from 0.",
        )  # fmt: skip
        st.number_input(
            "Position", 0, last, key=POSITION, persist_state="session", width=130,
            help="The token from which the head looks, counted from 0. A click on a token below "
            "chooses it too. What the model writes next is decided at the position before it.",
        )  # fmt: skip
        at = int(state[POSITION])
        st.button(
            "Before", icon=":material/chevron_left:", key="mech_before", on_click=_go,
            args=(at - 1,), disabled=at == 0,
        )  # fmt: skip
        st.button(
            "After", icon=":material/chevron_right:", key="mech_after", on_click=_go,
            args=(at + 1,), disabled=at == last,
        )  # fmt: skip
        if places:
            state[PLACE] = None
            st.selectbox(
                "Go to", list(places), key=PLACE, index=None, placeholder="A place in the trace",
                on_change=lambda: _go(places.get(st.session_state[PLACE], at)), width=230,
            )  # fmt: skip
        word = one_line(inner.word(at), 40) or "a space or line break"
        st.text(f"Token {at}: {word}", width="content")
    return head_of(str(state[HEAD]))


def _go(position: int) -> None:
    st.session_state[POSITION] = position


def _places(inner: Inner) -> dict[str, int]:
    """Where the phases begin, and the positions that predict a verdict word."""
    if inner.analysis is None:
        return {}
    roles = inner.analysis.scores.roles
    places = {"Start of shortlisting": roles.early[0], "Start of reasoning": roles.late[0]}
    for number, at in enumerate(roles.verdicts, 1):
        following = one_line(inner.word(at + 1), 20) if at + 1 < len(inner.spans) else ""
        places[f"Verdict {number}: before {following!r}"] = at
    return places


def _text(inner: Inner, weights: np.ndarray, position: int, trace_id: str) -> None:
    pieces, left_out = pieces_of(inner, position)
    shades, top = shades_of(weights)
    if left_out:
        st.warning(
            f"Not drawn: {left_out:,} of {len(inner.spans):,} tokens, in the middle of the prompt. "
            "The position can still be one of them, and the table counts all.",
            icon=":material/content_cut:",
        )
    key = f"mech_tokens_{trace_id}"

    def clicked() -> None:
        st.session_state[POSITION] = int(st.session_state[key].position)

    titles = {at: f"weight {weights[at]:.4f}" for at in range(len(weights))}
    token_text(pieces, shades, titles, key=key, on_click=clicked)
    st.caption(
        f"Darkest: weight {top:.3f}. The first token gets {weights[0]:.3f}; many heads rest there, "
        "so it is left out of the shading. Framed: the position looked from. Dotted underline: the "
        "document. Click a token to look from there."
    )


def shades_of(weights: np.ndarray) -> tuple[dict[int, float], float]:
    """Shades from 0 to 100 by position, and the weight of the darkest. Square roots, so that
    middling weights show; the first token stays out."""
    rest = weights[1:]
    top = float(rest.max()) if len(rest) else 0.0
    if top <= 0:
        return {}, 0.0
    scaled = np.sqrt(np.clip(rest / top, 0, 1)) * 85
    return {at + 1: float(shade) for at, shade in enumerate(scaled) if shade > 2}, top


def pieces_of(inner: Inner, position: int) -> tuple[list[Shown], int]:
    """What is drawn, and how many tokens are left out."""
    count = len(inner.spans)
    skipped = range(0)
    if count > CAP:
        skipped = range(CAP_START, count - (CAP - CAP_START))
    document = set(inner.document)
    pieces = [Shown(-1, "Prompt", "part")]
    for at in range(count):
        if at == inner.prompt_tokens:
            pieces.append(Shown(-1, "Trace", "part"))
        if at in skipped:
            if at == skipped.start:
                pieces.append(Shown(-1, f"{len(skipped):,} tokens are not drawn", "gap"))
            continue
        kind = "document" if at in document else ""
        if at == position:
            kind += " from"
        elif at > position:
            kind += " later"
        pieces.append(Shown(at, inner.word(at), kind.strip()))
    return pieces, len(skipped)


def _strongest(inner: Inner, weights: np.ndarray, head: Head, position: int) -> None:
    frame = strongest_frame(inner, weights)
    st.markdown(f"**What {head_name(head)} looks at most**")
    chart = strongest_chart(frame)
    st.altair_chart(chart, alt=f"Tokens with the highest attention weight of {head_name(head)}")
    shares = share_of_parts(inner, weights)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = f"attention-{head_name(head).replace(' ', '-').lower()}-{position}"
        export(chart, name, key="mech_strongest_save")
        st.caption(" · ".join(f"{part} {share:.0%}" for part, share in shares.items()),
                   width="content")  # fmt: skip


def _part(inner: Inner, document: set[int], at: int) -> str:
    if at in document:
        return "document"
    return "trace" if at >= inner.prompt_tokens else "rest of the prompt"


def share_of_parts(inner: Inner, weights: np.ndarray) -> dict[str, float]:
    """The share of all attention on document, rest of the prompt and trace."""
    document = set(inner.document)
    found = dict.fromkeys(("document", "rest of the prompt", "trace"), 0.0)
    for at, weight in enumerate(weights):
        found[_part(inner, document, at)] += float(weight)
    return found


def strongest_frame(inner: Inner, weights: np.ndarray) -> pd.DataFrame:
    """The tokens with the highest weights, highest first."""
    order = np.argsort(-weights, kind="stable")[:STRONGEST]
    document = set(inner.document)
    return pd.DataFrame(
        {
            "token": [f"{at} · {one_line(inner.word(int(at)), 24) or '(space)'}" for at in order],
            "weight": weights[order].astype(float),
            "part": [_part(inner, document, int(at)) for at in order],
        }
    )
