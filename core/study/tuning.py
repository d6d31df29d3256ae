"""Settings that an arm is tried with on dev, before any of its students is trained for the test.

The standard and the mechanistic arm are tried with equally many settings, in equally many steps.
The other arms take the setting of the one that they are a variation of. The best one has the
highest mean over datasets of example-based F1 of the traces' answers; of equals, the first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.datasets.base import Split
from core.distill.arms import LOOKS_INSIDE, Arm
from core.distill.lessons import Taught
from core.metrics.sets import example_f1
from core.models.base import Generated, Request
from core.models.local import LocalModel
from core.rerank.base import Decoding
from core.rerank.parser import parse
from core.rerank.prompts import RATED_PROMPT, build_prompt

TUNED = (Arm.STANDARD, Arm.MECHANISTIC)
TUNING_SPLIT = Split.DEV
AT_ONCE = 8

Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Setting:
    """`weight`: lambda_1 and lambda_2, and the weight of what other arms add to L_cot."""

    learning_rate: float
    weight: float = 1.0


def tuned_as(arm: Arm) -> Arm:
    """The arm whose setting an arm takes."""
    return Arm.MECHANISTIC if arm in LOOKS_INSIDE else Arm.STANDARD


def best_of(settings: Sequence[Setting], tried: Mapping[int, Mapping[str, Any]]) -> Setting:
    """`tried`: results by the settings' numbers, each with `example_f1` by dataset."""
    if not tried:
        return settings[0]

    def mean_f1(number: int) -> float:
        scores: list[float] = list(tried[number]["example_f1"].values())
        return sum(scores) / len(scores)

    return settings[max(sorted(tried), key=mean_f1)]


def answered_f1(
    model: LocalModel, taught: Sequence[Taught], max_new_tokens: int, cancelled: Cancelled
) -> list[float]:
    """Example-based F1 of what a model's traces answer about documents, in their order; fewer
    where cancelled."""
    decoding = Decoding(max_new_tokens=max_new_tokens)
    asked: dict[int, int] = {}
    found: dict[int, float] = {}

    def requests() -> Iterator[Request]:
        for at, one in enumerate(taught):
            if cancelled():
                return
            prompt = build_prompt(RATED_PROMPT, one.document.text, one.candidates)
            request = Request(prompt, decoding, lambda piece: None, cancelled)
            asked[id(request)] = at
            yield request

    for request, outcome in model.generate_many(requests(), AT_ONCE):
        at = asked[id(request)]
        answer: Sequence[str] = ()
        if isinstance(outcome, Generated):
            parsed = parse(outcome.text, taught[at].candidates, outcome.finish_reason)
            answer = parsed.answer or ()
        found[at] = example_f1(set(answer), set(taught[at].document.gold))
    return [found[at] for at in sorted(found)]
