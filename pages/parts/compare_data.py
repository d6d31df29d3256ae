"""What the Compare page draws, computed once for a choice of runs."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from core.comparison import Comparison, Less, Side, compare, mean_curves
from core.datasets.catalogue import label_frequencies
from core.errors import InputError, UnknownNameError
from db.run_curves import run_curves
from db.runs import load_run, run_records
from db.slices import documents_in, find_slice, slices
from pages.parts import errors, services

Runs = tuple[tuple[str, int], ...]  # ids, with how many documents are finished


def comparison_of(dataset: str, runs: tuple[str, ...], slice_: str = "") -> Comparison | None:
    """The comparison of some runs, over the documents of a slice ("": all); None where there is
    none, which is said."""
    settings = services.settings()
    try:
        among = _documents_of(slice_, dataset) if slice_ else None
        return _compared(settings.database, settings.home, known(runs), among)
    except (InputError, UnknownNameError) as error:
        errors.card(error.what, error.fix)
        return None


def _documents_of(slice_: str, dataset: str) -> frozenset[str]:
    with services.store().read() as session:
        return frozenset(documents_in(session, find_slice(session, slice_), dataset))


def slice_names() -> list[str]:
    with services.store().read() as session:
        return [one.name for one in slices(session)]


def known(runs: tuple[str, ...]) -> Runs:
    with services.store().read() as session:
        return tuple((run, load_run(session, run).summary.done) for run in runs)


@st.cache_data(max_entries=8, ttl="1h", show_spinner="Reading the runs ...")
def _compared(url: str, home: Path, runs: Runs, among: frozenset[str] | None) -> Comparison:
    sides = []
    titles = _titles(runs)
    for run, _ in runs:
        with services.store().read() as session:
            records = {record.document_id: record for record in run_records(session, run)}
        sides.append(Side(run, titles[run], records))
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


def curves_of(found: Comparison) -> pd.DataFrame:
    """Mean curves of the sides; with `title`."""
    settings = services.settings()
    frame = _curves(settings.database, settings.home, _runs_of(found), found.documents)
    titles = {side.run: side.title for side in found.sides}
    return frame.assign(title=frame["run"].map(titles))


@st.cache_data(max_entries=8, ttl="1h", show_spinner="Averaging the curves ...")
def _curves(url: str, home: Path, runs: Runs, documents: tuple[str, ...]) -> pd.DataFrame:
    curves, wanted = {}, set(documents)
    for run, _ in runs:
        with services.store().read() as session:
            found = run_curves(session, run)
            curves[run] = {document: points for document, points in found if document in wanted}
    return mean_curves(curves)


@dataclass(frozen=True)
class Scored:
    """What the scores' part of the page shows: `less` and `wins` (better, worse, same) of each
    other run against the first."""

    table: pd.DataFrame
    less: dict[str, Less]
    wins: dict[str, tuple[int, int, int]]


def scores_of(found: Comparison) -> Scored:
    """Computed once for a choice of runs: thousands of draws and permutations."""
    settings = services.settings()
    return _scored(settings.database, settings.home, _runs_of(found), found.documents, found)


@st.cache_data(max_entries=8, ttl="1h", show_spinner="Comparing the runs ...")
def _scored(
    url: str, home: Path, runs: Runs, documents: tuple[str, ...], _found: Comparison
) -> Scored:
    wins = {side.run: _found.wins(at, 0) for at, side in enumerate(_found.sides) if at}
    return Scored(_found.table(), _found.less(0), wins)


def slices_of(found: Comparison, dataset: str) -> pd.DataFrame:
    """As Comparison.slices, with the training documents of the dataset; computed once."""
    settings = services.settings()
    fingerprint = services.dataset(dataset).info.fingerprint
    runs = _runs_of(found)
    return _sliced(
        settings.database, settings.home, runs, found.documents, dataset, fingerprint, found
    )


@st.cache_data(max_entries=8, ttl="1h", show_spinner="Comparing parts of the documents ...")
def _sliced(
    url: str,
    home: Path,
    runs: Runs,
    documents: tuple[str, ...],
    dataset: str,
    fingerprint: str,
    _found: Comparison,
) -> pd.DataFrame:
    counts = _frequencies(home, dataset, fingerprint)
    return _found.slices(lambda label: counts.get(label, 0))


def _runs_of(found: Comparison) -> Runs:
    return known(tuple(side.run for side in found.sides))


@st.cache_data(max_entries=4, show_spinner="Counting labels ...")
def _frequencies(home: Path, dataset: str, fingerprint: str) -> dict[str, int]:
    return label_frequencies(services.dataset(dataset))
