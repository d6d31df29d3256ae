"""What the Compare page draws, computed once for a choice of runs."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.comparison.curves import mean_curves
from core.comparison.measures import Measure
from core.comparison.parts import fates, slices
from core.comparison.runs import Comparison, Less, Side, compare
from core.comparison.settings import Made, differing
from core.datasets.catalogue import label_frequencies
from core.distill.arm import TEACHER
from core.errors import DataError, InputError, UnknownNameError
from core.study.arms_compared import arms_over_seeds
from core.study.cell_files import cells_folder, read_results, tests_in
from core.study.offered import study_of
from core.systems import RunConfig
from db.run_curves import run_curves
from db.runs import answered_documents, answered_traces, load_run, run_records
from db.slices import documents_in, find_slice
from db.slices import slices as stored_slices
from pages.parts import errors, services

Runs = tuple[tuple[str, int], ...]  # ids, with how many traces can be read
HOW_TO_WORK_OUT = "open them on Traces, or `phaselens traces analyse`."
Written = tuple[tuple[str, int], ...]  # files of cells, with when they were written


def comparison_of(dataset: str, runs: tuple[str, ...], slice_: str = "") -> Comparison | None:
    """The comparison of some runs, over the documents of a slice ("": all); None where there is
    none, which is said."""
    settings = services.settings()
    waiting = left_to_work_out(runs)
    try:
        among = _documents_of(slice_, dataset) if slice_ else None
        return _compared(settings.database, settings.home, known(runs), among)
    except (InputError, UnknownNameError) as error:
        fix = error.fix
        if waiting:
            fix += f" {waiting:,} imported traces are not worked out yet: {HOW_TO_WORK_OUT}"
        errors.card(error.what, fix)
        return None


def _documents_of(slice_: str, dataset: str) -> frozenset[str]:
    with services.store().read() as session:
        return frozenset(documents_in(session, find_slice(session, slice_), dataset))


def slice_names() -> list[str]:
    with services.store().read() as session:
        return [one.name for one in stored_slices(session)]


def known(runs: tuple[str, ...]) -> Runs:
    with services.store().read() as session:
        return tuple((run, answered_traces(session, run)) for run in runs)


def left_to_work_out(runs: tuple[str, ...]) -> int:
    """Imported traces of these runs whose phases and answers are not known yet."""
    with services.store().read() as session:
        return sum(
            load_run(session, run).summary.done - answered_traces(session, run) for run in runs
        )


def sides_of(runs: tuple[str, ...]) -> dict[str, RunConfig]:
    """The settings of some runs, by the title that each has on the page."""
    titles = _titles(tuple((run, 0) for run in runs))
    with services.store().read() as session:
        return {titles[run]: load_run(session, run).summary.config for run in runs}


def settings_apart(found: Comparison) -> dict[str, tuple[str, ...]]:
    """In what else than their systems the runs differ, imported ones left out."""
    made = []
    for side in found.sides:
        with services.store().read() as session:
            stored = load_run(session, side.run)
        made.append(Made(stored.summary.config, stored.identity, side.imported))
    return differing(made)


@st.cache_data(max_entries=8, ttl="1h", show_spinner="Reading the runs ...")
def _compared(url: str, home: Path, runs: Runs, among: frozenset[str] | None) -> Comparison:
    sides = []
    titles = _titles(runs)
    for run, _ in runs:
        with services.store().read() as session:
            records = {record.document_id: record for record in run_records(session, run)}
            imported = load_run(session, run).summary.origin == "import"
        sides.append(Side(run, titles[run], records, imported))
    return compare(sides, among)


def _titles(runs: Runs) -> dict[str, str]:
    """The systems' names; with the beginning of the run's id where two have the same."""
    with services.store().read() as session:
        systems = {run: load_run(session, run).summary.system for run, _ in runs}
    counts = Counter(systems.values())
    return {
        run: f"{system} ({run[:6]})" if counts[system] > 1 else system
        for run, system in systems.items()
    }


def _key(found: Comparison) -> tuple[object, ...]:
    """What a comparison is of: the store, its runs as they now are, and the documents."""
    settings = services.settings()
    runs = known(tuple(side.run for side in found.sides))
    return settings.database, settings.home, runs, found.documents


KEYED: dict[str | type[Any], Callable[[Any], Any]] = {Comparison: _key}


@st.cache_data(max_entries=8, ttl="1h", show_spinner="Averaging the curves ...", hash_funcs=KEYED)
def curves_of(found: Comparison, teacher: tuple[str, str] | None = None) -> pd.DataFrame:
    """Mean curves of the sides; with `title`. `teacher`: a run beside them, with its title."""
    curves, wanted = {}, set(found.documents)
    titles = {side.run: side.title for side in found.sides} | dict([teacher] if teacher else [])
    for run in titles:
        with services.store().read() as session:
            some = run_curves(session, run)
            curves[run] = {document: points for document, points in some if document in wanted}
    frame = mean_curves(curves)
    return frame.assign(title=frame["run"].map(titles))


def teacher_beside(found: Comparison, dataset: str) -> tuple[str, str] | None:
    """The test run of the teacher of the sides' study, with its title, where it is none of them and
    has answered the same documents."""
    with services.store().read() as session:
        systems = [load_run(session, side.run).summary.system for side in found.sides]
    study = study_of(systems)
    if study is None or f"{study}-{TEACHER}" in systems:
        return None
    told = _tests(study).get((TEACHER, dataset))
    if told is None:
        return None
    with services.store().read() as session:
        if not set(found.documents) <= answered_documents(session, told):
            return None
    return told, f"{study}-{TEACHER}"


@st.cache_data(max_entries=8, ttl="1h", show_spinner="Comparing the runs ...", hash_funcs=KEYED)
def scores_of(found: Comparison) -> pd.DataFrame:
    """As Comparison.table; computed once for a choice of runs."""
    return found.table()


@st.cache_data(max_entries=16, ttl="1h", show_spinner="Comparing the runs ...", hash_funcs=KEYED)
def less_of(found: Comparison, measure: Measure) -> dict[str, Less]:
    """Each other run less the first one; computed once: thousands of permutations."""
    return found.less(0, measure)


@dataclass(frozen=True)
class Parts:
    """F1 of parts of the documents, and fates of their gold labels (core/comparison/parts.py).
    `without`: why there is no part by how rare a label is, or ""."""

    slices: pd.DataFrame
    fates: pd.DataFrame
    without: str = ""


def parts_of(found: Comparison, dataset: str) -> Parts:
    """Computed once; with the dataset's training documents where it is on this machine."""
    try:
        fingerprint, without = services.dataset(dataset).info.fingerprint, ""
    except (DataError, UnknownNameError) as error:
        fingerprint, without = "", error.what
    return _parted(found, dataset, fingerprint, without)


