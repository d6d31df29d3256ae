"""Judgements of a file, brought into the log: each once, and only where it belongs in its chain.

1. An event whose id, or whose click, is here already is passed over; with other contents it is
   said.
2. Its trace, queue and task are found, or queue and task are made (db/judgement_places.py).
3. It must follow the newest event of its author on that subject. One that follows an event that is
   not here waits for it: rows may come in any order. What still waits at the end begins a chain
   where there is none yet (a file of what stands has no history); else it would overwrite what
   was said here meanwhile, and is left out.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session

from core.annotation.event_files import BadRow, ReadRow, read_events
from core.annotation.events import JudgementEvent
from core.annotation.import_report import JudgementImportReport, Trouble, Troubles
from core.annotation.judgement import Judgement
from core.annotation.people import Person, Role
from core.errors import InputError
from db.annotation_models import JudgementRow
from db.judgement_places import NoPlaceError, Place, Places, count_again
from db.judgements import JUDGEMENT
from db.people import allowed
from db.session import Store

AT_A_TIME = 500
OUTSIDE = "no queue"  # in the report
MB = 1_000_000

Report = Callable[[str, int, int], None]


def import_judgements(
    store: Store,
    by: Person,
    path: Path,
    *,
    problems_file: Path | None = None,
    report: Report = lambda stage, done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> JudgementImportReport | None:
    """Brings in a file that an export wrote; None when cancelled: what came in until then stays.

    `report(stage, done, total)` in MB. `problems_file`: where all problems are written. Raises
    NotAllowedError for one who is no lead, InputError for a file without a single judgement.
    """
    with store.read() as session:
        allowed(session, by, Role.LEAD)
    total = max(path.stat().st_size // MB, 1) if path.is_file() else 1
    rows = read_events(path, lambda read: report(f"Reading {path.name}", read // MB, total))
    first = next(rows, None)
    troubles = Troubles(path.name, problems_file)
    import_ = JudgementImport(store, by, troubles)
    try:
        for batch in _batches(first, rows):
            if cancelled():
                return None
            import_.take(batch)
        import_.finish()
    finally:
        troubles.close()
    if not import_.read:
        found = troubles.found()
        why = f" {found[0].first[0].value}" if found else ""
        raise InputError(
            f"{path.name} holds no judgement.{why}",
            "Give a file that `phaselens annotations export` has written.",
        )
    return JudgementImportReport(
        events=import_.by.total(), known=import_.known, rejected=troubles.rejected,
        problems=troubles.found(), queues=tuple(import_.places.made),
        by=dict(sorted(import_.by.items())),
        problems_file=str(problems_file) if problems_file and troubles.rejected else "",
    )  # fmt: skip


def problems_path(home: Path, file: Path) -> Path:
    """Where the problems of an import of that file are written; the next one takes its place."""
    digest = hashlib.sha256(str(file.absolute()).encode("utf-8", "surrogateescape")).hexdigest()
    return home / "imports" / f"judgements-{digest[:12]}-problems.csv"


def _batches(
    first: ReadRow | BadRow | None, rows: Iterator[ReadRow | BadRow]
) -> Iterator[list[ReadRow | BadRow]]:
    batch = [] if first is None else [first]
    for row in rows:
        batch.append(row)
        if len(batch) >= AT_A_TIME:
            yield batch
            batch = []
    if batch:
        yield batch


class JudgementImport:
    """One import under way. `read`: rows that are judgements; `known`: of these, in the store
    before; `by`: new ones by the name of their queue."""

    def __init__(self, store: Store, by: Person, troubles: Troubles) -> None:
        self.read, self.known = 0, 0
        self.by: Counter[str] = Counter()
        self.places, self.troubles = Places(), troubles
        self.waiting: dict[str, list[ReadRow]] = defaultdict(list)  # by the event they follow
        self._store, self._person = store, by

    def take(self, batch: Iterable[ReadRow | BadRow]) -> None:
        """Stores what can be stored of a batch."""
        good = []
        for row in batch:
            if isinstance(row, BadRow):
                self.troubles.add(Trouble.NO_EVENT, row.number, row.why)
            else:
                good.append(row)
        self.read += len(good)
        self._store_rows(good)

    def finish(self) -> None:
        """Decides about the events whose predecessors never came, in the file's order."""
        left = [row for rows in self.waiting.values() for row in rows]
        ids = {row.event.id for row in left}
        begin = [row for row in left if row.event.after not in ids]
        begin.sort(key=lambda row: row.number)
        for row in begin:
            self.waiting.pop(row.event.after, None)
        for start in range(0, len(begin), AT_A_TIME):
            self._store_rows(begin[start : start + AT_A_TIME], may_begin=True)
        for rows in self.waiting.values():  # behind one that was left out
            for row in rows:
                self.troubles.add(Trouble.NOT_NEXT, row.number, in_words(row.event))

    def _store_rows(self, rows: list[ReadRow], *, may_begin: bool = False) -> None:
        if rows:
            with self._store.write() as session:
                by = allowed(session, self._person, Role.LEAD)
                _Batch(session, by, self, may_begin).store(rows)


