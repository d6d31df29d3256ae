"""What a study makes of traces and heads."""

import torch

from core.distill.head_map import depths_of
from core.study.material import in_turn, map_together


def attention(layers: int, heads: int = 3) -> torch.Tensor:
    made = torch.Generator().manual_seed(1)
    return torch.rand((layers, heads, 6, 8), generator=made)


def test_heads_that_a_student_has_kept_take_after_themselves() -> None:
    teacher, layers = attention(6), (0, 3, 5)
    chosen = {"coarse": [(3, 1), (4, 0)], "refine": [(5, 2), (0, 0)]}
    depths = depths_of(layers, 6)
    found = map_together(teacher, teacher[list(layers)], chosen, depths)
    assert found["coarse"].student[0] == (1, 1)
    assert found["refine"].student == ((2, 2), (0, 0))
    assert found["refine"].likeness == (1.0, 1.0)
    assert found["coarse"].likeness[1] < 1.0, "layer 4 is gone, so another one does"


def test_a_student_head_takes_after_one_head_in_all_phases() -> None:
    teacher = attention(4)
    lost = {"coarse": [(1, 0), (1, 1)], "refine": [(3, 0), (3, 1), (1, 0)]}
    found = map_together(teacher, teacher[[0, 2]], lost, depths_of((0, 2), 4))
    first, second = found["coarse"].student
    assert found["refine"].student[2] == first, "one teacher head has one student head"
    assert len({first, second, *found["refine"].student[:2]}) == 4


def test_parts_are_dealt_out_evenly() -> None:
    assert in_turn([["a", "b"], ["x", "y", "z", "w"]]) == ["x", "a", "y", "z", "b", "w"]
