"""What several traces of one document make of the same labels: where they agree, where not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.rerank.base import Candidate, Verdict
from core.rerank.parser import parse
from core.traces.base import Trace
from core.traces.functions import functions_of, verdicts_of


class Standing(StrEnum):
    """How far a label came in a trace."""

    ANSWERED = "answered"
    KEPT = "kept, not answered"
    DROPPED = "dropped"
    NAMED = "named only"
    SHOWN = "shown only"
    NOT_SHOWN = "not shown"
    UNNAMED = "not named"  # of a trace that does not tell which labels were shown


class Together(StrEnum):
    """What several traces make of a label: all the same; one answers or keeps it and another drops
    it; one answers it and another does not; or none of these."""

    AGREE = "agree"
    CONTRADICT = "contradict"
    DIFFER = "differ"
    NOTHING = ""


UNSAID = frozenset({Standing.SHOWN, Standing.NOT_SHOWN, Standing.UNNAMED})


@dataclass(frozen=True, slots=True)
class Read:
    """A trace as it is compared. `candidates`: the labels shown, () where that is not known;
    `answered`: label ids of its answer, which an import may bring apart from its text."""

    trace: Trace
    document: str
    candidates: tuple[Candidate, ...]
    answered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label across traces; `standings` in their order."""

    label_id: str
    name: str
    gold: bool
    standings: tuple[Standing, ...]

    @property
    def together(self) -> Together:
        found = set(self.standings)
        if Standing.DROPPED in found and found & {Standing.ANSWERED, Standing.KEPT}:
            return Together.CONTRADICT
        if Standing.ANSWERED in found and len(found) > 1:
            return Together.DIFFER
        if len(found) == 1 and not found & UNSAID:
            return Together.AGREE
        return Together.NOTHING


def standings(read: Read) -> dict[str, Standing]:
    """The standing of each label that was shown, named or answered.

    Where the labels shown are known, verdicts and names are those that our parser reads; where the
    text has no verdict of our grammar, or they are not known, those of its steps and mentions.
    """
    trace, shown = read.trace, read.candidates
    parsed = parse(trace.text, shown, trace.finish_reason) if shown else None
    verdicts = dict(parsed.verdicts) if parsed else {}
    if not verdicts:
        steps = functions_of(trace.text, trace.phases, trace.mentions, read.document)
        verdicts = {label: verdict for label, verdict, _ in verdicts_of(steps)}
    named = parsed.shortlisted if parsed else tuple(m.label_id for m in trace.mentions)
    found = {candidate.label_id: Standing.SHOWN for candidate in shown}
    found |= dict.fromkeys(named, Standing.NAMED)
    for label, verdict in verdicts.items():
        found[label] = Standing.KEPT if verdict is Verdict.KEEP else Standing.DROPPED
    return found | dict.fromkeys(read.answered, Standing.ANSWERED)


def label_rows(
    traces: Sequence[Read],
    gold: Sequence[tuple[str, str]],
    names: Mapping[str, str] | None = None,
) -> list[LabelRow]:
    """Every label that any trace names, and every gold one (id, name), gold first, then in the
    order in which the labels were shown. `names`: further names, by id."""
    each = [standings(read) for read in traces]
    titles = dict(names or {}) | {c.label_id: c.name for t in traces for c in t.candidates}
    titles |= dict(gold)
    order = dict.fromkeys([label for label, _ in gold])
    order |= dict.fromkeys(c.label_id for t in traces for c in t.candidates)
    order |= dict.fromkeys(label for one in each for label in one)
    right = {label for label, _ in gold}
    rows = []
    for label in order:
        found = tuple(
            one.get(label, Standing.NOT_SHOWN if read.candidates else Standing.UNNAMED)
            for one, read in zip(each, traces, strict=True)
        )
        if label in right or not UNSAID.issuperset(found):
            rows.append(LabelRow(label, titles.get(label, label), label in right, found))
    return rows
