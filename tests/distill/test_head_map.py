"""Heads are mapped by what they attend to and how deep they lie."""

import pytest
import torch

from core.distill.base import HeadView, PhaseOneKeys, select_heads
from core.distill.head_map import attention_likeness, depths_of, map_heads
from core.distill.losses import attention_loss
from core.errors import InputError


def attention(seed: int, layers: int = 4, heads: int = 3, noise: float = 0.0) -> torch.Tensor:
    """Random softmax rows `(layers, heads, 5, 9)`."""
    chance = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(layers, heads, 5, 9, generator=chance)
    return (scores + noise * torch.randn(scores.shape, generator=chance)).softmax(-1)


@pytest.mark.parametrize("one_to_one", [True, False])
def test_a_model_maps_to_itself_head_by_head(one_to_one: bool) -> None:
    got = map_heads(attention(0), attention(0), one_to_one=one_to_one)
    assert got.student == got.teacher
    assert got.likeness == pytest.approx([1.0] * 12, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_heads_are_found_again(seed: int) -> None:
    teacher, noisy = attention(seed), attention(seed, noise=0.2)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
    student = noisy.flatten(0, 1)[order].reshape(noisy.shape)
    got = map_heads(teacher, student, depth_weight=0.0)
    flat = [layer * 3 + head for layer, head in got.student]
    assert order[torch.tensor(flat)].tolist() == list(range(12))


def test_with_the_map_the_loss_of_a_shuffled_model_is_that_of_the_model() -> None:
    teacher = attention(1)
    student = teacher[:, [2, 0, 1]]
    found = map_heads(teacher, student)
    flat = torch.zeros(12, 5, 1)
    theirs, mine = (
        HeadView(select_heads(model, heads), flat, torch.zeros(5, 1))
        for model, heads in ((teacher, found.teacher), (student, found.student))
    )
    keys = PhaseOneKeys(torch.ones(9, dtype=torch.bool), torch.zeros(9, dtype=torch.bool))
    assert float(attention_loss(theirs, mine, keys).value) == pytest.approx(0.0, abs=1e-6)


def test_among_equal_heads_depth_decides() -> None:
    flat = torch.full((6, 1, 2, 4), 0.25)
    assert map_heads(flat, flat[:3], [(0, 0), (3, 0), (5, 0)]).student == ((0, 0), (1, 0), (2, 0))


def test_a_students_layers_lie_where_they_lay_in_its_teacher() -> None:
    flat = torch.full((6, 1, 2, 4), 0.25)
    depths = depths_of((0, 4, 5), 6)
    found = map_heads(flat, flat[:3], [(0, 0), (4, 0), (5, 0)], student_depths=depths)
    assert found.student == ((0, 0), (1, 0), (2, 0))
    assert map_heads(flat, flat[:3], [(4, 0)], student_depths=depths).student == ((1, 0),)
    assert map_heads(flat, flat[:3], [(4, 0)]).student == ((2, 0),), "evenly spread, it would be"


def test_more_teacher_heads_than_student_heads_must_share() -> None:
    teacher, student = attention(2), attention(2)[:2, :2]
    with pytest.raises(InputError):
        map_heads(teacher, student)
    got = map_heads(teacher, student, one_to_one=False)
    assert len(got.student) == 12
    assert set(got.student) <= {(layer, head) for layer in range(2) for head in range(2)}


def test_likeness_by_hand() -> None:
    a = torch.tensor([[[1.0, 0.0, 0.0]]])
    b = torch.tensor([[[0.0, 1.0, 0.0]], [[0.5, 0.5, 0.0]], [[2.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]])
    # No key in common: 0. Against (1/2, 1/2): H(3/4, 1/4) - (0 + 1)/2 = 0.811278 - 0.5 bits.
    # The same after renormalising: 1. A head that looks nowhere: 0.
    assert attention_likeness(a, b).tolist() == [pytest.approx([0.0, 0.688722, 1.0, 0.0], abs=1e-6)]


def test_other_tokens_are_refused() -> None:
    with pytest.raises(InputError):
        map_heads(attention(0), attention(0)[..., :8])
