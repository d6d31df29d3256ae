"""A study's results as files that travel with the project, and back into a store.

    pack.json                the study's name, and what it was asked for by
    cells/*.json             what each step told (core/study/cells.py)
    trainings.json           learning curves
    <dataset>.jsonl.zst      the runs of one dataset: a line a run, then a line a trace, in the
                             order of documents, so that the same shortlists lie close together

Which splits' runs go along is asked for: what ships has those on test, what a study is to go on
with elsewhere has all. They hold ids and what our models wrote; texts and names of labels are put
in from the dataset (core/study/travel.py), so a dataset's part can be loaded once the dataset is
there. Loading what is there already changes nothing. What arrives keeps the time at which it was
made, so that it does not push what a reader has just made from the head of every list.
"""

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from filelock import FileLock

from core.atomic import new_file, new_folder, write_text
from core.config import Settings
from core.datasets.base import Dataset
from core.datasets.catalogue import dataset_info, open_dataset
from core.datasets.getting import is_ready
from core.errors import DataError, InputError
from core.study.asked import Asked, asked_for, keep_asked, options_of
from core.study.cell_files import cells_folder, read_results, study_folder
from core.study.travel import packed, unpacked
from core.systems import RunConfig, run_id
from db.runs import done_documents, ensure_run, known_runs, load_run, run_records
from db.session import Store
from db.traces import TraceRecord, begin_trace, finish_trace, load_trace
from db.trainings import save_training, trainings_of

ABOUT, CELLS, TRAININGS, RUNS = "pack.json", "cells", "trainings.json", ".jsonl.zst"
SHIPPED = Path(__file__).resolve().parents[2] / "sample_data" / "results"
LEVEL = 19  # of zstd: written once, read often
MADE_AT = "made_at"  # packs of earlier versions lack it: theirs arrive as if made then
AT_A_TIME = 10  # traces in one transaction: whoever else writes meanwhile need not wait

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came into the store: traces by dataset; `absent`: datasets that are not there;
    `unknown`: documents that a dataset of another version has not."""

    traces: Mapping[str, int] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    unknown: int = 0


def write_pack(
    settings: Settings, store: Store, study: str, folder: Path, splits: Collection[str]
) -> dict[str, int]:
    """Writes what is done of a study, with the runs on `splits`; whole or not at all. Gives traces
    by dataset.

    Raises InputError where nothing is done, DataError where a dataset is not there.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / CELLS).is_dir():
        raise InputError(
            f"{folder} holds other things, which a pack would take the place of.",
            "Name a new folder, or one that holds an earlier pack.",
        )
    home = study_folder(settings, study)
    cells = read_results(home / CELLS)
    if not cells:
        raise InputError(
            f"Nothing of the study {study} is done yet.", "Run it first: `phaselens distill`."
        )
    by_dataset: dict[str, list[str]] = defaultdict(list)
    systems = {f"{study}-teacher", *(one["adapter"] for one in cells.values() if "adapter" in one)}
    with store.read() as session:
        for run in runs_of(cells):
            found = load_run(session, run).summary
            systems.add(found.system)
            if found.split in splits:
                by_dataset[found.dataset].append(run)
        trainings = [asdict(one) for one in trainings_of(session, sorted(systems))]
    counts = {}
    with new_folder(folder) as new:
        asked = asked_for(settings, study)
        write_text(new / ABOUT, json.dumps({"study": study, "asked": asked and asdict(asked)}))
        shutil.copytree(home / CELLS, new / CELLS)
        for one in trainings:
            del one["finished_at"], one["steps"], one["tokens"], one["seconds"]
        write_text(new / TRAININGS, json.dumps(trainings))
        for dataset, some in sorted(by_dataset.items()):
            lines = _lines(store, open_dataset(settings, dataset), some)
            counts[dataset] = len(lines) - len(some)
            text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
            data = pa.Codec("zstd", LEVEL).compress(text.encode(), asbytes=True)
            size = len(text.encode()).to_bytes(8, "little")
            (new / f"{dataset}{RUNS}").write_bytes(size + data)
    return counts


def load_pack(settings: Settings, store: Store, folder: Path) -> Loaded:
    """Brings what is not there yet into the store and the home; one process at a time, the others
    wait. Raises InputError, DataError, StoreError."""
    if not (folder / CELLS).is_dir():
        raise InputError(f"{folder} holds no results of a study.", "Name a folder of such.")
    home = study_folder(settings, _about(folder)["study"])
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".loading.lock"):
        return _loaded(settings, store, folder)


def _loaded(settings: Settings, store: Store, folder: Path) -> Loaded:
    _load_cells(settings, folder)
    _load_trainings(store, folder)
    traces, absent, unknown = {}, [], 0
    for path in sorted(folder.glob(f"*{RUNS}")):
        dataset = path.name.removesuffix(RUNS)
        if not is_ready(settings, dataset):
            absent.append(dataset)
            continue
        if is_loaded(settings, store, path):
            continue
        found = open_dataset(settings, dataset)
        traces[dataset], missing, runs = _load_runs(store, found, path)
        unknown += missing
        mark = {"runs": runs, "unknown": missing, "dataset": found.info.fingerprint}
        write_text(_mark_of(settings, path), json.dumps(mark))
    return Loaded(traces, tuple(absent), unknown)


