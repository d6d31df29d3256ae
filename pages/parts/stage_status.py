"""The stages of one example with their milliseconds, as they happen."""

from collections.abc import Sequence

import streamlit as st

from core.events import Stage
from core.live.view import StageView
from core.traces.inert import one_line

STOPPED = "stopped"


def duration(ms: float) -> str:
    """Milliseconds as a person reads them: 0.4 ms, 23 ms, 1.8 s."""
    if ms < 10:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def stage_status(
    stages: Sequence[StageView], *, running: bool, tokens: int = 0, per_second: float = 0.0
) -> None:
    """Draws one badge a stage: done with its time, running, or still to come.

    A stage that was begun and never ended is "stopped" once nothing runs any more. `tokens` and
    `per_second` are told on the stage that writes, while it does.
    """
    begun = {stage.stage: stage for stage in stages}
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        for stage in Stage:
            seen = begun.get(stage)
            if seen is None:
                if running:
                    st.badge(stage, icon=":material/more_horiz:", color="gray")
            elif seen.ms is not None:
                st.badge(f"{stage} · {duration(seen.ms)}", icon=":material/check:", color="green")
            elif running:
                note = ""
                if stage is Stage.REASON and tokens:
                    note = f" · {tokens:,} tokens · {per_second:.1f}/s"
                st.badge(f"{stage}{note}", icon=":material/hourglass_top:", color="blue")
            else:
                st.badge(f"{stage} · {STOPPED}", icon=":material/block:", color="orange")
    for seen in stages:  # as text: a note may hold the words of an error, or a path
        if seen.note:
            st.text(f"{seen.stage}: {one_line(seen.note, 500)}")
