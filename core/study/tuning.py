"""Settings that an arm is tried with on dev, before any of its students is trained for the test.

1. The standard arm is tried with each learning rate. The best one is everybody's.
2. Every arm that adds something to L_cot is tried with as many weights of it, at that rate.
3. Ablations take the setting of the mechanistic arm, and the longer standard one that of standard.

Each trial is a whole training with the first seed: the best one is the arm's student of that seed.
The best setting has the highest mean over datasets of example-based F1 of the traces' answers; of
equals, the first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.datasets.base import Split
from core.distill.arm import LOOKS_INSIDE, Arm
from core.distill.lessons import Taught
from core.metrics.sets import example_f1
from core.models.base import Generated, Outcome, Request
from core.models.local import LocalModel
from core.rerank.base import Decoding, Mode
from core.rerank.parser import parse
from core.rerank.prompts import RATED_PROMPT, build_prompt
from core.traces.base import FinishReason

TUNED = (Arm.STANDARD, Arm.MECHANISTIC, Arm.MARGIN, Arm.RANDOM_HEADS, Arm.LOGITS)
TUNING_SPLIT = Split.DEV
AT_ONCE = 8

Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Setting:
    """`weight`: lambda_1 and lambda_2, and the weight of what other arms add to L_cot."""

    learning_rate: float
    weight: float = 1.0

    @property
    def said(self) -> str:
        return f"rate-{self.learning_rate:g}-weight-{self.weight:g}"


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is tried, on so many dev documents of each dataset: learning rates with the standard
    arm, weights with each other one. Of one alone nothing is tried."""

    rates: tuple[float, ...]
    weights: tuple[float, ...]
    documents: int

    def of(self, arm: Arm, standard: Mapping[int, Mapping[str, Any]]) -> tuple[Setting, ...]:
        """The settings of an arm. `standard`: how those of the standard arm did, by number; not
        asked for its own."""
        rates = tuple(Setting(rate) for rate in self.rates)
        if tuned_as(arm) is Arm.STANDARD:
            return rates
        best = best_of(rates, standard)
        return tuple(Setting(best.learning_rate, weight) for weight in self.weights)

    def count(self, arm: Arm) -> int:
        """How many settings of an arm are tried."""
        found = len(self.rates if tuned_as(arm) is Arm.STANDARD else self.weights)
        return found if found > 1 else 0


def tuned_as(arm: Arm) -> Arm:
    """The arm whose setting an arm takes: itself, or the one that it is a variation of."""
    if arm in TUNED:
        return arm
    return Arm.MECHANISTIC if arm in LOOKS_INSIDE else Arm.STANDARD


def tuning_cell(arm: Arm, number: int) -> str:
    """The cell that tries a setting of an arm."""
    return f"tune/{arm.value}/{number}"


def tried_with(arm: Arm, done: Mapping[str, Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """How the settings did that an arm was tried with, by number. `done`: results by cell."""
    prefix = tuning_cell(arm, 0).removesuffix("0")
    return {
        int(name.removeprefix(prefix)): found
        for name, found in done.items()
        if name.startswith(prefix)
    }


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

    for request, outcome in _written(model, requests()):
        at = asked[id(request)]
        if isinstance(outcome, Generated) and outcome.finish_reason is FinishReason.CANCELLED:
            continue
        answer: Sequence[str] = ()
        if isinstance(outcome, Generated):
            parsed = parse(outcome.text, taught[at].candidates, outcome.finish_reason)
            answer = parsed.answer or ()
        found[at] = example_f1(set(answer), set(taught[at].document.gold))
    return [found[at] for at in sorted(found)]


def _written(model: LocalModel, requests: Iterator[Request]) -> Iterator[tuple[Request, Outcome]]:
    """Side by side, or one by one by a model that the lean network does not know."""
    if model.mode_for(Mode.FAST)[0] is Mode.FAST:
        yield from model.generate_many(requests, AT_ONCE)
        return
    for one in requests:
        yield (
            one,
            model.generate(
                one.prompt, one.decoding, on_piece=one.on_piece, cancelled=one.cancelled
            ),
        )
