"""The teacher's lessons: traces put into words from gold, in the trace grammar.

    Shortlist:                     every label shown, in its order:
    1. skip
    2. <name> <- "<anchor>"        the right ones, and near misses
    ...
    5. <name> <- "<anchor>"
    Reasoning:
    2. <name> (near): keep, <evidence>      see core/distill/evidence.py
    5. <name> (far): drop, <evidence>
    Answer: 2                      "none" where no right label was shown

A verdict stands after the very words after which decisions are learned in the prompt
(core/distill/examples.py), so that what is learned at one place serves the other.
On the shortlist each label has a line, so that who writes it decides on one label at a time: to
name the next one of those that are to be listed, all would have to be compared at once.
A trace may instead put a model's own decisions into words (`Decided`): it then lists and keeps what
the model decided to, right or wrong.
The phases of a model that learned from these are taught by this template: they are no evidence that
phases arise by themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.datasets.base import LabelSpace
from core.distill.decisions import Decided
from core.distill.evidence import Rival, against_it, clauses, for_it, words_of
from core.rerank.base import Candidate
from core.rerank.prompts import rated_line
from core.rerank.trace_form import ANSWER, NONE, REASONING, SHORTLIST, SKIP, listed_as
from core.shortlist.exact import Vectors

WRONG_SHORTLISTED = 3  # near misses on the shortlist beside the right labels, at most
STEPS_UP = 4  # how far apart in the hierarchy labels still count as wider and narrower

Encode = Callable[[list[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A trace to learn. `right`: numbers of the right candidates; `kept`: those that the trace
    keeps, others only where it says what a model decided. `choices`: (start, end) in `trace` of the
    first letter after each label's number, which tells whether it is listed; `verdicts`: (number,
    start, end) of each verdict's word. `copied`: (start, end) of what the grammar forces once a
    label is listed, the names above all; `answer`: where the answer's numbers begin."""

    document_id: str
    trace: str
    right: tuple[int, ...]
    shortlisted: tuple[int, ...]
    choices: tuple[tuple[int, int], ...]
    verdicts: tuple[tuple[int, int, int], ...]
    copied: tuple[tuple[int, int], ...]
    answer: int
    kept: tuple[int, ...]


def lesson(
    document_id: str,
    text: str,
    candidates: Sequence[Candidate],
    gold: Sequence[str],
    labels: LabelSpace,
    vectors: Vectors,
    encode: Encode,
    decided: Decided | None = None,
) -> Lesson:
    """The trace of one document over the candidates it was shown, the shortlist in their order.

    Right labels are kept. Beside them the shortlist has the WRONG_SHORTLISTED wrong ones most like
    them. `decided`: then shortlist, verdicts and answer are as that says.
    `vectors` `(labels, dim)`: unit rows of all labels; `encode` gives unit rows for texts.
    """
    wanted = set(gold)
    right = [c for c in candidates if c.label_id in wanted]
    kept = [candidates[at] for at in decided.kept] if decided else right
    others = [c for c in candidates if c not in kept]
    alike = _likeness(kept, others, labels, vectors)
    if decided:
        shortlisted = [candidates[at] for at in decided.listed]
    else:
        beside = [others[at] for at in _nearest(alike, len(others))][:WRONG_SHORTLISTED]
        shortlisted = [c for c in candidates if c in kept or c in beside]
    words = words_of(text)
    closest = _Closest(text, encode)
    trace = SHORTLIST
    verdicts, copied, choices = [], [], []
    for candidate in candidates:
        start = len(trace)
        after_number = start + len(f"{candidate.number}.")
        choices.append((after_number, after_number + 2))
        if candidate not in shortlisted:
            trace += f"{candidate.number}. {SKIP}\n"
            continue

        def nearest(name: str = candidate.name) -> tuple[int, int]:
            return closest.to(name)

        if candidate in kept:
            verdict, (anchor, why) = "keep", for_it(text, words, candidate.name, nearest)
        else:
            rivals = _rivals(candidate, kept, alike[:, others.index(candidate)], labels)
            found = against_it(text, words, candidate.name, rivals, nearest)
            verdict, (anchor, why) = "drop", found
        trace += f"{candidate.number}. {listed_as(candidate)}"
        copied.append((start, len(trace)))
        trace += f'{anchor}"\n'
        verdicts.append((candidate, verdict, why))
    trace += REASONING
    places = []
    for candidate, verdict, why in verdicts:
        line = rated_line(candidate)
        copied.append((len(trace), len(trace) + len(line)))
        start = len(trace) + len(line) + 1
        places.append((candidate.number, start, start + len(verdict)))
        trace += f"{line} {verdict}, {why}\n"
    trace += f"{ANSWER} "
    return Lesson(
        document_id,
        trace + (", ".join(str(c.number) for c in kept) or NONE),
        tuple(c.number for c in right),
        tuple(c.number for c in shortlisted),
        tuple(choices),
        tuple(places),
        tuple(copied),
        len(trace),
        tuple(c.number for c in kept),
    )


def _likeness(
    kept: Sequence[Candidate], others: Sequence[Candidate], labels: LabelSpace, vectors: Vectors
) -> Vectors:
    """Cosines `(kept, others)` between the names."""
    rows = [[labels.row(c.label_id) or 0 for c in some] for some in (kept, others)]
    of_kept, of_others = (np.asarray(vectors[some], dtype=np.float32) for some in rows)
    cosines: Vectors = of_kept @ of_others.T
    return cosines


def _nearest(alike: Vectors, others: int) -> list[int]:
    """Candidates that are not kept, those most like a kept one first; without any kept one, as
    retrieved."""
    if not len(alike):
        return list(range(others))
    return [int(at) for at in np.argsort(-alike.max(axis=0), kind="stable")]


def _rivals(
    dropped: Candidate, kept: Sequence[Candidate], alike: Vectors, labels: LabelSpace
) -> list[Rival]:
    """The kept candidates, the most like the dropped one first."""
    above = _above(labels, dropped.label_id)
    found = []
    for at in np.argsort(-alike, kind="stable").tolist():
        rival = kept[at]
        found.append(
            Rival(
                rival.number,
                rival.name,
                wider=dropped.label_id in _above(labels, rival.label_id),
                narrower=rival.label_id in above,
            )
        )
    return found


def _above(labels: LabelSpace, label_id: str) -> set[str]:
    """Ids up to STEPS_UP above a label in the hierarchy."""
    found: set[str] = set()
    level = {label_id}
    for _ in range(STEPS_UP):
        rows = [row for one in level if (row := labels.row(one)) is not None]
        level = {parent for row in rows for parent in labels.parents(row)} - found
        found |= level
    return found


class _Closest:
    """The part of a text that is nearest in meaning to a name; its parts are encoded once."""

    def __init__(self, text: str, encode: Encode) -> None:
        self._text, self._encode = text, encode
        self._spans = clauses(text)
        self._vectors: Vectors | None = None

    def to(self, name: str) -> tuple[int, int]:
        if len(self._spans) == 1:
            return self._spans[0]
        if self._vectors is None:
            self._vectors = self._encode([self._text[a:b] for a, b in self._spans])
        scores = self._vectors @ self._encode([name])[0]
        return self._spans[int(scores.argmax())]
