"""Everything about the head scores that the paper leaves open, in one place.

The paper (arXiv 2606.06840) names the quantities; what exactly counts as an anchor, a query
position or a near-miss token is not public. These are our choices, and all can be changed.
"""

from dataclasses import dataclass
from enum import StrEnum

from core.errors import InputError


class AnchorRule(StrEnum):
    """Which tokens of the document are its salient anchors."""

    QUOTED = "words that the trace quotes after <-"
    GOLD_WORDS = "words shared with gold label names"
    CONTENT_WORDS = "all content words"


class MentionPlace(StrEnum):
    """Where tokens that name right labels and near misses are looked for."""

    TRACE = "shortlisting part of the trace"
    PROMPT = "numbered candidates in the prompt"


class KurtosisKeys(StrEnum):
    """The keys over which kurtosis is taken."""

    DOCUMENT = "document tokens"
    INPUT = "all tokens before the trace"


@dataclass(frozen=True, slots=True)
class Conventions:
    """How the head scores are computed.

    anchor_rules       the first rule that finds a token counts; the result says which it was.
    mention_places     the first place that names both a right label and a near miss counts, so
                       that both are equally far from the query; the result says which it was.
    query_before       True: a chain token's query is the position just before it, which predicts
                       it (the paper). False: the token's own position.
    kurtosis_keys      which keys; kurtosis does not depend on the scale, so weights need not be
                       renormalised over them.
    exclude_sink       leaves sink tokens out of those keys and out of the anchors.
    sink_tokens        so many tokens at the start of the sequence are sinks, and
    sink_mass          so is any key whose attention, averaged over all heads and early queries,
                       is more than this (after Gu et al. 2024, who take 0.3 a head).
    pairs_per_label    near misses that each right label is set against, the nearest first.

    Not settable: c_anchor is the mean residual state of the anchors *before* the layer's
    attention (what its heads read); QK similarity is q.k * scaling, before the mask and softmax;
    the margin is the mean over (right, near miss) pairs of the difference of the logits of the
    first tokens at which the two names, written after a space, differ.
    """

    anchor_rules: tuple[AnchorRule, ...] = tuple(AnchorRule)
    mention_places: tuple[MentionPlace, ...] = tuple(MentionPlace)
    query_before: bool = True
    kurtosis_keys: KurtosisKeys = KurtosisKeys.DOCUMENT
    exclude_sink: bool = False
    sink_tokens: int = 1
    sink_mass: float = 0.1
    pairs_per_label: int = 3

    def check(self) -> None:
        """Raises InputError for what cannot be computed."""
        if not self.anchor_rules or not self.mention_places:
            raise InputError("No rule for anchors or mentions.", "Name at least one of each.")
        if self.sink_tokens < 0 or not 0 < self.sink_mass <= 1 or self.pairs_per_label < 1:
            raise InputError(
                "Sink tokens must be 0 or more, the sink mass in (0, 1], pairs at least 1.",
                "Leave them at their defaults.",
            )
