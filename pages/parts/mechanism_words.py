"""What the terms of the Mechanism page mean, in one place."""

from core.live.inside_questions import RightLabels
from core.mechanism.request import CorruptionKind, Direction, Head, PatchKind

COARSE, REFINE, SHARPNESS, WRITE = "CoarseScore", "RefineScore", "Sharpness", "Write"

SCORES = {
    COARSE: "High: a shortlisting head. While the shortlist is written it looks sharply at a few "
    "tokens of the document and writes in the direction of the anchors (the words that the trace "
    "quotes). Sharpness times cosine, averaged over the shortlisting part.",
    REFINE: "High: a reasoning head. While labels are weighed it matches the names of right labels "
    "more than those of near misses, and what it writes raises the right ones' margin. Averaged "
    "over the reasoning part; it has no fixed range.",
    SHARPNESS: "Excess kurtosis of the head's attention over the document's tokens. 0: as a normal "
    "distribution; above 0: a few tokens get most.",
    WRITE: "Cosine, from -1 to 1, between what the head writes and the anchors' mean state.",
}

RIGHT_HELP = (
    "Which labels count as right in RefineScore and in the margin. Gold: the document's. Chosen: "
    "those that the model's answer names, for texts without gold among the labels shown."
)
KIND_HELP = {
    PatchKind.OUTPUT: "Head output: the chosen heads write what they wrote in the other run.",
    PatchKind.PATTERN: "Attention pattern: the chosen heads look where they looked in the other "
    "run, but read their own values there.",
}
DIRECTION_HELP = {
    Direction.DENOISING: "Denoising: the corrupted run gets the chosen heads of the clean one. "
    "Are they enough to bring the answer back?",
    Direction.NOISING: "Noising: the clean run gets the chosen heads of the corrupted one. "
    "Does the answer need them?",
}
CORRUPTION_HELP = {
    CorruptionKind.NOISE: "Gaussian noise: added to the embeddings of the document's tokens.",
    CorruptionKind.SWAPPED: "Another text: the document's tokens are replaced by another text's, "
    "cut or repeated to the same length.",
    CorruptionKind.NEAR_MISS: "Near-miss names: in the prompt's list, the names of right labels "
    "are replaced by those of their near misses.",
}
MARGIN_HELP = (
    "Mean log-probability of the right labels' numbers as the answer, less that of the wrong ones "
    "(near misses that were shown; else all other labels shown). Higher: right and wrong are "
    "further apart."
)
RIGHT_TITLES = {RightLabels.GOLD: "Gold", RightLabels.CHOSEN: "Chosen by the model"}


def titled(choices: dict[str, str]) -> str:
    """Several explanations under one another."""
    return "\n\n".join(choices.values())


def head_name(head: Head) -> str:
    """A head as it is written everywhere: "L3 H2"."""
    return f"L{head[0]} H{head[1]}"


def head_of(name: str) -> Head:
    """The head of a name."""
    layer, head = name.split()
    return int(layer[1:]), int(head[1:])
