"""What a study found is told where its runs are; where they are not, how to come by them."""

import json

import pytest

from core.config import Settings
from core.errors import InputError
from core.study.cell_files import cells_folder
from core.study.curves import measure_again
from core.study.presets import LAPTOP
from core.study.results import results
from core.study.verify import verify
from core.toolbox import Toolbox
from db.session import Store


@pytest.fixture
def elsewhere(settings: Settings) -> None:
    """The cell of a test whose run is on another machine."""
    folder = cells_folder(settings, "laptop")
    folder.mkdir(parents=True)
    cell = {"cell": "test/teacher/icd", "key": "k", "after": {}, "result": {"run": "elsewhere"}}
    (folder / "one.json").write_text(json.dumps(cell))


@pytest.mark.usefixtures("elsewhere")
def test_runs_that_are_elsewhere_are_not_taken_for_unfinished_ones(
    settings: Settings, store: Store
) -> None:
    with pytest.raises(InputError, match="runs of the study laptop are not here") as told:
        results(settings, store, LAPTOP)
    assert "`phaselens data get icd`" in told.value.fix
    assert "`phaselens results load --study laptop`" in told.value.fix


@pytest.mark.usefixtures("elsewhere")
def test_runs_that_are_elsewhere_cannot_be_verified(settings: Settings, store: Store) -> None:
    with pytest.raises(InputError, match="runs of the study laptop are not here"):
        verify(Toolbox(settings, store), store, "laptop", 1, lambda *told: None)


def test_nothing_tested_is_told(settings: Settings, store: Store) -> None:
    with pytest.raises(InputError, match="no results of the study laptop here"):
        results(settings, store, LAPTOP)
    with pytest.raises(InputError, match="no results"):
        verify(Toolbox(settings, store), store, "laptop", 1, lambda *told: None)
    with pytest.raises(InputError, match="no results"):
        measure_again(Toolbox(settings, store), store, "laptop", lambda *told: None)


@pytest.mark.usefixtures("elsewhere")
def test_curves_of_runs_that_are_elsewhere_cannot_be_measured(
    settings: Settings, store: Store
) -> None:
    with pytest.raises(InputError, match="runs of the study laptop are not here"):
        measure_again(Toolbox(settings, store), store, "laptop", lambda *told: None)
