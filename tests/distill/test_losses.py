"""The six phase losses by their definitions: worked by hand, differentiated, and at their edges."""

import math
from dataclasses import replace

import pytest
import torch

from core.distill.base import (
    HeadView,
    PhaseOneKeys,
    PhaseTwoKeys,
    anchor_directions,
    margin_directions,
    select_heads,
)
from core.distill.losses import (
    PHASE_1,
    LossWeights,
    PhaseLosses,
    Schedule,
    TermName,
    attention_loss,
    interaction_loss_1,
    interaction_loss_2,
    loop_loss,
    phase_losses,
    write_loss_1,
    write_loss_2,
)
from core.errors import InputError

KEYS_1 = PhaseOneKeys(
    document=torch.tensor([False, True, True, True, True, False]),
    anchors=torch.tensor([False, False, True, True, False, False]),
)
KEYS_2 = PhaseTwoKeys(
    shortlist=torch.tensor([False, False, True, True, False, False]),
    near_misses=torch.tensor([False, False, False, False, True, False]),
)


def view(seed: int, heads: int = 3, queries: int = 4, width: int = 5, keys: int = 6) -> HeadView:
    """Random softmax rows and writes in float64, with u for each query (or c, by broadcasting)."""
    chance = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=chance, dtype=torch.float64)

    rows = normal(heads, queries, keys).softmax(-1)
    return HeadView(rows, normal(heads, queries, width), normal(queries, width))


def all_terms(teacher: HeadView, student: HeadView, **options: object) -> PhaseLosses:
    return phase_losses(teacher, student, KEYS_1, teacher, student, KEYS_2, **options)  # type: ignore[arg-type]


def values(losses: PhaseLosses) -> dict[TermName, float]:
    return {name: float(term.value) for name, term in losses.terms.items()}


# One head, one query. Keys: 0 outside, 1 and 2 inside the set that each test names.
#
# Teacher: attention (0.5, 0.25, 0.25), write (3, 4), towards (1, 0): cosine 3/5.
# Student: attention (0.2, 0.6, 0.2), write (0, 0, 2), towards (0, 3, 4): cosine 4/5. Wider.
TEACHER = HeadView(
    torch.tensor([[[0.5, 0.25, 0.25]]]), torch.tensor([[[3.0, 4.0]]]), torch.tensor([[1.0, 0.0]])
)
STUDENT = HeadView(
    torch.tensor([[[0.2, 0.6, 0.2]]]),
    torch.tensor([[[0.0, 0.0, 2.0]]]),
    torch.tensor([[0.0, 3.0, 4.0]]),
)
INSIDE = torch.tensor([False, True, True])
FIRST, LAST = torch.tensor([False, True, False]), torch.tensor([False, False, True])


def test_attention_is_renormalised_over_the_document_and_compared_by_kl() -> None:
    # Over keys 1, 2 the teacher has (1/2, 1/2), the student (3/4, 1/4).
    # KL = 1/2 ln(2/3) + 1/2 ln 2 = 1/2 ln(4/3) = 0.143841
    got = attention_loss(TEACHER, STUDENT, PhaseOneKeys(INSIDE, FIRST))
    assert float(got.value) == pytest.approx(0.143841, abs=1e-5)
    assert float(loop_loss(TEACHER, STUDENT, PhaseTwoKeys(FIRST, LAST)).value) == pytest.approx(
        0.143841, abs=1e-5
    )


def test_writes_towards_anchors_weigh_as_much_as_the_teachers() -> None:
    # max(0, 3/5) * (1 - 4/5) = 0.12
    assert float(write_loss_1(TEACHER, STUDENT).value) == pytest.approx(0.12)
    away = replace(TEACHER, writes=-TEACHER.writes)
    assert float(write_loss_1(away, STUDENT).value) == 0.0


def test_looking_at_anchors_and_writing_them_are_coupled() -> None:
    # Anchor: key 1. s_T = 0.25 * 3/5 = 0.15, s_S = 0.6 * 4/5 = 0.48, squared difference 0.1089
    got = interaction_loss_1(TEACHER, STUDENT, PhaseOneKeys(INSIDE, FIRST))
    assert float(got.value) == pytest.approx(0.1089)


