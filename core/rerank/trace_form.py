"""The words of the trace form, as lessons are written and guided traces are given; the grammar
(core/traces/grammar.py) reads them, and slips."""

from core.rerank.base import Candidate

SHORTLIST, REASONING, ANSWER = "Shortlist:\n", "Reasoning:\n", "Answer:"
SKIP, NONE = "skip", "none"  # on the shortlist in place of a name; as the answer


def listed_as(candidate: Candidate) -> str:
    """What stands on a shortlist after a label's number, up to its anchor's words."""
    return f'{" ".join(candidate.name.split())} <- "'
