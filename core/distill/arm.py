"""The arms of the comparison: what a student's loss holds beside the next token of the trace.

    standard      L_cot
    longer        the same with more steps: as long as the mechanistic student is computed
    logits        L_cot + KL of the teacher's distribution over tokens from the student's
    margin        L_cot + softplus(-margin) at verdicts that are right, their logit less the other's
    mechanistic   L_cot + lambda_1 (phase-1 terms) + lambda_2 (phase-2 terms)
    random heads  the same on heads drawn by chance, each from the layer of a chosen one
    no ...        mechanistic without a phase, or without one of its six terms

Margin and mechanistic have seen which labels are gold; standard and logits have not.
"""

from enum import StrEnum

TEACHER = "teacher"  # a system of a study beside its arms


class Arm(StrEnum):
    STANDARD = "standard"
    LONGER = "standard-longer"
    LOGITS = "logits"
    MARGIN = "margin"
    MECHANISTIC = "mechanistic"
    NO_PHASE_1 = "no-phase-1"
    NO_PHASE_2 = "no-phase-2"
    RANDOM_HEADS = "random-heads"
    NO_ATTN_1 = "no-attn-1"
    NO_WRITE_1 = "no-write-1"
    NO_INT_1 = "no-int-1"
    NO_LOOP_2 = "no-loop-2"
    NO_WRITE_2 = "no-write-2"
    NO_INT_2 = "no-int-2"


HEADLINE = (Arm.STANDARD, Arm.MECHANISTIC)  # the second takes longer, for the same steps
CONTROLS = (Arm.MARGIN, Arm.RANDOM_HEADS)  # that saw gold, and that has any heads
LOOKS_INSIDE = frozenset(Arm) - {Arm.STANDARD, Arm.LONGER, Arm.LOGITS, Arm.MARGIN}

TITLES = {
    Arm.STANDARD: "standard",
    Arm.LONGER: "standard, longer",
    Arm.LOGITS: "standard + logits",
    Arm.MARGIN: "standard + margin",
    Arm.MECHANISTIC: "mechanistic",
    Arm.NO_PHASE_1: "mechanistic without phase 1",
    Arm.NO_PHASE_2: "mechanistic without phase 2",
    Arm.RANDOM_HEADS: "mechanistic, random heads",
    **{arm: f"mechanistic without {term}" for arm, term in (
        (Arm.NO_ATTN_1, "L_attn(1)"), (Arm.NO_WRITE_1, "L_write(1)"), (Arm.NO_INT_1, "L_int(1)"),
        (Arm.NO_LOOP_2, "L_loop(2)"), (Arm.NO_WRITE_2, "L_write(2)"), (Arm.NO_INT_2, "L_int(2)"),
    )},
}  # fmt: skip


def title_of(arm: str) -> str:
    """An arm as people read it; what is no arm, such as the teacher, keeps its name."""
    return TITLES[Arm(arm)] if arm in set(Arm) else arm


def random_name(phase: str, seed: int) -> str:
    """Under which name the random-head arm's heads of a phase are kept; each seed has its own."""
    return f"random_{phase}_{seed}"
