"""A study's results as files that travel with the project, and back into a store.

    pack.json                the study's name, and what it was asked for by
    cells/*.json             what each step told (core/study/cells.py)
    trainings.json           learning curves
    <dataset>/<split>/<system>.jsonl.zst   a part: one run, then a line a trace by documents' ids
    <dataset>/<split>.jsonl.zst            what these have in common, a line a document

Which splits' runs go along, and are loaded, is asked for: what a study is to go on with elsewhere
has all, Compare needs those on test. They hold ids and what our models wrote; texts and names of
labels are put in from the dataset (core/study/travel.py), so a part can be loaded once its dataset
is there (core/study/pack_loading.py). A part that is packed again is the same to the byte: a study
that goes on adds files, and leaves those that were there. What arrives keeps the time at which it
was made, so that it does not push what a reader has just made from the head of every list.
"""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.atomic import new_folder, write_text
from core.config import Settings
from core.datasets.base import Dataset, Split
from core.datasets.catalogue import open_dataset
from core.errors import InputError
from core.study.asked import asked_for
from core.study.cell_files import read_results, study_folder
from core.study.pack_parts import (
    Row,
    part_of,
    parts_of,
    shared_of,
    split_of,
    write_lines,
)
from core.study.pack_shared import Shared
from core.study.travel import packed
from db.runs import (
    RunSummary,
    answered_traces,
    load_run,
    run_records,
)
from db.session import Store
from db.traces import load_trace
from db.trainings import trainings_of

ABOUT, CELLS, TRAININGS = "pack.json", "cells", "trainings.json"
FORM = 3  # of the files; the first had one part a dataset, the second its length before it
SHIPPED = Path(__file__).resolve().parents[2] / "sample_data" / "results"
MADE_AT = "made_at"


@dataclass(frozen=True, slots=True)
class Packed:
    """What went into a pack: traces by dataset; `lost`: runs that cells tell of and that are not in
    the store, or not with all their traces, such as those that did not travel to it."""

    traces: Mapping[str, int]
    lost: tuple[str, ...]


def write_pack(
    settings: Settings, store: Store, study: str, folder: Path, splits: Collection[str]
) -> Packed:
    """Writes what is done of a study, with the runs on `splits` and on those that a pack in the
    folder has already; whole or not at all.

    Raises InputError where nothing is done or a run of that pack is not here, DataError where a
    dataset is not there.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / CELLS).is_dir():
        raise InputError(
            f"{folder} holds other things, which a pack would take the place of.",
            "Name a new folder, or one that holds an earlier pack.",
        )
    before = parts_of(folder, tuple(Split))
    splits = {*splits, *map(split_of, before)}
    home = study_folder(settings, study)
    cells = read_results(home / CELLS)
    if not cells:
        raise InputError(
            f"Nothing of the study {study} is done yet.", "Run it first: `phaselens distill`."
        )
    summaries: list[RunSummary] = []
    systems = {f"{study}-teacher", *(one["adapter"] for one in cells.values() if "adapter" in one)}
    lost = []
    with store.read() as session:
        for run, documents in runs_of(cells).items():
            if answered_traces(session, run) < documents:
                lost.append(run)
                continue
            found = load_run(session, run).summary
            systems.add(found.system)
            if found.split in splits:
                summaries.append(found)
        trainings = [asdict(one) for one in trainings_of(session, sorted(systems))]
    counts: Counter[str] = Counter()
    with new_folder(folder) as new:
        asked = asked_for(settings, study)
        about = {"study": study, "form": FORM, "asked": asked and asdict(asked)}
        write_text(new / ABOUT, json.dumps(about))
        shutil.copytree(home / CELLS, new / CELLS)
        for curves in trainings:
            del curves["finished_at"], curves["steps"], curves["tokens"], curves["seconds"]
        write_text(new / TRAININGS, json.dumps(trainings))
        shared: dict[Path, Shared] = defaultdict(Shared)
        for one in sorted(summaries, key=lambda one: one.created_at):  # later ones only add to it
            part = part_of(new, one.dataset, str(one.split), one.system)
            lines = _lines(store, open_dataset(settings, one.dataset), one.id)
            for line in lines[1:]:
                shared[shared_of(part)].take_out(line)
            counts[one.dataset] += len(lines) - 1
            write_lines(part, lines)
        for path, of_all in shared.items():
            write_lines(path, of_all.rows)
        _check_nothing_goes(folder, new, before)
    return Packed(dict(counts), tuple(lost))


def _check_nothing_goes(old: Path, new: Path, before: Sequence[Path]) -> None:
    """Raises InputError where a pack that is to take the place of another lacks parts of it."""
    names = [str(part.relative_to(old)) for part in before]
    gone = [name for name in names if not (new / name).exists()]
    if gone:
        raise InputError(
            f"{old} has {len(gone):,} runs that are not in this store and would be lost: "
            f"{', '.join(gone[:3])}{', ...' if len(gone) > 3 else ''}.",
            f"Load them first (`phaselens results load --whole --folder {old}`), or name a new "
            "folder.",
        )


def runs_of(cells: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """The runs that cells have made, in the order of the cells' names, with how many documents
    were answered at least."""
    made = [cells[name] for name in sorted(cells) if "run" in cells[name]]
    return {one["run"]: int(one.get("documents", 1)) - int(one.get("failed", 0)) for one in made}


def _lines(store: Store, dataset: Dataset, run: str) -> list[Row]:
    body: list[Row] = []
    with store.read() as session:
        stored = load_run(session, run)
        config, split = stored.summary.config.to_json(), stored.summary.split
        about = {"split": split, "config": config, "identity": stored.identity}
        head = {"run": run, MADE_AT: stored.summary.created_at.isoformat(), **about}
        for record in run_records(session, run):
            trace = load_trace(session, record.trace_id)
            made_at = trace.summary.created_at.isoformat()
            body.append({MADE_AT: made_at, **packed(trace, dataset.labels)})
    return [head, *sorted(body, key=lambda row: row["document"])]
