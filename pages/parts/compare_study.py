"""What the whole study found of which the compared runs are a part: all arms, over their seeds."""

from typing import Any

import pandas as pd
import streamlit as st

from core.distill.arm import CONTROLS, title_of
from core.study.arms_compared import STANDARD
from core.study.shipped import get_them
from core.traces.inert import markdown_text
from pages.parts.compare_data import study_over_seeds
from pages.parts.compare_scores import p_words

HELP = (
    "Each run above is one training. Here every arm of the study is taken over all its seeds, on "
    "its test documents. Mechanistic less each arm: paired by document and by seed, with its 95% "
    "bootstrap interval over documents; p by a paired permutation test, corrected by Holm's "
    "method: mechanistic less standard over the datasets, the others over arms and datasets. The "
    "margin arm has seen which labels are gold, and the random-head arm has the same losses on "
    "other heads: a gain over standard that these have too is not one of phases or heads. The "
    "forms of the phases' losses are ours, after the paper. "
    "`phaselens results` prints it all."
)


def study_section(dataset: str, runs: tuple[str, ...]) -> None:
    """Headline and table, where all runs are of one study."""
    found = study_over_seeds(dataset, runs)
    if found is None:
        return
    st.header("The study over its seeds", anchor=False, help=HELP)
    less = found["mechanistic_less"].get(STANDARD)
    if less is not None:
        st.markdown(f"{_headline(less, found['datasets'])} {_of_seeds(less)}{_lacking(found)}")
    st.dataframe(
        arms_frame(found), hide_index=True, alt="Example F1 of each arm over its seeds",
    )  # fmt: skip
    if found["missing"]:
        st.caption(
            f"Not here: the study's runs on {', '.join(found['missing'])}. In the correction they "
            "count as telling nothing, so that p can be too high, never too low. Get them: "
            f"{get_them(found['missing'])}."
        )


def _lacking(found: dict[str, Any]) -> str:
    """The arms without which a gain cannot be credited to phases or heads."""
    lacking = [title_of(arm.value) for arm in CONTROLS if arm.value not in found["over_seeds"]]
    if not lacking:
        return ""
    return (
        f" Not tested here: {' and '.join(lacking)}, so a gain cannot be told from one of seeing "
        "gold labels, or of any heads."
    )


def _headline(less: dict[str, Any], datasets: int) -> str:
    """`datasets`: over how many p is corrected."""
    said = f"{less['mean']:+.3f} ({less['low']:+.3f} to {less['high']:+.3f})"
    over = f" corrected over {datasets} datasets" if datasets > 1 else ""
    p = p_words(less["p_holm"]) + over
    if less["p_holm"] >= 0.05:
        return f"**Mechanistic less standard: {said}, {p}: not shown to differ.**"
    which = "ahead" if less["mean"] > 0 else "behind"
    return f"**Mechanistic is {which} of standard by {said}, {p}.**"


def _of_seeds(less: dict[str, Any]) -> str:
    between = less["between_seeds"]
    if between is None:
        return "One seed each."
    each = ", ".join(f"{value:+.3f}" for value in between["by_seed"])
    low, high = between["low"], between["high"]
    return f"By seed: {markdown_text(each)}; 95% over seeds {low:+.3f} to {high:+.3f}" + (
        ", which leaves open what other seeds would give." if low <= 0 <= high else "."
    )


def arms_frame(found: dict[str, Any]) -> pd.DataFrame:
    """An arm a row: F1 with its interval, by seed, and what the mechanistic one has more."""
    rows = []
    for arm, one in found["over_seeds"].items():
        less = found["mechanistic_less"].get(arm)
        rows.append(
            {
                "Arm": title_of(arm),
                "Example F1": f"{one['example_f1']:.3f} ({one['low']:.2f}–{one['high']:.2f})",
                "By seed": ", ".join(f"{value:.3f}" for value in one["by_seed"]),
                "Mechanistic less it": ""
                if less is None
                else f"{less['mean']:+.3f} ({less['low']:+.3f} to {less['high']:+.3f})",
                "p, corrected": "" if less is None else p_words(less["p_holm"]),
            }
        )
    return pd.DataFrame(rows)
