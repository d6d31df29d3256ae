"""What each arm's loss holds, on small models where all of it can be checked."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from core.distill.arm import LOOKS_INSIDE, Arm
from core.distill.arms import OFF, ArmLoss, Heads, PhaseExample, heads_beside, random_heads
from core.distill.examples import Example
from core.distill.head_map import HeadMap
from core.distill.losses import PHASE_1, PHASE_2, LossWeights, Schedule, TermName
from core.distill.precision import Precision, products_in
from core.errors import InputError
from core.mechanism.architecture import Architecture
from core.models.adapters import student_of, with_adapter
from tests.models.test_lean import tiny

KEEP, DROP = 7, 8
ONE, TWO = ((0, 1), (1, 3)), ((1, 0), (2, 2), (2, 3))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def example() -> PhaseExample:
    ids = torch.randint(20, 60, (40,), generator=torch.Generator().manual_seed(4))
    ids[31], ids[36] = KEEP, DROP
    weights = torch.tensor([0.0] * 14 + [1.0] * 26)
    plain = Example("d", ids, 14, weights, torch.tensor([9, 12]), torch.tensor([1.0, 0.0]))
    late = tuple(range(28, 38))
    return PhaseExample(
        plain,
        document=tuple(range(1, 8)),
        anchors=(3, 5),
        early=tuple(range(14, 28)),
        late=late,
        late_right=tuple(at < 33 for at in late),
        right=(15, 16),
        wrong=(21, 22),
        verdicts=(30, 35),
    )


def same_heads(one: tuple[Any, ...] = ONE, two: tuple[Any, ...] = TWO) -> Heads:
    return Heads(*(HeadMap(some, some, (1.0,) * len(some)) for some in (one, two)))


def loss(arm: Arm, teacher: Any, **more: Any) -> ArmLoss:
    heads = same_heads() if arm in LOOKS_INSIDE else None
    return ArmLoss(arm, teacher, KEEP, DROP, {"d": example()}, heads, **more)


def student(teacher: Any, seed: int = 0) -> Any:
    """The teacher's own layers with an adapter that does nothing yet."""
    depth = teacher.config.num_hidden_layers
    return with_adapter(student_of(teacher, range(depth)), 4, 8, seed)


@pytest.mark.parametrize("arm", list(Arm))
def test_every_arm_trains_the_adapter_and_nothing_else(arm: Arm) -> None:
    teacher = tiny("llama")
    model = student(teacher)
    losses = loss(arm, teacher)(model, [example().example])[0]
    assert torch.isfinite(losses["total"])
    losses["total"].backward()
    moved = [p for p in model.parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert moved
    assert all(p.grad is None for p in teacher.parameters())
    added = losses.keys() - {"total", "L_cot"}
    wanted = {
        Arm.STANDARD: set(),
        Arm.LONGER: set(),
        Arm.LOGITS: {"L_logits"},
        Arm.MARGIN: {"L_margin"},
    }.get(arm, {term.value for term in TermName})
    assert added == wanted


def test_the_total_is_the_sum_that_the_arm_says() -> None:
    teacher, given = tiny("llama"), LossWeights(0.5, 2.0)
    whole = loss(Arm.MECHANISTIC, teacher, weights=given)(student(teacher), [example().example])[0]
    one = sum(whole[term.value] for term in PHASE_1)
    two = sum(whole[term.value] for term in PHASE_2)
    torch.testing.assert_close(whole["total"], whole["L_cot"] + 0.5 * one + 2.0 * two)
    for arm, left in ((Arm.NO_PHASE_1, 2.0 * two), (Arm.NO_PHASE_2, 0.5 * one)):
        part = loss(arm, teacher, weights=given)(student(teacher), [example().example])[0]
        torch.testing.assert_close(part["total"], part["L_cot"] + left)
    for arm, (term,) in ((a, t) for a, t in OFF.items() if len(t) == 1):
        part = loss(arm, teacher, weights=given)(student(teacher), [example().example])[0]
        weight = 0.5 if term in PHASE_1 else 2.0
        torch.testing.assert_close(part["total"], whole["total"] - weight * whole[term.value])
    plain = loss(Arm.STANDARD, teacher)(student(teacher), [example().example])[0]
    torch.testing.assert_close(plain["total"], whole["L_cot"], atol=1e-4, rtol=1e-4)


def test_the_weight_of_the_phases_goes_along_with_the_training() -> None:
    teacher = tiny("llama")
    arm = loss(Arm.MECHANISTIC, teacher, weights=LossWeights(schedule=Schedule.FADING))
    first, late = (arm(student(teacher), [example().example], along)[0] for along in (0.0, 0.75))
    phases = sum(first[term.value] for term in TermName)
    torch.testing.assert_close(first["total"], first["L_cot"] + phases)
    torch.testing.assert_close(late["total"], late["L_cot"] + phases / 4)


def test_a_student_equal_to_its_teacher_has_nothing_to_learn_from_its_heads() -> None:
    teacher = tiny("llama")
    same = loss(Arm.MECHANISTIC, teacher)(student(teacher), [example().example])[0]
    for term in (TermName.ATTN_1, TermName.INT_1, TermName.LOOP_2, TermName.INT_2):
        assert abs(float(same[term.value])) < 1e-5, term
    logits = loss(Arm.LOGITS, teacher)(student(teacher), [example().example])[0]
    assert abs(float(logits["L_logits"])) < 1e-5
    other = student(teacher)
    with torch.no_grad():
        for name, weight in other.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.2)
    changed = loss(Arm.MECHANISTIC, teacher)(other, [example().example])[0]
    assert all(float(changed[t.value]) > 1e-4 for t in (TermName.ATTN_1, TermName.LOOP_2))
    assert float(loss(Arm.LOGITS, teacher)(other, [example().example])[0]["L_logits"]) > 1e-3