def runs_of(cells: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The runs that cells have made, each once, in the order of the cells' names."""
    return list(dict.fromkeys(cells[name]["run"] for name in sorted(cells) if "run" in cells[name]))


def _lines(store: Store, dataset: Dataset, runs: list[str]) -> list[Row]:
    head: list[Row] = []
    body: list[Row] = []
    with store.read() as session:
        for run in runs:
            stored = load_run(session, run)
            config, split = stored.summary.config.to_json(), stored.summary.split
            about = {"split": split, "config": config, "identity": stored.identity}
            head.append({"run": run, MADE_AT: stored.summary.created_at.isoformat(), **about})
            for record in run_records(session, run):
                trace = load_trace(session, record.trace_id)
                made_at = trace.summary.created_at.isoformat()
                body.append({"run": run, MADE_AT: made_at, **packed(trace, dataset.labels)})
    return [*head, *sorted(body, key=lambda row: (row["document"], row["run"]))]


def read_lines(path: Path) -> Iterator[Row]:
    """The lines of a dataset's part. Raises DataError where it is damaged."""
    data = path.read_bytes()
    try:
        size = int.from_bytes(data[:8], "little")
        text = pa.Codec("zstd").decompress(data[8:], size, asbytes=True).decode()
        # Not splitlines: a model may write other line ends than ours, such as U+2028.
        yield from map(json.loads, text.removesuffix("\n").split("\n"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}).", "Copy the folder anew.") from error


def _load_runs(store: Store, dataset: Dataset, path: Path) -> tuple[int, int, list[str]]:
    """(traces brought in, documents that the dataset has not, runs)."""
    configs: dict[str, RunConfig] = {}
    done: dict[str, set[str]] = {}
    waiting: list[Row] = []
    known = set(dataset.table["id"].to_pylist())
    count = unknown = 0
    for line in read_lines(path):
        run = line["run"]
        if "identity" in line:
            configs[run] = RunConfig.from_json(line["config"])
            if run_id(line["identity"]) != run:
                raise DataError(f"{path} is damaged: run {run} is another.", "Copy it anew.")
            with store.write() as session:
                ensure_run(
                    session, line["identity"], configs[run], line["split"], "batch", _made_at(line)
                )
                done[run] = done_documents(session, run)
        elif line["document"] not in known:
            unknown += 1
        elif line["document"] not in done[run]:
            waiting.append(line)
            count += 1
        if len(waiting) == AT_A_TIME:
            _keep(store, dataset, configs, waiting)
            waiting.clear()
    _keep(store, dataset, configs, waiting)
    return count, unknown, list(configs)


def _keep(
    store: Store, dataset: Dataset, configs: Mapping[str, RunConfig], lines: list[Row]
) -> None:
    records: list[tuple[str, datetime | None, TraceRecord]] = []
    for line in lines:  # before the store is held: on a slow machine that takes a while
        row = {key: value for key, value in line.items() if key not in ("run", MADE_AT)}
        document, config = dataset.document(line["document"]), configs[line["run"]]
        record = unpacked(row, document, dataset.labels, config)
        records.append((line["run"], _made_at(line), record))
    with store.write() as session:
        for run, made_at, record in records:
            trace = begin_trace(
                session, run_id=run, config=configs[run], document=record.document,
                origin="batch", made_at=made_at,
            )  # fmt: skip
            finish_trace(session, trace, record)


def _made_at(line: Row) -> datetime | None:
    return datetime.fromisoformat(line[MADE_AT]) if MADE_AT in line else None


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
    """The study's name and what it was asked for by; packs of earlier versions lie in a folder of
    the study's name, and tell no more."""
    about = {"study": folder.name, "asked": None}
    path = folder / ABOUT
    return about | (json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})


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


def is_loaded(settings: Settings, store: Store, path: Path) -> bool:
    """Whether all that can be of exactly this part is in the store: its runs are there, and
    documents that the dataset had not then it has not now."""
    try:
        told = json.loads(_mark_of(settings, path).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not yet, or by an earlier version, which kept no runs
        return False
    about = dataset_info(settings, path.name.removesuffix(RUNS))
    if told["unknown"] and told["dataset"] != about.fingerprint:
        return False
    with store.read() as session:
        return known_runs(session, told["runs"]) == set(told["runs"])


def _mark_of(settings: Settings, path: Path) -> Path:
    """A file that tells what of exactly this part was loaded, so that a start need not read it."""
    digest = _digest(path, path.stat().st_mtime_ns)
    folder = study_folder(settings, _about(path.parent)["study"]) / "loaded"
    return folder / f"{path.name.removesuffix(RUNS)}-{digest}"


@lru_cache(maxsize=32)
def _digest(path: Path, written: int) -> str:
    """Of a file as it was `written`: pages ask with every change."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
