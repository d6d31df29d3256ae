"""How far the losses of students came is told by what was seen in their trainings."""

import pytest

from core.study.made import AT_ENDS, learned_of
from db.session import Store
from db.trainings import save_training

CELLS = {
    "student/standard/0": {"adapter": "laptop-standard-0"},
    "student/mechanistic/0": {"adapter": "laptop-mechanistic-0"},
    "teacher": {"adapter": "laptop-teacher"},
}


def row(step: int, **losses: float) -> dict[str, float]:
    return {"step": step, "tokens": 100 * step, "seconds": float(step), **losses}


def test_losses_are_told_from_both_ends_of_a_training(store: Store) -> None:
    falling = [row(step, total=9.0, L_cot=100.0 / step) for step in range(1, 2 * AT_ENDS + 1)]
    with store.write() as session:
        save_training(session, system="laptop-standard-0", stage="traces", plan={}, curves=falling)
        save_training(session, system="laptop-teacher", stage="traces", plan={}, curves=falling)
    first = sum(100.0 / step for step in range(1, AT_ENDS + 1)) / AT_ENDS
    last = sum(100.0 / step for step in range(AT_ENDS + 1, 2 * AT_ENDS + 1)) / AT_ENDS
    told = learned_of(store, CELLS)
    assert list(told) == ["standard-0"]  # no teacher, and none whose training is not here
    assert set(told["standard-0"]) == {"L_cot"}
    assert told["standard-0"]["L_cot"] == pytest.approx({"first": first, "last": last})


def test_a_step_in_which_a_term_had_nothing_to_teach_counts_as_nought(store: Store) -> None:
    rows = [row(step, L_cot=2.0, **{"L_attn(1)": 1.0}) for step in range(1, AT_ENDS + 1)]
    del rows[0]["L_attn(1)"]
    with store.write() as session:
        save_training(session, system="laptop-mechanistic-0", stage="traces", plan={}, curves=rows)
    told = learned_of(store, CELLS)["mechanistic-0"]["L_attn(1)"]
    assert told["first"] == told["last"] == pytest.approx((AT_ENDS - 1) / AT_ENDS)
