"""Patching chosen heads: the condition, and what it did to the labels."""

from typing import TypeVar

import numpy as np
import pandas as pd
import streamlit as st

from core.live.inside_questions import Patch, PatchedWith, Rewrite, RightLabels
from core.mechanism.effects import LabelScores
from core.mechanism.request import (
    Corruption,
    CorruptionKind,
    Direction,
    Head,
    PatchKind,
    PatchRequest,
)
from core.mechanism.results import Patched
from core.traces.inert import one_line
from db.trace_views import StoredTrace
from pages.parts import press
from pages.parts.chart_export import export
from pages.parts.mechanism_ask import asked
from pages.parts.mechanism_charts import rank_chart, rank_frame, runs_in_order
from pages.parts.mechanism_choice import PATCH, REWRITE
from pages.parts.mechanism_grid import theme_now
from pages.parts.mechanism_words import (
    CORRUPTION_HELP,
    DIRECTION_HELP,
    KIND_HELP,
    MARGIN_HELP,
    head_name,
    titled,
)
from pages.parts.shortlist_table import table_height

KIND, DIRECTION, CORRUPTION = "mech_kind", "mech_direction", "mech_corruption"
NOISE, SEED, OTHER, LIMIT = "mech_noise", "mech_seed", "mech_other", "mech_limit"
CONTROLS = 3
T = TypeVar("T", PatchKind, Direction, CorruptionKind)


def patch_section(stored: StoredTrace, right: RightLabels, heads: list[Head]) -> None:
    """Draws the form and, once asked, the result."""
    st.header("Patch", help="The chosen heads do in one run what they did in another. What "
                 "changes then depends on these heads.")  # fmt: skip
    request = _form(heads)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        missing = not heads or (
            request.corruption.kind is CorruptionKind.SWAPPED and not request.corruption.other_text
        )
        if press.button(
            f"Patch {len(heads)} head{'s' * (len(heads) != 1)}", type="primary", key="mech_patch",
            icon=":material/healing:", disabled=missing,
            help="Label scores before and after, with as many random heads beside.",
        ):  # fmt: skip
            st.session_state[PATCH] = Patch(stored.id, right, request, CONTROLS)
        st.session_state.setdefault(LIMIT, 120)
        if press.button(
            "Write the text again",
            key="mech_rewrite",
            icon=":material/edit_note:",
            disabled=missing,
            help="Lets the patched run write a trace, greedily, to see Focus and Confusion move. "
            "Takes as long as a run in Explore, or twice as long.",
        ):
            limit = int(st.session_state[LIMIT])
            st.session_state[REWRITE] = Rewrite(stored.id, right, request, limit)
        st.number_input(
            "Tokens to write", 8, 512, key=LIMIT, persist_state="session", width=140,
            help="The most that each text has; the saved trace is cut to as many.",
        )  # fmt: skip
        if not heads:
            st.caption("Choose at least one head above.", width="content")
    question = st.session_state.get(PATCH)
    if question is not None and question.trace_id == stored.id:
        found = asked(question, PatchedWith, key="mech_patching")
        if found is not None:
            if question.request != request:
                st.badge("inputs changed since", icon=":material/edit:", color="orange")
            _result(found, stored)


def _form(heads: list[Head]) -> PatchRequest:
    state = st.session_state
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind = _choice("What the heads take", KIND, list(PatchKind), PatchKind.OUTPUT, KIND_HELP)
        direction = _choice(
            "Direction", DIRECTION, list(Direction), Direction.DENOISING, DIRECTION_HELP
        )
        corruption = _choice(
            "Corruption", CORRUPTION, list(CorruptionKind), CorruptionKind.NOISE, CORRUPTION_HELP
        )
    noise, seed, other = 3.0, 0, ""
    if corruption is CorruptionKind.NOISE:
        state.setdefault(NOISE, 3.0)
        state.setdefault(SEED, 0)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            noise = float(
                st.number_input(
                    "Noise", 0.1, 20.0, step=0.5, key=NOISE, persist_state="session", width=130,
                    help="In standard deviations of the model's embeddings; 3 is usual.",
                )
            )  # fmt: skip
            seed = int(
                st.number_input(
                    "Seed", 0, 10_000, key=SEED, persist_state="session", width=130,
                    help="Another seed draws other noise.",
                )
            )  # fmt: skip
    elif corruption is CorruptionKind.SWAPPED:
        other = st.text_area(
            "The other text", key=OTHER, persist_state="session", height=80,
            placeholder="A text about something else",
        ).strip()  # fmt: skip
    return PatchRequest(
        tuple(sorted(set(heads))), kind, direction, Corruption(corruption, other, noise, seed)
    )


