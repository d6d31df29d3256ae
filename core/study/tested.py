"""The tests of a study that are done, and what to say where they, or their runs, are not here."""

from collections.abc import Sequence
from typing import Any

from core.config import Settings
from core.errors import InputError
from core.study.cell_files import cells_folder, read_results, tests_in
from core.study.shipped import get_them, shipped_packs

Tests = dict[str, dict[str, Any]]  # dataset -> system -> what its test told


def tests_of(settings: Settings, study: str) -> Tests:
    """By dataset and system, both in the order of their names. Raises InputError where there is
    none."""
    found: Tests = {}
    for system, dataset, told in tests_in(read_results(cells_folder(settings, study))):
        found.setdefault(dataset, {})[system] = told
    if not found:
        raise InputError(
            f"There are no results of the study {study} here.",
            f"Load them: {how_to_load(study)}; or run it: `phaselens distill`.",
        )
    return {dataset: dict(sorted(found[dataset].items())) for dataset in sorted(found)}


def runs_are_away(study: str, datasets: Sequence[str]) -> InputError:
    """That the results are known, and none of their runs is here. `datasets`: theirs."""
    return InputError(
        f"The runs of the study {study} are not here.",
        f"Get their datasets ({get_them(datasets)}), then load the runs: {how_to_load(study)}.",
    )


def how_to_load(study: str) -> str:
    """A study's results, as a command."""
    ships = study in {folder.name for folder in shipped_packs()}
    return f"`phaselens results load --{'study ' + study if ships else 'folder FOLDER'}`"
