"""A pack of results (core/study/pack.py) into a store and a home; what is there already stays as it
is."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.atomic import new_file, write_text
from core.config import Settings
from core.datasets.base import Dataset, Split
from core.datasets.catalogue import dataset_info, open_dataset
from core.datasets.getting import is_ready
from core.errors import DataError, InputError
from core.study.asked import Asked, asked_for, keep_asked, options_of
from core.study.cell_files import cells_folder, study_folder
from core.study.pack import ABOUT, CELLS, FORM, MADE_AT, TRAININGS
from core.study.pack_parts import (
    Row,
    dataset_of,
    parts_of,
    read_lines,
    shared_of,
)
from core.study.pack_shared import Shared
from core.study.travel import unpacked
from core.systems import RunConfig, run_id
from db.runs import (
    done_documents,
    ensure_run,
    known_runs,
)
from db.session import Store
from db.traces import TraceRecord, begin_trace, finish_trace
from db.trainings import save_training, trainings_of

AT_A_TIME = 10  # traces in one transaction: whoever else writes meanwhile need not wait


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came into the store: traces by dataset; `absent`: datasets that are not there;
    `unknown`: documents that a dataset of another version has not; `left`: parts of splits that
    were not asked for."""

    traces: Mapping[str, int] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    unknown: int = 0
    left: int = 0


def load_pack(settings: Settings, store: Store, folder: Path, splits: Collection[str]) -> Loaded:
    """Brings what is not there yet of the runs on `splits`, and of all else, into the store and the
    home; one process at a time, the others wait. Raises InputError, DataError, StoreError."""
    home = study_folder(settings, _about(folder)["study"])
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".loading.lock"):
        return _loaded(settings, store, folder, splits)


def _loaded(settings: Settings, store: Store, folder: Path, splits: Collection[str]) -> Loaded:
    _load_cells(settings, folder)
    _load_trainings(store, folder)
    parts = parts_of(folder, splits)
    absent = {name for name in map(dataset_of, parts) if not is_ready(settings, name)}
    traces: Counter[str] = Counter()
    unknown = 0
    for part in not_loaded(settings, store, [p for p in parts if dataset_of(p) not in absent]):
        name = dataset_of(part)
        dataset = open_dataset(settings, name)
        count, missing, run = _load_run(store, dataset, part)
        traces[name] += count
        unknown += missing
        mark = {"run": run, "unknown": missing, "dataset": dataset.info.fingerprint}
        write_text(_mark_of(settings, part), json.dumps(mark))
    others = [part for part in parts_of(folder, tuple(Split)) if part not in parts]
    others = [part for part in others if is_ready(settings, dataset_of(part))]
    left = len(not_loaded(settings, store, others))
    return Loaded(dict(traces), tuple(sorted(absent)), unknown, left)


def _load_run(store: Store, dataset: Dataset, path: Path) -> tuple[int, int, str]:
    """(traces brought in, documents that the dataset has not, the run)."""
    head, *lines = read_lines(path)
    run, config = head["run"], RunConfig.from_json(head["config"])
    if run_id(head["identity"]) != run:
        raise DataError(f"{path} is damaged: run {run} is another.", "Copy it anew.")
    with store.write() as session:
        ensure_run(session, head["identity"], config, head["split"], "batch", _made_at(head))
        done = done_documents(session, run)
    known = set(dataset.table["id"].to_pylist())
    shared = Shared(read_lines(shared_of(path)) if lines else ())
    waiting: list[Row] = []
    count = unknown = 0
    for line in lines:
        if line["document"] not in known:
            unknown += 1
        elif line["document"] not in done:
            shared.put_back(line)
            waiting.append(line)
            count += 1
        if len(waiting) == AT_A_TIME:
            _keep(store, dataset, run, config, waiting)
            waiting.clear()
    _keep(store, dataset, run, config, waiting)
    return count, unknown, run


