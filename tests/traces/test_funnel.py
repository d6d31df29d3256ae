"""Fates as a funnel."""

from core.rerank.base import Fate
from core.traces.funnel import STEPS, funnel


def test_every_fate_is_lost_at_exactly_one_step():
    assert {fate for _, fate in STEPS} == set(Fate) - {Fate.SELECTED}
    steps = funnel(Fate)
    assert steps[0].count == len(Fate)
    assert [s.lost for s in steps[1:]] == [1] * len(STEPS)
    assert steps[-1].count == 1


def test_selected_labels_pass_every_step():
    assert [s.count for s in funnel([Fate.SELECTED, Fate.SELECTED])] == [2] * (len(STEPS) + 1)


def test_no_gold_is_all_zero():
    assert {s.count for s in funnel([])} == {0}
