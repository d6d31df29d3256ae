"""What became of each gold label: a funnel, a list, and what every fate means."""

from collections.abc import Sequence

import streamlit as st

from core.rerank.base import Fate, GoldFate
from core.traces.funnel import funnel
from core.traces.inert import inert_html

# A sign beside the word, so that colour is never needed to tell right from lost.
SIGNS: dict[Fate, str] = dict.fromkeys(Fate, "✕") | {Fate.SELECTED: "✓"}

MEANINGS: dict[Fate, str] = {
    Fate.SELECTED: "The answer names it.",
    Fate.NOT_IN_VOCABULARY: "The label space does not have it, so nothing could find it.",
    Fate.ENCODER_MISS: "Its vector is not among the k nearest to the text's, even by exact search.",
    Fate.INDEX_MISS: "Exact search has it among the k nearest; HNSW skipped it. A higher ef helps.",
    Fate.NOT_SHOWN: "Retrieved, but ranked below n, so the model never saw it.",
    Fate.DROPPED_IN_SHORTLISTING: "Shown to the model, which never named it.",
    Fate.DROPPED_IN_REASONING: "Named by the model, then dropped or not kept.",
    Fate.LOST_IN_PARSING: "Kept in the text, but missing from the answer line.",
}

_STYLE = """<style>
.pl-fates {max-height: 26rem; overflow-y: auto;
  contain: content; font-size: 0.93rem;}
.pl-fates .pl-fate {margin: 0 0 0.5rem 0; padding: 0.4rem 0.7rem; border-radius: 4px;
  border-left: 4px double #c0392b; background: color-mix(in srgb, #c0392b 8%, transparent);
  overflow-wrap: anywhere;}
.pl-fates .pl-right {border-left: 4px solid #16867a;
  background: color-mix(in srgb, #16867a 9%, transparent);}
.pl-fates .pl-why {opacity: 0.8; font-size: 0.87rem;}
</style>"""


def fates_html(fates: Sequence[GoldFate]) -> str:
    """One item a gold label: its fate by sign and word, its name, its ranks, what that means."""
    return _STYLE + f'<div class="pl-fates" role="list">{"".join(map(_item, fates))}</div>'


def _item(fate: GoldFate) -> str:
    ranks = [f"rank {fate.rank}" if fate.rank else "not in the shortlist"]
    if fate.exact_rank and fate.exact_rank != fate.rank:
        ranks.append(f"exact rank {fate.exact_rank:,}")
    css = "pl-fate pl-right" if fate.fate is Fate.SELECTED else "pl-fate"
    return (
        f'<div role="listitem" class="{css}">'
        f"<strong>{SIGNS[fate.fate]} {fate.fate}</strong> · "
        f"<bdi>{inert_html(fate.label_id)} {inert_html(fate.name)}</bdi>"
        f'<div class="pl-why">{MEANINGS[fate.fate]} ({", ".join(ranks)})</div></div>'
    )


def fates_view(fates: Sequence[GoldFate]) -> None:
    """Draws the funnel and every fate, with all meanings one click away."""
    steps = funnel(fate.fate for fate in fates)
    st.markdown(
        " → ".join(
            f"**{step.count}** {step.name}" + (f" :red[(−{step.lost})]" if step.lost else "")
            for step in steps
        )
    )
    st.html(fates_html(fates))
    fate_meanings()


def fate_meanings() -> None:
    """A button that opens what each fate means, in the order in which a label can be lost."""
    with st.popover("What the fates mean", icon=":material/help:", type="tertiary"):
        st.markdown(
            "Every right (gold) label has exactly one fate: the first step that lost it.\n\n"
            + "\n".join(f"- **{fate}**: {meaning}" for fate, meaning in MEANINGS.items())
        )
