"""Where a trace contradicts itself, or its answer contradicts the trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.rerank.base import Verdict


class Contradiction(StrEnum):
    KEPT_NOT_ANSWERED = "kept, but missing in the answer"
    DROPPED_YET_ANSWERED = "dropped, yet answered"
    NOT_SHOWN = "answered, but not among the labels shown"
    NEVER_NAMED = "answered, but never named before"


@dataclass(frozen=True, slots=True)
class Contradicted:
    """`at`: the character of the trace where the verdict stands; None where there is none."""

    label_id: str
    kind: Contradiction
    at: int | None = None


def contradictions(
    answer: Sequence[str] | None,
    verdicts: Sequence[tuple[str, Verdict, int]],
    named: set[str],
    shown: set[str],
) -> tuple[Contradicted, ...]:
    """`verdicts`: (label, verdict, character) in order; the last on a label holds. `named`: labels
    that the trace names before its answer. `shown`: empty where it is not known. Without an answer
    nothing can contradict it."""
    if answer is None:
        return ()
    last = {label: (verdict, at) for label, verdict, at in verdicts}
    found = [
        Contradicted(label, Contradiction.KEPT_NOT_ANSWERED, at)
        for label, (verdict, at) in last.items()
        if verdict is Verdict.KEEP and label not in answer
    ]
    for label in answer:
        verdict, at = last.get(label, (None, None))
        if shown and label not in shown:
            found.append(Contradicted(label, Contradiction.NOT_SHOWN))
        elif verdict is Verdict.DROP:
            found.append(Contradicted(label, Contradiction.DROPPED_YET_ANSWERED, at))
        elif label not in named:
            found.append(Contradicted(label, Contradiction.NEVER_NAMED))
    return tuple(found)
