"""What several traces of one document make of the same labels: where they agree, where not."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.rerank.base import Candidate, Verdict
from core.rerank.parser import parse
from core.traces.base import Trace


class Standing(StrEnum):
    """How far a label came in a trace."""

    ANSWERED = "answered"
    KEPT = "kept, not answered"
    DROPPED = "dropped"
    NAMED = "named only"
    SHOWN = "shown only"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label across traces; `standings` in their order. `contradiction`: one trace answers or
    keeps it and another drops it."""

    label_id: str
    name: str
    gold: bool
    standings: tuple[Standing, ...]

    @property
    def contradiction(self) -> bool:
        found = set(self.standings)
        return Standing.DROPPED in found and bool(found & {Standing.ANSWERED, Standing.KEPT})

    @property
    def agreed(self) -> bool:
        return len(set(self.standings)) == 1


def standings(trace: Trace, candidates: Sequence[Candidate]) -> dict[str, Standing]:
    """The standing of each label that was shown."""
    parsed = parse(trace.text, candidates, trace.finish_reason)
    answered, verdicts = set(parsed.answer or ()), dict(parsed.verdicts)
    found = {}
    for candidate in candidates:
        label = candidate.label_id
        if label in answered:
            found[label] = Standing.ANSWERED
        elif label in verdicts:
            kept = verdicts[label] is Verdict.KEEP
            found[label] = Standing.KEPT if kept else Standing.DROPPED
        else:
            named = label in parsed.shortlisted
            found[label] = Standing.NAMED if named else Standing.SHOWN
    return found


def label_rows(
    traces: Sequence[tuple[Trace, Sequence[Candidate]]],
    gold: Sequence[tuple[str, str]],
) -> list[LabelRow]:
    """Every label that any trace names, and every gold one (id, name), gold first, then in the
    order in which the labels were shown."""
    each = [standings(trace, candidates) for trace, candidates in traces]
    names = dict(gold)
    for _, candidates in traces:
        for candidate in candidates:
            names.setdefault(candidate.label_id, candidate.name)
    right = {label for label, _ in gold}
    rows = []
    for label, name in names.items():
        found = tuple(one.get(label, Standing.NOT_SHOWN) for one in each)
        if label in right or any(s not in (Standing.SHOWN, Standing.NOT_SHOWN) for s in found):
            rows.append(LabelRow(label, name, label in right, found))
    return rows
