"""The guided form of a trace: what the grammar forces is given, the model decides the rest.

Shortlist:                       given
3. <name> <- "                   the model picks 3 or goes on to Reasoning; the rest is given
<words of the text>              written freely
Reasoning:                       given with the choice to go on
3. keep: <evidence>              the number is given, in the order of the shortlist; keep or
                                 drop is the model's choice, the evidence written freely
Answer: 3                        numbers of shortlisted candidates or "none", the model's choice

Where the prompt rates the labels (a teacher's or a student's: core/rerank/prompts.py), as they have
learned to write it:

1. skip                          every number is given, in order; the model skips the label or
3. <name> <- "                   lists it; the last is listed where no other is
3. <name> (near): keep, ...      the words before the verdict are given
"""

from collections.abc import Sequence

from core.models.script import Choice, Given, Line, Script
from core.rerank.base import Candidate
from core.rerank.prompts import rated_line
from core.rerank.trace_form import ANSWER, NONE, REASONING, SHORTLIST, SKIP, listed_as

LISTED = 6  # the most on the shortlist: an untuned model would list all, and never come to an end
ANCHOR_TOKENS = 24  # the most that a line says after its anchor's quotation mark, and
EVIDENCE_TOKENS = 32  # after "keep:" or "drop:"


def guided(candidates: Sequence[Candidate]) -> Script:
    """The steps of a trace over numbered candidates."""
    left = {f"{one.number}.": one for one in candidates}
    yield Given(SHORTLIST)
    listed: list[Candidate] = []
    while left and len(listed) < LISTED:
        chosen = yield Choice([*left, REASONING] if listed else list(left))
        if chosen == REASONING:
            break
        listed.append(left.pop(chosen))
        yield Given(f" {listed_as(listed[-1])}")
        yield Line(ANCHOR_TOKENS)
    else:
        yield Given(REASONING)
    yield from _judged([(f"{one.number}.", one) for one in listed], ":")


def guided_by_ratings(candidates: Sequence[Candidate]) -> Script:
    """The steps of a trace over numbered candidates that the prompt has rated."""
    yield Given(SHORTLIST)
    listed: list[Candidate] = []
    for one in candidates:
        yield Given(f"{one.number}.")
        naming, skipping = f" {listed_as(one)}", f" {SKIP}\n"
        if one is candidates[-1] and not listed:
            yield Given(naming)
        elif (yield Choice([naming, skipping])) == skipping:
            continue
        listed.append(one)
        yield Line(ANCHOR_TOKENS)
    yield Given(REASONING)
    yield from _judged([(rated_line(one), one) for one in listed], ",")


def _judged(listed: Sequence[tuple[str, Candidate]], after: str) -> Script:
    """A verdict for each label, after the words that begin its line, and the answer. `after`: what
    stands between a verdict and its evidence."""
    for words, _ in listed:
        yield Given(words)
        yield Choice([f" keep{after}", f" drop{after}"])
        yield Line(EVIDENCE_TOKENS)
    yield Given(ANSWER)
    yield from _answer([str(one.number) for _, one in listed])


def _answer(numbers: Sequence[str]) -> Script:
    """Numbers with commas between them, each at most once; or none."""
    left = list(numbers)
    while left:
        options = [f" {number}\n" for number in left]
        if len(left) > 1:
            options += [f" {number}," for number in left]
        if len(left) == len(numbers):
            options.append(f" {NONE}\n")
        chosen = yield Choice(options)
        if chosen.endswith("\n"):
            return
        left.remove(chosen[1:-1])