def _keep(store: Store, dataset: Dataset, run: str, config: RunConfig, lines: list[Row]) -> None:
    records: list[tuple[datetime, TraceRecord]] = []
    for line in lines:  # before the store is held: on a slow machine that takes a while
        row = {key: value for key, value in line.items() if key != MADE_AT}
        document = dataset.document(line["document"])
        records.append((_made_at(line), unpacked(row, document, dataset.labels, config)))
    with store.write() as session:
        for made_at, record in records:
            trace = begin_trace(
                session, run_id=run, config=config, document=record.document, origin="batch",
                made_at=made_at,
            )  # fmt: skip
            finish_trace(session, trace, record)


def _made_at(line: Row) -> datetime:
    return datetime.fromisoformat(line[MADE_AT])


def _load_cells(settings: Settings, folder: Path) -> None:
    """A cell that the home has is left as it is: it may be a later one. Raises InputError where
    the home has another study of that name."""
    about = _about(folder)
    if about["asked"]:
        theirs = Asked(**about["asked"])
        ours = asked_for(settings, about["study"]) or theirs
        if ours != theirs:
            raise InputError(
                f"There is another study named {about['study']} here, of {options_of(ours)}; that "
                f"of {folder} is of {options_of(theirs)}.",
                "Load it into another home (PHASELENS_HOME).",
            )
        keep_asked(settings, about["study"], theirs)
    place = cells_folder(settings, about["study"])
    place.mkdir(parents=True, exist_ok=True)
    for path in sorted((folder / CELLS).glob("*.json")):
        if not (place / path.name).exists():
            with new_file(place / path.name) as temporary:
                shutil.copyfile(path, temporary)


def _about(folder: Path) -> dict[str, Any]:
    """The study's name and what it was asked for by. Raises InputError, DataError."""
    try:
        about = dict(json.loads((folder / ABOUT).read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(
            f"{folder} holds no results of a study ({ABOUT} is not there).",
            "Name a folder that `phaselens results pack` has written.",
        ) from error
    except ValueError as error:
        raise DataError(f"{folder / ABOUT} is damaged ({error}).", "Copy it anew.") from error
    if about.get("form") != FORM:
        raise DataError(
            f"{folder} was written by another version of PhaseLens, in a form that this one does "
            "not read.",
            "Pack it anew with this version: `phaselens results pack`.",
        )
    return about


def _load_trainings(store: Store, folder: Path) -> None:
    every = json.loads((folder / TRAININGS).read_text(encoding="utf-8"))
    with store.read() as session:
        views = trainings_of(session, sorted({one["system"] for one in every}))
    known = {(one.system, one.stage) for one in views}
    new = [one for one in every if (one["system"], one["stage"]) not in known]
    if new:
        with store.write() as session:
            for one in new:
                save_training(session, **one)


def not_loaded(settings: Settings, store: Store, parts: Sequence[Path]) -> list[Path]:
    """Those of some parts, whose datasets are there, that are not in the store with all that can
    be: their runs are not there, or the dataset has changed since it lacked documents of them."""
    marks = {part: _mark(settings, part) for part in parts}
    with store.read() as session:
        known = known_runs(session, [mark["run"] for mark in marks.values() if mark])
    return [part for part, mark in marks.items() if mark is None or mark["run"] not in known]


def _mark(settings: Settings, part: Path) -> Row | None:
    """What was told when exactly this part was loaded; None where it was not, or not as a whole
    and the dataset is another now."""
    try:
        told = dict(json.loads(_mark_of(settings, part).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    if told["unknown"] and told["dataset"] != dataset_info(settings, dataset_of(part)).fingerprint:
        return None
    return told


def _mark_of(settings: Settings, path: Path) -> Path:
    """A file that tells what of exactly this part was loaded, so that a start need not read it."""
    digest = _digest(path, path.stat().st_mtime_ns)
    folder = study_folder(settings, _about(path.parents[2])["study"]) / "loaded"
    return folder / f"{dataset_of(path)}-{digest}"


@lru_cache(maxsize=256)
def _digest(path: Path, written: int) -> str:
    """Of a file as it was `written`: pages ask with every change."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
