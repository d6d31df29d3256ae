"""The teacher's lessons: traces put into words from gold, in the trace grammar.

    Shortlist:
    2. <name> <- "<anchor>"        the right ones of those shown, and near misses
    5. <name> <- "<anchor>"
    Reasoning:
    2. <name> (near): keep, <evidence>      see core/distill/evidence.py
    5. <name> (far): drop, <evidence>
    Answer: 2                      "none" where no right label was shown

A verdict stands after the very words after which decisions are learned in the prompt
(core/distill/examples.py), so that what is learned at one place serves the other.
A trace may instead put a model's own decisions into words (`Decided`): it then lists what the model
thinks likeliest, the likeliest first, and keeps what the model decided to keep, right or wrong.
The phases of a model that learned from these are taught by this template: they are no evidence that
phases arise by themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.datasets.base import LabelSpace
from core.distill.decisions import Decided, Scores
from core.distill.evidence import Rival, against_it, clauses, for_it, words_of
from core.rerank.base import Candidate
from core.rerank.prompts import rated_line
from core.shortlist.exact import Vectors

WRONG_SHORTLISTED = 3  # near misses on the shortlist beside the right labels, at most
LISTED = 5  # labels on a shortlist that goes by scores, at least
STEPS_UP = 4  # how far apart in the hierarchy labels still count as wider and narrower
NONE = "none"
REASONING = "Reasoning:\n"

Encode = Callable[[list[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A trace to learn. `right`: numbers of the right candidates; `kept`: those that the trace
    keeps, others only where it says what a model decided. `verdicts`: (number, start, end) of each
    verdict's word in `trace`; `chosen`: (start, end) of what a model chose when it made the
    shortlist, its numbers and its end; empty where the shortlist is made from gold. `copied`:
    (start, end) of what the grammar forces once a number is chosen, the names above all; `answer`:
    where the answer's numbers begin."""

    document_id: str
    trace: str
    right: tuple[int, ...]
    shortlisted: tuple[int, ...]
    verdicts: tuple[tuple[int, int, int], ...]
    copied: tuple[tuple[int, int], ...]
    answer: int
    kept: tuple[int, ...]
    chosen: tuple[tuple[int, int], ...] = ()


def lesson(
    document_id: str,
    text: str,
    candidates: Sequence[Candidate],
    gold: Sequence[str],
    labels: LabelSpace,
    vectors: Vectors,
    encode: Encode,
    *,
    scores: Scores | None = None,
    decided: Decided | None = None,
) -> Lesson:
    """The trace of one document over the candidates it was shown, the shortlist in their order.

    Right labels are kept. Beside them the shortlist has the WRONG_SHORTLISTED wrong ones most like
    them. `scores` `(candidates,)`, how likely a reader thinks each: then as many wrong ones, the
    likeliest, as it takes for LISTED labels. Who writes a shortlist does not know yet which labels
    are right, and can only learn to list those that it thinks likely. `decided`: then shortlist,
    verdicts and answer are as that says, in its order.
    `vectors` `(labels, dim)`: unit rows of all labels; `encode` gives unit rows for texts.
    """
    wanted = set(gold)
    right = [c for c in candidates if c.label_id in wanted]
    best = [candidates[at] for at in decided.listed] if decided else []
    kept = best[: decided.kept] if decided else right
    others = [c for c in candidates if c not in kept]
    alike = _likeness(kept, others, labels, vectors)
    if decided:
        beside = best[decided.kept :]
    elif scores is not None:
        beside = _likeliest(candidates, others, scores)[: max(LISTED - len(kept), 1)]
    else:
        beside = [others[at] for at in _nearest(alike, len(others))][:WRONG_SHORTLISTED]
    shortlisted = best or sorted([*kept, *beside], key=lambda c: c.number)
    words = words_of(text)
    closest = _Closest(text, encode)
    trace = "Shortlist:\n"
    verdicts, copied, chosen = [], [], []
    for candidate in shortlisted:

        def nearest(name: str = candidate.name) -> tuple[int, int]:
            return closest.to(name)

        if candidate in kept:
            verdict, (anchor, why) = "keep", for_it(text, words, candidate.name, nearest)
        else:
            rivals = _rivals(candidate, kept, alike[:, others.index(candidate)], labels)
            found = against_it(text, words, candidate.name, rivals, nearest)
            verdict, (anchor, why) = "drop", found
        start = len(trace)
        trace += str(candidate.number)
        chosen.append((start, len(trace)))
        start = len(trace)
        trace += f'. {" ".join(candidate.name.split())} <- "'
        copied.append((start, len(trace)))
        trace += f'{anchor}"\n'
        verdicts.append((candidate, verdict, why))
    chosen.append((len(trace), len(trace) + len(REASONING)))
    trace += REASONING
    places = []
    for candidate, verdict, why in verdicts:
        line = rated_line(candidate)
        copied.append((len(trace), len(trace) + len(line)))
        start = len(trace) + len(line) + 1
        places.append((candidate.number, start, start + len(verdict)))
        trace += f"{line} {verdict}, {why}\n"
    trace += "Answer: "
    return Lesson(
        document_id,
        trace + (", ".join(str(c.number) for c in kept) or NONE),
        tuple(c.number for c in right),
        tuple(c.number for c in shortlisted),
        tuple(places),
        tuple(copied),
        len(trace),
        tuple(c.number for c in kept),
        tuple(chosen) if decided else (),
    )


def _likeness(
    kept: Sequence[Candidate], others: Sequence[Candidate], labels: LabelSpace, vectors: Vectors
) -> Vectors:
    """Cosines `(kept, others)` between the names."""
    rows = [[labels.row(c.label_id) or 0 for c in some] for some in (kept, others)]
    of_kept, of_others = (np.asarray(vectors[some], dtype=np.float32) for some in rows)
    cosines: Vectors = of_kept @ of_others.T
    return cosines


def _likeliest(
    candidates: Sequence[Candidate], others: Sequence[Candidate], scores: Scores
) -> list[Candidate]:
    """Those of `others` with the highest scores first; of equals, as retrieved."""
    score = {c.number: float(one) for c, one in zip(candidates, scores, strict=True)}
    return sorted(others, key=lambda c: -score[c.number])


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