def _choice(label: str, key: str, options: list[T], default: T, words: dict[T, str]) -> T:
    st.session_state.setdefault(key, default)
    chosen = st.segmented_control(
        label, options, key=key, required=True, persist_state="session",
        format_func=lambda option: str(option).capitalize(), help=titled(words),
    )  # fmt: skip
    return chosen if chosen is not None else default


def roles_of(change: Patched, right: set[str], near: set[str]) -> dict[str, str]:
    """ "right", "near miss" or "other" by label id."""
    return {
        label: "right" if label in right else "near miss" if label in near else "other"
        for label, _ in change.clean.scores
    }


def _result(found: PatchedWith, stored: StoredTrace) -> None:
    change = found.change
    question: Patch = st.session_state[PATCH]
    right = (
        set(stored.document.gold)
        if question.right is RightLabels.GOLD
        else set(stored.prediction.selected if stored.prediction else ())
    )
    curves = stored.trace.curves if stored.trace else None
    near = {miss.label_id for miss in curves.near_misses} if curves else set()
    names = {c.label_id: one_line(c.name, 44) for c in stored.candidates}
    roles = roles_of(change, right, near)
    _margins(found)
    left, side = st.columns([3, 2], gap="medium")
    with left:
        runs = list(runs_in_order(change))
        frame = rank_frame(change, names, roles)
        st.markdown(
            f"**Label ranking: {runs[0]}, patched, {runs[2]}**",
            help="By the log-probability of the label's number as the answer.",
        )
        st.altair_chart(
            rank_chart(frame, runs, theme_now()), key=f"mech_ranks_{stored.id}",
            alt="Ranks of the labels before the patch, with it, and in the other run",
        )  # fmt: skip
        export(rank_chart(frame, runs), "label-ranking", key="mech_ranks_save")
    with side:
        st.markdown("**Scores**, log-probability", help="0 is certain; lower is less likely.")
        _table(change, names, roles)


def _margins(found: PatchedWith) -> None:
    change = found.change
    noising = change.direction is Direction.NOISING
    with st.container(horizontal=True, gap="medium"):
        for name, scores in (
            ("Margin, clean", change.clean),
            ("Margin, corrupted", change.corrupted),
            ("Margin, patched", change.patched),
        ):
            st.metric(name, _number(scores), help=MARGIN_HELP, width=150)
        moved = change.moved
        st.metric(
            "Lost" if noising else "Restored",
            _percent(moved) if moved is not None else "none",
            help=(
                "The share of the way from the clean margin to the corrupted one. 100%: these "
                "heads carry all of it."
                if noising
                else "The share of the way from the corrupted margin back to the clean one. 100%: "
                "these heads are enough."
            ),
            width=130,
        )
        random = [c.moved for c in found.controls if c.moved is not None]
        if random:
            st.metric(
                "Random heads",
                _percent(float(np.mean(random))),
                help=f"The mean of {len(random)} draws of as many random heads, the same patch: "
                + ", ".join(map(_percent, random)),
                width=150,
            )
    if change.clean.margin is None:
        st.caption("No margin: right and wrong labels are not both among those shown.")


def _percent(share: float) -> str:
    return f"{round(share * 100) + 0}%"  # + 0: never "-0%"


def _number(scores: LabelScores) -> str:
    return "none" if scores.margin is None else f"{scores.margin:+.2f}"


def _table(change: Patched, names: dict[str, str], roles: dict[str, str]) -> None:
    before = change.before
    order = list(before.ranking)
    after = {label: rank for rank, label in enumerate(change.patched.ranking, 1)}
    tables = {
        name: dict(getattr(change, name).scores) for name in ("clean", "corrupted", "patched")
    }
    signs = {"right": "★ ", "near miss": "≈ ", "other": ""}
    frame = pd.DataFrame(
        {
            "label": [f"{signs[roles[i]]}{one_line(i)} {names.get(i, '')}" for i in order],
            "rank": [_moved(at, after[i]) for at, i in enumerate(order, 1)],
            **{name: [table[i] for i in order] for name, table in tables.items()},
        }
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        frame, hide_index=True, height=min(420, table_height(len(frame))), key="mech_scores",
        column_config={
            "label": st.column_config.TextColumn("Label", width=150,
                                                 help="★: right. ≈: near miss."),
            "rank": st.column_config.TextColumn(
                "Rank", width=66, help="Before the patch → with it."),
            "clean": number("Clean", format="%.2f", width=60),
            "corrupted": number("Corrupted", format="%.2f", width=76),
            "patched": number("Patched", format="%.2f", width=64),
        },
        alt="Labels with their score in the clean, corrupted and patched run",
    )  # fmt: skip
    st.caption(
        f"{len(change.heads)} heads: {', '.join(map(head_name, change.heads[:12]))}"
        + (" ..." if len(change.heads) > 12 else "")
    )


def _moved(before: int, after: int) -> str:
    return f"{before}" if before == after else f"{before} → {after}"
