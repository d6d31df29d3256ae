"""What leaving out a step changes, with the packaged model."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.config import Settings
from core.errors import InputError
from core.mechanism.analysis import Inside, answer_text
from core.mechanism.step_importance import step_importance
from core.models.catalogue import PACKAGED
from core.models.local import LocalModel
from core.traces.steps import sentences_of
from tests.mechanism.example import CANDIDATES, TRACE, example

pytestmark = pytest.mark.model
STEPS = sentences_of(TRACE)


@pytest.fixture(scope="module")
def inside(shared_home: Path) -> Inside:
    model = LocalModel.load(replace(PACKAGED, dtype="float32"), Settings(home=shared_home))
    return Inside.open(model)


def shares(inside: Inside, text: str) -> torch.Tensor:
    """Probabilities of the numbers 1 to 10 as the answer, whole text by whole text."""
    model, found = inside.model, []
    one = example(model.render)

    def ids(part: str) -> list[int]:
        return list(model.tokenizer(part, add_special_tokens=False)["input_ids"])

    before = ids(one.rendered) + ids(text)
    for candidate in CANDIDATES:
        ending = ids(f" {candidate.number}")
        with torch.no_grad():
            logits = model.model(torch.tensor([before + ending])).logits[0].float()
        after = logits[len(before) - 1 : -1].log_softmax(-1)
        found.append(float(after[range(len(ending)), ending].sum()))
    chances = torch.tensor(found).exp()
    chances[0] -= chances[9]  # "1" begins "10"
    return chances / chances.sum()


def test_it_is_the_distance_of_the_answers_with_and_without_a_step(inside: Inside) -> None:
    one = example(inside.model.render)
    found = step_importance(inside, one, STEPS)
    assert found is not None
    assert len(found) == len(STEPS)
    assert all(0 <= value <= 1 for value in found)
    assert max(found) > 0.001
    before = answer_text(TRACE)
    start, end = STEPS[5]
    whole, without = shares(inside, before), shares(inside, before[:start] + before[end:])
    assert found[5] == pytest.approx(float((whole - without).abs().sum() / 2), abs=2e-4)
    assert found[-1] == 0.0, "the answer itself"


def test_it_can_be_cancelled_and_says_why_it_cannot_be_told(inside: Inside) -> None:
    one = example(inside.model.render)
    asked = iter([False, True])
    assert step_importance(inside, one, STEPS, cancelled=lambda: next(asked)) is None
    with pytest.raises(InputError, match="not known which labels"):
        step_importance(inside, replace(one, candidates=()), STEPS)