def test_writes_along_the_margin_are_rewarded() -> None:
    # softplus(-(4/5) / 0.1) = ln(1 + e^-8) = 0.000335406; with tau 0.8: ln(1 + 1/e) = 0.313262
    keys = PhaseTwoKeys(FIRST, LAST)
    assert float(write_loss_2(STUDENT, keys).value) == pytest.approx(0.000335406, rel=1e-3)
    assert float(write_loss_2(STUDENT, keys, tau=0.8).value) == pytest.approx(0.313262, rel=1e-5)


def test_looking_at_right_labels_and_widening_the_margin_are_coupled() -> None:
    # SL key 1, NM key 2. r_T = (0.25 - 0.25) * 3/5 = 0, r_S = (0.6 - 0.2) * 4/5 = 0.32; 0.1024
    got = interaction_loss_2(TEACHER, STUDENT, PhaseTwoKeys(FIRST, LAST))
    assert float(got.value) == pytest.approx(0.1024)


@pytest.mark.parametrize("name", list(TermName))
def test_gradients_are_right(name: TermName) -> None:
    teacher, student = view(1), view(2, width=4)
    inputs = [
        t.clone().requires_grad_() for t in (student.attention, student.writes, student.towards)
    ]

    def term(*tensors: torch.Tensor) -> torch.Tensor:
        return all_terms(teacher, HeadView(*tensors)).terms[name].value

    assert torch.autograd.gradcheck(term, inputs)


@pytest.mark.parametrize("seed", range(5))
def test_a_student_equal_to_its_teacher_has_nothing_to_learn_from_the_terms_that_compare(
    seed: int,
) -> None:
    teacher = view(seed)
    got = values(all_terms(teacher, teacher))
    for name in (TermName.ATTN_1, TermName.INT_1, TermName.LOOP_2, TermName.INT_2):
        assert got[name] == pytest.approx(0.0, abs=1e-12)
        away = values(all_terms(teacher, view(seed + 100)))[name]
        assert away > got[name]


@pytest.mark.parametrize("seed", range(5))
def test_nearer_to_the_teacher_is_never_worse_in_attention(seed: int) -> None:
    """KL is convex in the student's attention, renormalised as it is compared."""
    teacher, student = view(seed), view(seed + 50)
    goal = teacher.attention * KEYS_1.document
    start = student.attention * KEYS_1.document
    goal, start = (x / x.sum(-1, keepdim=True) for x in (goal, start))
    steps = [
        float(
            attention_loss(teacher, replace(student, attention=start.lerp(goal, t)), KEYS_1).value
        )
        for t in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert steps == sorted(steps, reverse=True)


def test_the_two_write_terms_are_least_along_the_goal_and_not_at_the_teacher() -> None:
    """L_write(1) is least, 0, where the student writes along its own c, and L_write(2) along its
    own u: softplus(-1/tau). A teacher that does neither is not their minimum."""
    teacher = view(3)
    along = replace(teacher, writes=teacher.towards.expand(3, 4, 5))
    at_teacher, at_goal = values(all_terms(teacher, teacher)), values(all_terms(teacher, along))
    assert at_goal[TermName.WRITE_1] == pytest.approx(0.0, abs=1e-12)
    assert at_goal[TermName.WRITE_2] == pytest.approx(math.log1p(math.exp(-10)))
    for name in (TermName.WRITE_1, TermName.WRITE_2):
        assert at_teacher[name] > at_goal[name]


def test_with_its_teachers_writes_l_write_1_is_the_teachers_own_shortfall() -> None:
    cos = torch.cosine_similarity(*torch.broadcast_tensors(view(3).writes, view(3).towards), dim=-1)
    expected = (cos.clamp_min(0) * (1 - cos)).mean()
    assert float(write_loss_1(view(3), view(3)).value) == pytest.approx(float(expected))


def test_l_write_2_does_not_depend_on_the_teacher() -> None:
    student = view(9)
    got = {values(all_terms(view(seed), student))[TermName.WRITE_2] for seed in range(4)}
    assert len(got) == 1


def test_the_teacher_gets_no_gradient_and_every_part_of_the_student_does() -> None:
    teacher, student = view(1), view(2)
    parts = [
        t.requires_grad_() for v in (teacher, student) for t in (v.attention, v.writes, v.towards)
    ]
    all_terms(teacher, student).total.backward()
    assert all(part.grad is None for part in parts[:3])
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in parts[3:])