class _Batch:
    """Rows that go in together, in one transaction. `may_begin`: nothing more will come, so what
    follows an event that is not here may begin a chain."""

    def __init__(
        self, session: Session, by: Person, whole: JudgementImport, may_begin: bool
    ) -> None:
        self._session, self._by, self._whole, self._may_begin = session, by, whole, may_begin
        self._new: list[dict[str, Any]] = []
        self._chains: dict[str, dict[str, list[str]]] = {}  # subject -> person -> ids, oldest first
        self._here: dict[str, JudgementRow | None] = {}  # by id; None: came in this batch
        self._clicks: set[str] = set()
        self._undone: set[str] = set()

    def store(self, rows: list[ReadRow]) -> None:
        self._look_up(rows)
        placed = [(row, self._place(row)) for row in rows if not self._is_here(row)]
        self._load_chains({place.subject for _, place in placed if place is not None})
        for row, place in placed:
            if place is not None:
                self._add(row, place)
        if self._new:
            self._session.execute(insert(JudgementRow), self._new)
            count_again(self._session, (row["task_id"] for row in self._new if row["task_id"]))

    def _look_up(self, rows: list[ReadRow]) -> None:
        """Finds what of these is here already."""
        events = [row.event for row in rows]
        clicks = [event.token for event in events if event.token]
        found = self._session.execute(
            select(JudgementRow).where(
                or_(
                    JudgementRow.id.in_([event.id for event in events]),
                    JudgementRow.client_token.in_(clicks),
                )
            )
        ).scalars()
        for row in found:
            self._here[row.id] = row
            self._clicks |= {row.client_token} if row.client_token else set()
        self._whole.places.look_up(self._session, events)

    def _is_here(self, row: ReadRow) -> bool:
        """Whether an event, or the click that made it, is here; which is counted or said."""
        event = row.event
        stored = self._here.get(event.id)
        if event.id not in self._here and event.token not in self._clicks:
            return False
        if stored is not None and not _same(stored, event):
            self._whole.troubles.add(Trouble.CHANGED, row.number, in_words(event))
        else:
            self._whole.known += 1
        return True

    def _place(self, row: ReadRow) -> Place | None:
        event = row.event
        try:
            if event.kind == JUDGEMENT and event.queue and event.judgement:
                event.judgement.check(event.queue.kind)
            return self._whole.places.of(self._session, self._by, event)
        except InputError as error:
            self._whole.troubles.add(Trouble.WRONG_KIND, row.number, f"{event.id}: {error.what}")
        except NoPlaceError as error:
            self._whole.troubles.add(error.kind, row.number, error.value)
        return None

    def _load_chains(self, subjects: set[str]) -> None:
        found = self._session.execute(
            select(JudgementRow.subject, JudgementRow.person, JudgementRow.id, JudgementRow.undoes)
            .where(JudgementRow.subject.in_(subjects))
            .order_by(JudgementRow.seq)
        )
        for subject in subjects:
            self._chains[subject] = defaultdict(list)
        for subject, person, id, undoes in found:
            self._chains[subject][person].append(id)
            self._undone |= {undoes} if undoes else set()

    def _add(self, row: ReadRow, place: Place) -> None:
        """Adds an event to its chain, and then those that wait for it."""
        todo: list[tuple[ReadRow, Place]] = [(row, place)]
        while todo:
            row, place = todo.pop()
            if self._is_here(row) or not self._added(row, place):  # is here: twice in this file
                continue
            for waits in self._whole.waiting.pop(row.event.id, []):
                next_place = self._place(waits)
                if next_place is not None:
                    todo.append((waits, next_place))

    def _added(self, row: ReadRow, place: Place) -> bool:
        """Whether an event could be added; else it waits, or is said to be left out."""
        event = row.event
        if place.subject not in self._chains:
            self._load_chains({place.subject})
        chain = self._chains[place.subject][event.person]
        follows = event.after == (chain[-1] if chain else "") or (self._may_begin and not chain)
        unknown = bool(event.after) and event.after not in chain
        if not follows and unknown and not self._may_begin:
            self._whole.waiting[event.after].append(row)
            return False
        undoable = event.undoes is None or (
            event.undoes in chain and event.undoes not in self._undone
        )
        if not follows or not undoable:
            self._whole.troubles.add(Trouble.NOT_NEXT, row.number, in_words(event))
            return False
        chain.append(event.id)
        self._undone |= {event.undoes} if event.undoes else set()
        self._here[event.id] = None
        self._clicks |= {event.token} if event.token else set()
        self._new.append(_row_of(event, place))
        self._whole.by[event.queue.name if event.queue else OUTSIDE] += 1
        return True


def _row_of(event: JudgementEvent, place: Place) -> dict[str, Any]:
    return {
        "id": event.id, "kind": event.kind, "subject": place.subject, "task_id": place.task,
        "trace_id": place.trace, "person": event.person, "annotator": event.annotator,
        "after": event.after, "undoes": event.undoes,
        "value": None if event.judgement is None else event.judgement.to_json(),
        "guideline": event.guideline, "seconds": event.seconds, "shown": event.shown,
        "client_token": event.token, "created_at": event.created_at,
    }  # fmt: skip


def _same(row: JudgementRow, event: JudgementEvent) -> bool:
    """Whether what is stored is what the file says; where it belongs may differ between stores."""
    stored = (
        row.kind, row.person, row.annotator, row.after, row.undoes, row.created_at, row.seconds,
        row.guideline, row.shown, None if row.value is None else Judgement.from_json(row.value),
    )  # fmt: skip
    return stored == (
        event.kind, event.person, event.annotator, event.after, event.undoes, event.created_at,
        event.seconds, event.guideline, event.shown, event.judgement,
    )  # fmt: skip


def in_words(event: JudgementEvent) -> str:
    """An event in one line, for a report."""
    said = "an undo" if event.judgement is None else event.judgement.in_words()
    return f"{event.id}: {event.annotator or event.person}, {said}"
