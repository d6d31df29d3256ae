"""Layers go one after the other, each time the one that is missed least."""

import math
from typing import Any

import pytest
import torch

from core.distill import pruning
from core.distill.packed import hidden_states
from core.distill.precision import Precision
from core.distill.pruning import least_missed
from core.distill.text_losses import trace_loss
from core.errors import InputError
from core.models.adapters import student_of
from tests.distill.test_text_losses import example
from tests.models.test_lean import tiny


@pytest.fixture(autouse=True)
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "precision_here", lambda: Precision.FLOAT32)


def sharp(model: Any) -> Any:
    """With logits far enough apart for layers to matter."""
    with torch.no_grad():
        model.lm_head.weight.mul_(20)
        for n, layer in enumerate(model.model.layers):
            layer.mlp.down_proj.weight.mul_(3.0 + n)
    return model


def loss(model: Any, layers: list[int]) -> float:
    with torch.no_grad():
        (states,) = hidden_states(student_of(model, layers), [example().ids])
        return float(trace_loss(model, states, example()))


def test_each_removal_leaves_the_lowest_loss_there_is() -> None:
    model, kept = sharp(tiny("llama")), [0, 1, 2]
    removed = least_missed(model, [example()], 2)
    assert removed is not None
    for one in removed:
        losses = {layer: loss(model, [n for n in kept if n != layer]) for layer in kept}
        assert len({round(value, 4) for value in losses.values()}) == len(kept)
        assert one.layer == min(losses, key=losses.__getitem__)
        assert math.isclose(one.loss, losses[one.layer], rel_tol=1e-5)
        kept.remove(one.layer)


def test_it_stops_when_asked_and_leaves_a_layer() -> None:
    model = tiny("llama")
    assert least_missed(model, [example()], 1, cancelled=lambda: True) is None
    assert least_missed(model, [example()], 0) == []
    first = least_missed(model, [example()], 1)
    assert first
    other = least_missed(model, [example()], 1, spared=[first[0].layer])
    assert other
    assert other[0].layer != first[0].layer
    assert other[0].loss >= first[0].loss
    for count, texts in ((3, [example()]), (1, [])):
        with pytest.raises(InputError, match="cannot go"):
            least_missed(model, texts, count)