@pytest.mark.parametrize("seed", range(20))
def test_random_shapes_give_finite_terms_in_their_ranges(seed: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    heads, queries, keys, wide, narrow = (
        int(torch.randint(1, 9, (), generator=chance)) for _ in range(5)
    )
    teacher, student = (
        view(seed + i, heads, queries, w, keys) for i, w in ((0, wide), (99, narrow))
    )
    flags = [torch.rand(queries, keys, generator=chance) < 0.4 for _ in range(3)]
    one = PhaseOneKeys(flags[0][0], flags[0][0] & flags[1][0])
    two = PhaseTwoKeys(flags[1], flags[2] & ~flags[1], flags[0].any(-1))
    losses = phase_losses(teacher, student, one, teacher, student, two)
    got = values(losses)
    tops = dict(zip(TermName, (math.inf, 2.0, 4.0, math.inf, 10.01, 4.0), strict=True))
    assert all(-1e-12 <= got[name] <= tops[name] for name in TermName)
    order = torch.randperm(heads, generator=chance)
    same = [HeadView(v.attention[order], v.writes[order], v.towards) for v in (teacher, student)]
    assert values(phase_losses(*same, one, *same, two)) == pytest.approx(got)


def test_a_query_that_looks_nowhere_in_the_keys_is_left_out_of_the_mean() -> None:
    teacher, student = view(1), view(2)
    whole = values(all_terms(teacher, student))
    blind = torch.zeros(3, 1, 6, dtype=torch.float64)
    blind[..., 0] = 1.0  # key 0 is in no set
    more = [
        HeadView(
            torch.cat([v.attention, blind], 1),
            torch.cat([v.writes, v.writes[:, :1]], 1),
            torch.cat([v.towards, v.towards[:1]]),
        )
        for v in (teacher, student)
    ]
    got = all_terms(*more)
    for name in (TermName.ATTN_1, TermName.INT_1, TermName.LOOP_2, TermName.INT_2):
        assert values(got)[name] == pytest.approx(whole[name])
        assert int(got.terms[name].count) == 12


@pytest.mark.parametrize(
    "empty", ["anchors", "document", "shortlist", "near_misses", "writes", "c"]
)
def test_what_is_missing_gives_no_nan_in_values_or_gradients(empty: str) -> None:
    teacher, student = view(1), view(2)
    parts = [student.attention.clone(), student.writes.clone(), student.towards.clone()]
    if empty == "writes":
        parts[1][0] = 0.0
    if empty == "c":
        parts[2][:] = 0.0
    parts = [part.requires_grad_() for part in parts]
    none = torch.zeros(6, dtype=torch.bool)
    one = replace(KEYS_1, **{empty: none}) if empty in ("anchors", "document") else KEYS_1
    two = replace(KEYS_2, **{empty: none}) if empty in ("shortlist", "near_misses") else KEYS_2
    losses = phase_losses(teacher, HeadView(*parts), one, teacher, HeadView(*parts), two)
    losses.total.backward()
    assert math.isfinite(float(losses.total.detach()))
    assert all(part.grad is None or part.grad.isfinite().all() for part in parts)
    counts = {name: int(term.count) for name, term in losses.terms.items()}
    expected = dict.fromkeys(TermName, 12)
    if empty in ("anchors", "document"):
        expected[TermName.INT_1] = 0
    if empty == "document":
        expected[TermName.ATTN_1] = 0
    if empty in ("writes", "c"):
        left = 8 if empty == "writes" else 0
        for name in (TermName.WRITE_1, TermName.INT_1, TermName.WRITE_2, TermName.INT_2):
            expected[name] = left
    assert counts == expected


def test_attention_of_exactly_0_costs_much_and_no_infinity() -> None:
    student = HeadView(torch.tensor([[[0.0, 1.0, 0.0]]]), STUDENT.writes, STUDENT.towards)
    value = float(attention_loss(TEACHER, student, PhaseOneKeys(INSIDE, FIRST)).value)
    assert 5 < value < 20


def test_only_verdict_positions_count_in_l_write_2() -> None:
    student, at = view(4), torch.tensor([True, False, False, True])
    got = write_loss_2(student, replace(KEYS_2, verdicts=at))
    only = HeadView(student.attention[:, at], student.writes[:, at], student.towards[at])
    assert float(got.value) == pytest.approx(float(write_loss_2(only, KEYS_2).value))
    assert int(got.count) == 6


def test_bfloat16_is_summed_in_float32() -> None:
    teacher, student = (
        HeadView(*(t.bfloat16() for t in (v.attention, v.writes, v.towards)))
        for v in (view(1), view(2))
    )
    got = all_terms(teacher, student)
    assert all(term.value.dtype is torch.float32 for term in got.terms.values())
    wide = [
        HeadView(*(t.double() for t in (v.attention, v.writes, v.towards)))
        for v in (teacher, student)
    ]
    assert values(got) == pytest.approx(values(all_terms(*wide)), rel=1e-5)


def test_the_total_is_weighted_and_an_ablated_term_passes_no_gradient() -> None:
    teacher, student = view(1), view(2)
    got = values(all_terms(teacher, student))
    first = sum(got[name] for name in PHASE_1)
    second = sum(got.values()) - first
    for weights, expected in (
        (LossWeights(), first + second),
        (LossWeights(lambda_1=0.0), second),
        (LossWeights(lambda_2=0.0), first),
        (LossWeights(2.0, 0.5), 2 * first + second / 2),
        (LossWeights(sizes={TermName.ATTN_1: 4.0}), first + second - 0.75 * got[TermName.ATTN_1]),
        (LossWeights(2.0, 2.0, schedule=Schedule.FADING).at(0.75), (first + second) / 2),
        (LossWeights(2.0, 2.0, schedule=Schedule.RISING).at(0.75), (first + second) * 1.5),
        (LossWeights(schedule=Schedule.RISING).at(0.0), 0.0),
        (LossWeights(2.0, 2.0).at(0.75), 2 * (first + second)),
        *((LossWeights(off=frozenset({n})), first + second - got[n]) for n in TermName),
    ):
        assert float(all_terms(teacher, student, weights=weights).total) == pytest.approx(expected)
    student.writes.requires_grad_()
    student.attention.requires_grad_()
    all_terms(
        teacher, student, weights=LossWeights(off=frozenset(TermName) - {TermName.ATTN_1})
    ).total.backward()
    assert student.writes.grad is None
    assert student.attention.grad is not None


@pytest.mark.parametrize(
    "call",
    [
        lambda: all_terms(view(1), view(2, heads=2)),
        lambda: all_terms(view(1), replace(view(2), writes=view(2).writes[:2])),
        lambda: all_terms(view(1), view(2), weights=LossWeights(lambda_1=-1.0)),
        lambda: all_terms(view(1), view(2), weights=LossWeights(sizes={TermName.ATTN_1: 0.0})),
        lambda: all_terms(view(1), view(2), tau=0.0),
        lambda: select_heads(torch.zeros(2, 3, 4), [(2, 0)]),
    ],
)
def test_what_does_not_fit_is_refused(call: object) -> None:
    with pytest.raises(InputError):
        call()  # type: ignore[operator]


def test_directions_come_from_the_models_own_states() -> None:
    residual = torch.arange(24.0).reshape(3, 4, 2)  # 2 layers, 4 positions
    anchors = torch.tensor([True, False, True, False])
    # Layer 1 is entered by states 1: positions 0 and 2 hold (8, 9) and (12, 13).
    got = anchor_directions(residual, anchors, [(1, 0), (0, 5)])
    assert got.tolist() == [[[10.0, 11.0]], [[2.0, 3.0]]]
    assert not anchor_directions(residual, anchors & False, [(0, 0)]).any()
    table = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    got = margin_directions(table, torch.tensor([0]), torch.tensor([1]))
    assert got.tolist() == [[1.0, -3.0]]
    assert select_heads(residual, [(2, 3), (0, 1)]).tolist() == [[22.0, 23.0], [2.0, 3.0]]
