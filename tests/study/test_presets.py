"""Every preset's plan can be worked through from its beginning to its end."""

import pytest

from core.config import Settings
from core.distill.arm import TITLES, Arm
from core.errors import InputError
from core.study.presets import LAPTOP, PRESETS, SMOKE, Preset
from core.study.study import Study
from db.session import Store


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_each_cell_comes_after_those_that_it_stands_on(
    preset: Preset, settings: Settings, store: Store
) -> None:
    done: set[str] = set()
    for cell in Study(settings, store, preset, lambda *told: None, lambda: False).plan():
        assert set(cell.after) <= done, cell.name
        done.add(cell.name)


def test_traces_that_are_not_in_the_store_are_written_anew_where_they_are_needed(
    settings: Settings, store: Store
) -> None:
    study = Study(settings, store, SMOKE, lambda *told: None, lambda: False)
    (traces,) = [cell for cell in study.plan() if cell.name == "traces/icd"]
    study.work.done["traces/icd"] = {"run": "elsewhere", "documents": 3, "failed": 1}
    assert not traces.kept()
    study.work.done["traces/icd"] = {"run": "elsewhere", "documents": 3, "failed": 3}
    assert traces.kept(), "all of them failed: there is nothing to write anew"


def test_a_student_is_not_trained_where_what_the_teacher_was_shown_is_away(
    settings: Settings, store: Store
) -> None:
    work = Study(settings, store, SMOKE, lambda *told: None, lambda: False).work
    work.done["test/teacher/icd"] = {"run": "elsewhere", "documents": 2, "failed": 0}
    with pytest.raises(InputError, match="runs of the study smoke are not here"):
        work.shown_in("icd")


def test_a_study_that_is_broken_off_has_the_headline_and_its_controls_first() -> None:
    order = [f"{arm.value}-{seed}" for arm, seed in LAPTOP.students()]
    assert set(order[:4]) == {"standard-0", "mechanistic-0", "margin-0", "random-heads-0"}
    assert order[4:8] == ["standard-1", "mechanistic-1", "standard-2", "mechanistic-2"]
    assert len(order) == len(set(order)) == len(LAPTOP.arms) + 4


def test_every_arm_has_a_title_of_its_own() -> None:
    assert TITLES.keys() == set(Arm)
    assert len(set(TITLES.values())) == len(Arm)
