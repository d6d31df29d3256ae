"""Every preset's plan can be worked through from its beginning to its end."""

import pytest

from core.config import Settings
from core.distill.arm import TITLES, Arm
from core.study.presets import PRESETS, SMOKE, Preset
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


def test_every_arm_has_a_title_of_its_own() -> None:
    assert TITLES.keys() == set(Arm)
    assert len(set(TITLES.values())) == len(Arm)