@pytest.mark.parametrize("arm", [Arm.MECHANISTIC, Arm.LOGITS, Arm.MARGIN])
def test_products_in_bfloat16_give_nearly_the_same_losses(arm: Arm) -> None:
    teacher = tiny("llama")
    other = student(teacher)
    with torch.no_grad():
        for name, weight in other.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.2)
    exact = loss(arm, teacher)(other, [example().example])[0]
    with products_in(Precision.BFLOAT16, "cpu"):
        half = loss(arm, teacher)(other, [example().example])[0]
    assert half.keys() == exact.keys()
    for name, value in exact.items():
        torch.testing.assert_close(half[name], value, atol=0.02, rtol=0.1, msg=name)
    assert half["total"].item() != exact["total"].item()
    half["total"].backward()


def test_the_margin_is_that_of_the_right_verdict() -> None:
    teacher = tiny("llama")
    model = student(teacher)
    found = loss(Arm.MARGIN, teacher)(model, [example().example])[0]["L_margin"]
    logits = model(example().example.ids[None]).logits[0]
    margin = logits[:, KEEP] - logits[:, DROP]
    by_hand = torch.nn.functional.softplus(torch.stack([-margin[30], margin[35]])).mean()
    torch.testing.assert_close(found, by_hand, atol=1e-5, rtol=1e-5)


def test_a_shallower_student_reads_its_own_heads() -> None:
    teacher = tiny("llama")
    model = with_adapter(student_of(teacher, [0, 2]), 4, 8, 0)
    heads = Heads(
        HeadMap(ONE, ((0, 1), (0, 3)), (1.0, 1.0)),
        HeadMap(TWO, ((1, 0), (1, 2), (1, 3)), (1.0, 1.0, 1.0)),
    )
    arm = ArmLoss(Arm.MECHANISTIC, teacher, KEEP, DROP, {"d": example()}, heads)
    losses = arm(model, [example().example])[0]
    losses["total"].backward()
    assert float(losses[TermName.LOOP_2.value]) > 0
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_a_trace_without_phases_teaches_its_words_alone() -> None:
    teacher = tiny("llama")
    arm = ArmLoss(Arm.MECHANISTIC, teacher, KEEP, DROP, {}, same_heads())
    losses = arm(student(teacher), [example().example])[0]
    assert losses.keys() == {"total", "L_cot"}


def test_heads_by_chance_lie_where_the_chosen_ones_do() -> None:
    architecture = Architecture.of(tiny("llama"))
    chosen = [(0, 1), (0, 3), (2, 0)]
    drawn = heads_beside(architecture, chosen, chosen, seed=1)
    assert [layer for layer, _ in drawn] == [layer for layer, _ in chosen]
    assert not set(drawn) & set(chosen)
    assert len(set(drawn)) == 3
    assert drawn == heads_beside(architecture, chosen, chosen, seed=1)
    assert len({heads_beside(architecture, chosen, chosen, seed) for seed in range(9)}) > 1
    whole = [head for head in architecture.all_heads if head[0] == 0]
    (beside,) = heads_beside(architecture, [(0, 0)], whole, seed=1)
    assert beside[0] == 1, "the layer has no other, so the next one"
    with pytest.raises(InputError, match="too few"):
        heads_beside(architecture, chosen, architecture.all_heads, seed=1)


def test_random_heads_are_drawn_once_each() -> None:
    architecture = Architecture.of(tiny("llama"))
    drawn = random_heads(architecture, 5, 1)
    assert len(set(drawn)) == 5
    assert drawn == random_heads(architecture, 5, 1) != random_heads(architecture, 5, 2)
    with pytest.raises(InputError, match="heads"):
        random_heads(architecture, 10_000, 0)
    with pytest.raises(InputError, match="needs heads"):
        ArmLoss(Arm.RANDOM_HEADS, tiny("llama"), KEEP, DROP)