@st.cache_data(
    max_entries=8, ttl="1h", show_spinner="Comparing parts of the documents ...", hash_funcs=KEYED
)
def _parted(found: Comparison, dataset: str, fingerprint: str, without: str) -> Parts:
    if not fingerprint:
        return Parts(slices(found), fates(found), without)
    counts = _frequencies(services.settings().home, dataset, fingerprint)
    return Parts(slices(found, lambda label: counts.get(label, 0)), fates(found))


def study_over_seeds(dataset: str, runs: tuple[str, ...]) -> dict[str, Any] | None:
    """What the study of these runs found over all its seeds and arms, on this dataset, and its
    datasets whose runs are `missing` here; None where they are not of one study, or it has no
    mechanistic student yet."""
    settings = services.settings()
    with services.store().read() as session:
        study = study_of(load_run(session, run).summary.system for run in runs)
    if study is None:
        return None
    tests = known(tuple(_tests(study).values()))
    every = _over_seeds(settings.database, settings.home, study, tests)
    found = every.get(dataset)
    if not found or not found["mechanistic_less"]:
        return None
    missing = [name for name, part in every.items() if not part["over_seeds"]]
    return found | {"missing": missing, "datasets": len(every)}


def _tests(study: str) -> dict[tuple[str, str], str]:
    """The runs of a study's tests, by system and dataset."""
    tested = cells_folder(services.settings(), study).glob("test_*.json")
    written = tuple(sorted((path.name, path.stat().st_mtime_ns) for path in tested))
    return _tested(services.settings().home, study, written)


@st.cache_data(max_entries=4, show_spinner=False)
def _tested(home: Path, study: str, written: Written) -> dict[tuple[str, str], str]:
    cells = read_results(cells_folder(services.settings(), study))
    return {(system, dataset): told["run"] for system, dataset, told in tests_in(cells)}


@st.cache_data(max_entries=4, ttl="1h", show_spinner="Reading the study ...")
def _over_seeds(url: str, home: Path, study: str, tests: Runs) -> dict[str, Any]:
    return arms_over_seeds(services.settings(), services.store(), study)


@st.cache_data(max_entries=4, show_spinner="Counting labels ...")
def _frequencies(home: Path, dataset: str, fingerprint: str) -> dict[str, int]:
    return label_frequencies(services.dataset(dataset))
