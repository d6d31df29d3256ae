"""Brings a user's own labels and documents in as a dataset, with a report of what was wrong.

1. The request is checked: the name, the files, their formats and columns.
2. Labels are read whole (core.datasets.importing.labels says why), sorted and written.
3. Documents are read, checked and written batch by batch.
4. Only when all of it is written does the folder take its name. Before that, an error, a wish to
   cancel or a killed process leaves what was there as it was.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from filelock import Timeout

from core.atomic import new_folder
from core.config import Settings
from core.datasets.catalogue import HEAD_FROM, TORSO_FROM
from core.datasets.files import (
    DOCUMENTS_FILE,
    LABELS_FILE,
    About,
    DocumentWriter,
    finish,
)
from core.datasets.importing.columns import DOCUMENT_ROLES, LABEL_ROLES, Columns, guess
from core.datasets.importing.documents import Pairs, Reader, Tally, by_rows, part_of
from core.datasets.importing.folders import PROBLEMS_FILE, REPORT_FILE, alone, clear_left
from core.datasets.importing.labels import Labels, columns_of, read_labels
from core.datasets.importing.report import ImportReport, propensity_of
from core.datasets.importing.request import ImportRequest, check_name
from core.datasets.importing.xmc import filter_pairs
from core.errors import DataError, InputError
from core.importing.problems import Problems
from core.importing.readers import Format, format_of

MB = 1_000_000

Report = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]


class _CancelledError(Exception):
    """Unwinds an import; never leaves this module."""


def import_dataset(
    settings: Settings,
    request: ImportRequest,
    *,
    report: Report,
    cancelled: Cancelled,
) -> ImportReport | None:
    """Imports a dataset and returns what was found; None when cancelled.

    `report(stage, done, total)` in MB. Raises InputError for a request or files that cannot be
    used, and DataError where nothing can be written; then nothing on disk has changed.
    """
    check_name(settings, request.name, replace=request.replace)
    if not request.documents:
        raise InputError("No file with documents is given.", "Give at least one (--docs).")
    folder = settings.datasets_dir / request.name
    try:
        settings.datasets_dir.mkdir(parents=True, exist_ok=True)
        with alone(settings, request.name):
            clear_left(settings, request.name)
            with new_folder(folder) as new:
                return _import(settings, request, new, report, cancelled)
    except _CancelledError:
        return None
    except Timeout as error:
        raise DataError(
            f"Another process is importing {request.name}.", "Wait until it has ended."
        ) from error
    except OSError as error:
        raise DataError(
            f"The dataset {request.name} cannot be written to {folder} ({error}).",
            "Check that the disk has room and the folder can be written, or set PHASELENS_HOME.",
        ) from error


def _import(
    settings: Settings, request: ImportRequest, new: Path, report: Report, cancelled: Cancelled
) -> ImportReport:
    def ticking(path: Path) -> Callable[[int], None]:
        total = max(path.stat().st_size // MB, 1)

        def tick(done: int) -> None:
            if cancelled():
                raise _CancelledError
            report(f"Reading {path.name}", done // MB, total)

        tick(0)
        return tick

    kinds = {path: format_of(path) for path in (request.labels, *request.documents)}
    documents = [(path, kinds[path]) for path in request.documents]
    _check_columns(request, kinds)
    problems = Problems(new / PROBLEMS_FILE)
    try:
        labels = read_labels(
            request.labels, kinds[request.labels], request.columns, request.separator, problems,
            ticking(request.labels), by_row=by_rows(documents, request.columns),
        )  # fmt: skip
        _write(new / LABELS_FILE, labels.table)
        pairs = _pairs(request, labels, problems)
        excluded = bool(pairs) or _has_excluded(documents, request.columns)
        with DocumentWriter(new / DOCUMENTS_FILE, excluded=excluded) as writer:
            reader = Reader(
                labels, writer, problems, columns=request.columns, separator=request.separator,
                max_chars=settings.max_text_chars,
            )  # fmt: skip
            for path, kind in documents:
                reader.read(path, kind, pairs.get(path), ticking(path))
        _check_gold(request, labels, reader.tally, problems)
    finally:
        problems.close()
    report("Checking what was written", 0, 0)
    made = _reported(request, labels, reader.tally, problems, kinds)
    finish(new, _about(request, made), reader.tally.documents)
    (new / REPORT_FILE).write_text(json.dumps(made.to_json(), indent=2), encoding="utf-8")
    if cancelled():
        raise _CancelledError
    return made


def _check_columns(request: ImportRequest, kinds: dict[Path, Format]) -> None:
    """Every role the user named must be a column of some file."""
    tables = (Format.JSONL, Format.CSV, Format.PARQUET)
    for path, kind in kinds.items():
        roles = LABEL_ROLES if path == request.labels else DOCUMENT_ROLES
        if kind in tables:
            guess(path.name, columns_of(path, kind), roles, request.columns)


def _has_excluded(documents: list[tuple[Path, Format]], columns: Columns) -> bool:
    tables = (Format.JSONL, Format.CSV, Format.PARQUET)
    return any(
        "excluded" in guess(path.name, columns_of(path, kind), DOCUMENT_ROLES, columns)
        for path, kind in documents
        if kind in tables
    )


def _pairs(request: ImportRequest, labels: Labels, problems: Problems) -> dict[Path, Pairs]:
    """Filter pairs by the file of documents they belong to. Raises InputError."""
    found: dict[Path, Pairs] = {}
    for path in request.filters:
        if not path.is_file():
            raise InputError(f"There is no file {path}.", "Check the path.")
        words = path.name.split(".")[0].lower().split("_")
        part = next((part for word in words if (part := part_of(Path(word)))), None)
        fits = [one for one in request.documents if part is None or part_of(one) == part]
        if len(fits) != 1 and len(request.documents) > 1:
            raise InputError(
                f"It is not clear which file of documents {path.name} belongs to.",
                "Name it filter_labels_train.txt or filter_labels_test.txt, and the documents "
                "trn... and tst...",
            )
        owner = fits[0] if fits else request.documents[0]
        if owner in found:
            raise InputError(
                f"Two filter files belong to {owner.name}; {path.name} is the second.",
                "Put all pairs of one file of documents into one filter file.",
            )
        found[owner] = Pairs(path, filter_pairs(path, len(labels.id_of_row), problems))
    return found


def _check_gold(request: ImportRequest, labels: Labels, tally: Tally, problems: Problems) -> None:
    """Labels and documents of two different datasets are refused."""
    missing = next(
        (p for p in problems.most() if p.kind == "gold ids missing from the labels"), None
    )
    if tally.gold_known or missing is None:
        return
    raise InputError(
        f"None of the {missing.count:,} gold ids is among the labels: the documents have "
        f"{missing.first[0].value!r}, {request.labels.name} has {labels.table['id'][0].as_py()!r}.",
        "Check that both files belong together, and which columns hold the ids, as in "
        "label-id=code and gold=codes.",
    )


def _about(request: ImportRequest, made: ImportReport) -> About:
    files = ", ".join(path.name for path in (request.labels, *request.documents, *request.filters))
    left_out = tuple((p.kind, p.count) for p in made.problems if p.rejected)
    return About(
        name=request.name,
        title=request.name,
        what=f"Imported: {made.documents:,} documents and {made.labels:,} labels.",
        kind="imported",
        licence="as its owner says",
        source=files,
        dropped=left_out,
        propensity=made.propensity[:2],
    )


def _reported(
    request: ImportRequest,
    labels: Labels,
    tally: Tally,
    problems: Problems,
    kinds: dict[Path, Format],
) -> ImportReport:
    counts = tally.training_counts
    head, torso = int((counts >= HEAD_FROM).sum()), int((counts >= TORSO_FROM).sum())
    seen = int(np.count_nonzero(counts))
    names = [request.name, *(path.absolute().parent.name for path in request.documents)]
    roles = {**labels.columns, **tally.columns}
    return ImportReport(
        name=request.name,
        labels=labels.table.num_rows,
        documents=tally.documents,
        rejected=problems.rejected,
        problems=tuple(problems.most()),
        documents_by_split=tally.by_split,
        head_torso_tail={
            "head": head,
            "torso": torso - head,
            "tail": seen - torso,
            "unseen": len(counts) - seen,
        },
        mean_labels=tally.gold / tally.documents if tally.documents else 0.0,
        propensity=propensity_of(names),
        excluded=tally.excluded,
        files={path.name: str(kind) for path, kind in kinds.items()},
        columns=roles,
    )


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
