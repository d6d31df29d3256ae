"""Brings traces of any model into the store, with a report of what was wrong.

Rows are read and checked one by one and stored in batches, so any number needs little memory. A
trace's id is the hash of all that is in it: an import that was killed, or is given twice, adds
what is not there. Phases, curves and fates are worked out when a trace is first looked at
(core/trace_analysis.py), or by a job.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from core.config import Settings
from core.errors import InputError
from core.importing.problems import Kind, Problems, told_apart
from core.importing.readers import Bad, Row
from core.importing.values import UnusableError
from core.traces.importing.base import ImportedTrace
from core.traces.importing.item import item_of
from core.traces.importing.known import Known
from core.traces.importing.report import TraceImportReport, problems_folder
from core.traces.importing.request import TraceImportRequest
from core.traces.importing.rows import TraceRows
from db.session import Store
from db.trace_imports import add_imported

MB = 1_000_000
BATCH_TRACES = 500
BATCH_CHARS = 8_000_000  # of texts; what else is in a trace counts as so many (size_of)
ENOUGH = 1000  # rows after which a file without any good one is given up

Report = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]


def import_traces(
    settings: Settings,
    store: Store,
    request: TraceImportRequest,
    *,
    report: Report,
    cancelled: Cancelled,
) -> TraceImportReport | None:
    """Stores the traces of the files; None when cancelled: what was stored until then stays.

    `report(stage, done, total)` in MB. Raises InputError for files that cannot be used, before
    anything is stored.
    """
    if not request.files:
        raise InputError("No file is given.", "Give at least one file of traces.")
    rows = [TraceRows(path.expanduser(), request.columns) for path in request.files]
    folder = problems_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    asked = json.dumps(request.to_json(), sort_keys=True)
    path = folder / f"traces-{hashlib.sha256(asked.encode()).hexdigest()[:12]}-problems.csv"
    names = told_apart(one.path for one in rows)
    problems = Problems(path, names)
    import_ = Import(settings, store, request, problems)
    try:
        for one in rows:
            if not import_.read(one, report, cancelled):
                return None
    finally:
        problems.close()
    found = problems.most()
    known = sum(problem.count for problem in found if problem.kind == Kind.REPEATED)
    if not import_.added and not known:
        raise InputError(
            f"No row of {', '.join(p.name for p in request.files)} could be used. "
            f"{problems.worst()}",
            "Say which columns hold what (--column), and which dataset and system the traces are "
            "of (--dataset, --system).",
        )
    return TraceImportReport(
        traces=sum(import_.added.values()), known=known, rejected=problems.rejected - known,
        problems=tuple(found), by=dict(sorted(import_.added.items())),
        files={names[one.path]: one.kind for one in rows},
        columns={role: column for one in rows for role, column in one.columns.items()},
        problems_file=str(path) if found else "",
    )  # fmt: skip


class Import:
    """One import under way. `added`: new traces by "dataset / system"."""

    def __init__(
        self, settings: Settings, store: Store, request: TraceImportRequest, problems: Problems
    ) -> None:
        self.added: Counter[str] = Counter()
        self._store, self._problems = store, problems
        self._known = Known(settings)
        self._defaults = {"dataset": request.dataset, "system": request.system}
        self._longest = settings.max_text_chars
        self._batch: list[tuple[int, ImportedTrace]] = []
        self._size = 0

    def read(self, rows: TraceRows, report: Report, cancelled: Cancelled) -> bool:
        """Stores the good rows of a file; False when cancelled. Raises InputError for a file in
        which nothing is good."""
        total = max(rows.path.stat().st_size // MB, 1)
        done = 0

        def progress(read: int) -> None:
            nonlocal done
            done = read // MB
            report(f"Reading {rows.path.name}", done, total)

        progress(0)
        good, doubted = 0, False
        for at, (row, columns) in enumerate(rows.read(progress)):
            if at % 100 == 0 and cancelled():
                self._flush(rows.path)
                return False
            good += self._take(rows, row, columns)
            doubted = doubted or self._doubt(rows, row, columns)
            if at + 1 == ENOUGH and not good:
                raise InputError(
                    f"The first {ENOUGH:,} rows of {rows.path.name} cannot be used. "
                    f"{self._problems.worst()}",
                    "Say which columns hold what (--column), and which dataset and system the "
                    "traces are of (--dataset, --system).",
                )
            if len(self._batch) >= BATCH_TRACES or self._size >= BATCH_CHARS:
                self._flush(rows.path)
        self._flush(rows.path)
        return True

    def _doubt(self, rows: TraceRows, row: Row | Bad, columns: Mapping[str, str]) -> bool:
        """Says, once a file, that what was taken for the answer may be gold."""
        column = rows.maybe_gold
        if column is None or isinstance(row, Bad) or columns.get("answer") != column:
            return False
        if not row.values.get(column):
            return False
        self._problems.add(
            Kind.MAYBE_GOLD, rows.path, row.number,
            f"{column}; if it is gold, say so: gold={column} (--column)",
        )  # fmt: skip
        return True

    def _take(self, rows: TraceRows, row: Row | Bad, columns: Mapping[str, str]) -> bool:
        if isinstance(row, Bad):
            self._problems.add(row.kind, rows.path, row.number, row.value)
            return False
        try:
            item, notes = item_of(row.values, columns, self._defaults, self._known, self._longest)
        except UnusableError as error:
            self._problems.add(error.kind, rows.path, row.number, error.value)
            return False
        for kind, value in notes:
            self._problems.add(kind, rows.path, row.number, value)
        self._batch.append((row.number, item))
        self._size += size_of(item)
        return True

    def _flush(self, path: Path) -> None:
        """Stores what waits; those that are there already are problems of their rows."""
        if not self._batch:
            return
        with self._store.write() as session:
            new = add_imported(session, [item for _, item in self._batch])
        for number, item in self._batch:
            if item.id in new:
                new.discard(item.id)  # a second one of the same batch is a repeat
                self.added[f"{item.dataset} / {item.system}"] += 1
            else:
                self._problems.add(Kind.REPEATED, path, number, item.id)
        self._batch.clear()
        self._size = 0


def size_of(trace: ImportedTrace) -> int:
    """How much memory a trace takes while it waits, in characters."""
    parts = 100 * len(trace.token_offsets) + 200 * len(trace.candidates)
    return len(trace.text) + len(trace.document.text) + parts
