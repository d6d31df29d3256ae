"""Judgements leave as files and come back: the same log, whatever is in it, and never twice."""

import dataclasses
import json
import random
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from core.annotation.event_files import FileFormat, read_events, write_events
from core.annotation.events import COLUMNS, JudgementEvent
from core.annotation.import_report import JudgementImportReport
from core.annotation.judgement import Judgement
from core.annotation.people import Person, Role
from core.config import Settings
from core.datasets.base import Document
from core.errors import InputError, NotAllowedError
from core.rerank.base import Candidate
from core.traces.base import FinishReason
from core.traces.importing.base import ImportedTrace
from db.annotation_models import TaskRow, TaskStateRow
from db.judgement_exports import count_events, exported_events
from db.judgement_imports import import_judgements
from db.judgements import judge_task, judgements_of
from db.models import TraceRow, TraceTextRow
from db.queues import close_queue, find_queue, queues
from db.session import Store, open_store
from db.tasks import next_task
from db.trace_imports import add_imported
from tests.db.asked import ADA, BEN, GOOD, made_queue, sent
from tests.db.said import NASTY, nasty_store, newest_of, say

FORMATS = pytest.mark.parametrize("kind", list(FileFormat))


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = open_store(Settings(home=tmp_path / "other"))
    yield opened
    opened.close()


def events(store: Store, queue: str | None = None, history: bool = True) -> list[JudgementEvent]:
    with store.read() as session:
        return list(exported_events(session, queue, history=history))


def written(store: Store, path: Path, kind: FileFormat = FileFormat.CSV, **how: Any) -> Path:
    write_events(path, kind, events(store, **how))
    return path


def brought(store: Store, path: Path, by: Person = ADA) -> JudgementImportReport:
    found = import_judgements(store, by, path)
    assert found is not None
    return found


def with_traces(store: Store, source: Store) -> None:
    """The traces of another store, as an import of an export leaves them: under other ids."""
    with source.read() as session:
        rows = session.execute(
            select(TraceRow, TraceTextRow).join(
                TraceTextRow, TraceTextRow.trace_seq == TraceRow.seq
            )
        ).all()
    traces = [
        ImportedTrace(
            f"{number:016x}", row.dataset, Document(row.document_id, texts.document, ("I50.9",)),
            row.system, f"\n{texts.trace} " if number % 2 else texts.trace, None, (),
            (Candidate(1, "I50.9", "Heart failure"),), (), 0, None, FinishReason.STOP, {},
        )
        for number, (row, texts) in enumerate(rows)
    ]  # fmt: skip
    with store.write() as session:
        add_imported(session, traces)


def told(event: JudgementEvent) -> dict[str, Any]:
    """What must be the same in every store: all but ids of traces, the queue's size and name."""
    queue = event.queue and (event.queue.id, event.queue.kind, event.queue.position)
    trace = dataclasses.replace(event.trace, id="")
    other = event.other and dataclasses.replace(event.other, id="")
    plain = dataclasses.replace(event, queue=None, trace=trace, other=other, run=None)
    return {"queue": queue, "event": plain}


@FORMATS
def test_a_file_holds_the_log_exactly(store: Store, tmp_path: Path, kind: FileFormat) -> None:
    nasty_store(store)
    path = written(store, tmp_path / f"all.{kind}", kind)
    rows = list(read_events(path))
    assert [row.event for row in rows] == events(store)  # type: ignore[union-attr]
    kinds = {event.kind for event in events(store)}
    assert kinds == {"judgement", "undo", "adjudication"}


@FORMATS
def test_back_into_the_same_store_nothing_changes(
    store: Store, tmp_path: Path, kind: FileFormat
) -> None:
    nasty_store(store)
    before = events(store)
    found = brought(store, written(store, tmp_path / f"all.{kind}", kind))
    assert (found.events, found.known, found.rejected) == (0, len(before), 0)
    assert found.queues == ()
    assert events(store) == before


@FORMATS
@pytest.mark.parametrize("history", [True, False])
def test_an_empty_store_with_the_traces_gets_what_stands(
    store: Store, other: Store, tmp_path: Path, kind: FileFormat, history: bool
) -> None:
    made = nasty_store(store)
    with_traces(other, store)
    path = written(store, tmp_path / f"all.{kind}", kind, history=history)
    found = brought(other, path)
    assert (found.rejected, found.known) == (0, 0)
    assert set(found.queues) == {"=queue, first", "traces", "sides"}
    assert found.by == {
        "=queue, first": 2 * len(NASTY) + (3 if history else 1), "no queue": 1, "sides": 1,
        "traces": 1,
    }  # fmt: skip
    assert list(map(told, events(other, history=False))) == list(
        map(told, events(store, history=False))
    )
    if history:
        assert list(map(told, events(other))) == list(map(told, events(store)))
    with other.read() as session, store.read() as source:
        for queue in made:
            mine, theirs = find_queue(session, queue.id), find_queue(source, queue.id)
            assert mine.closed_at is not None
            assert mine.source == {**theirs.source, "imported": True}
            assert (mine.tasks, mine.overlap, mine.blind, mine.kind) == (
                theirs.tasks, theirs.overlap, theirs.blind, theirs.kind,
            )  # fmt: skip
            counts = select(TaskRow.position, TaskRow.judged, TaskRow.complete).where(
                TaskRow.queue_id == queue.id
            )
            states = select(TaskStateRow.position, TaskStateRow.person, TaskStateRow.state).where(
                TaskStateRow.queue_id == queue.id
            )
            for query in (counts, states):
                assert set(session.execute(query)) == set(source.execute(query))
    again = brought(other, path)
    assert (again.events, again.known, again.rejected) == (0, found.events, 0)


def test_rows_may_come_in_any_order(store: Store, other: Store, tmp_path: Path) -> None:
    nasty_store(store)
    with_traces(other, store)
    for seed in range(5):
        shuffled = events(store)
        random.Random(seed).shuffle(shuffled)
        write_events(tmp_path / f"{seed}.jsonl", FileFormat.JSONL, shuffled)
        found = brought(other, tmp_path / f"{seed}.jsonl")
        assert found.rejected == 0
    key = attrgetter("id")
    assert [told(one) for one in sorted(events(other), key=key)] == [
        told(one) for one in sorted(events(store), key=key)
    ]


def test_what_was_said_meanwhile_is_never_overwritten(
    store: Store, other: Store, tmp_path: Path
) -> None:
    queue = made_queue(store, 1)
    task = say(store, queue, ("ada", GOOD))
    with_traces(other, store)
    brought(other, written(store, tmp_path / "one.csv"))
    with store.write() as session:
        judge_task(session, ADA, task, sent(Judgement(GOOD.shortlist, comment="ours"),
                                            after=newest_of(store, task)))  # fmt: skip
    with other.write() as session:
        close_queue(session, ADA, queue.id, closed=False)
        theirs = session.execute(select(TaskRow.id)).scalar_one()
        (known,) = judgements_of(session, f"task:{theirs}")
        judge_task(session, ADA, theirs, sent(Judgement(GOOD.shortlist, comment="theirs"),
                                              after=known.id))  # fmt: skip
    found = brought(other, written(store, tmp_path / "two.csv"))
    assert (found.events, found.known, found.rejected) == (0, 1, 1)
    assert [problem.kind for problem in found.problems] == [
        "judgements that do not follow the newest one here"
    ]
    with other.read() as session:
        (stands,) = judgements_of(session, f"task:{theirs}")
    assert stands.judgement.comment == "theirs"


def test_history_that_comes_after_what_stands_does_not_replace_it(
    store: Store, other: Store, tmp_path: Path
) -> None:
    queue = made_queue(store, 1)
    task = say(store, queue, ("ada", GOOD))
    with store.write() as session:
        newer = Judgement(GOOD.shortlist, comment="newer")
        judge_task(session, ADA, task, sent(newer, after=newest_of(store, task)))
    with_traces(other, store)
    brought(other, written(store, tmp_path / "now.csv", history=False))
    found = brought(other, written(store, tmp_path / "all.csv"))
    assert (found.events, found.known, found.rejected) == (0, 1, 1)
    assert [e.judgement for e in events(other)] == [newer]


def test_bad_rows_are_named_and_the_good_ones_come_in(
    store: Store, other: Store, tmp_path: Path
) -> None:
    say(store, made_queue(store, 2), ("ada", GOOD))
    with_traces(other, store)
    (event,) = events(store)
    row = event.row()
    bad = [
        {**row, "id": "a b"}, {**row, "kind": "praise"}, {**row, "judgement": {"shortlist": "x"}},
        {**row, "judgement": None}, {**row, "created_at": "soon"}, {**row, "position": -1},
        {**row, "queue_kind": "poll"}, {**row, "seconds": "long"}, {**row, "person": ""},
        {**row, "shown": [1]}, {**row, "token": "x" * 65}, {**row, "guideline": 1.5},
        {**row, "queue_source": {"compared": []}}, {**row, "undoes": "abc"},
        {**row, "trace": None}, {**row, "after": "\x00"}, {},
        {**row, "id": "n1", "trace": "gone", "trace_sha256": "0"},
        {**row, "id": "n2", "judgement": {"preference": "both"}},
        {**row, "id": "n3", "queue_id": None, "after": "never"},
    ]  # fmt: skip
    lines = ["no json", '{"seconds": NaN}', *(json.dumps(one) for one in [*bad, row, row])]
    path = tmp_path / "mixed.jsonl"
    path.write_text("\n".join(lines))
    problems = tmp_path / "out" / "problems.csv"
    found = import_judgements(other, ADA, path, problems_file=problems)
    assert found is not None
    assert (found.events, found.known) == (2, 1)
    assert {problem.kind: problem.count for problem in found.problems} == {
        "rows that are no judgements": 19, "judgements of traces that are not here": 1,
        "judgements that do not say what their queue asks": 1,
    }  # fmt: skip
    assert found.problems[0].first[0].row == 1
    assert len(pd.read_csv(problems)) == found.rejected == 21
    assert "Rows left out: 21." in found.in_words()


def test_what_is_here_stays_as_it_is(store: Store, tmp_path: Path) -> None:
    queue = made_queue(store, 2)
    say(store, queue, ("ada", GOOD))
    (event,) = before = events(store)
    with store.read() as session:
        second = session.execute(select(TaskRow.trace_id).where(TaskRow.position == 1)).scalar_one()
    row = event.row()
    rows = [
        {**row, "judgement": {"shortlist": "off_topic"}},
        {**row, "id": "n4", "person": "name:eva", "trace": second},
        {**row, "id": "n5"},
    ]
    path = tmp_path / "other.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in rows))
    assert [problem.kind for problem in brought(store, path).problems] == [
        "judgements of tasks that are others here",
        "judgements that are here with other contents",
        "judgements that do not follow the newest one here",
    ]
    assert events(store) == before


def test_a_file_that_holds_no_judgement_is_refused(store: Store, tmp_path: Path) -> None:
    for name, text in (("a.csv", "id,text\n1,hello\n"), ("b.jsonl", ""), ("c.txt", "x")):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match="no judgement"):
            import_judgements(store, ADA, tmp_path / name)
    with pytest.raises(InputError, match="no file"):
        import_judgements(store, ADA, tmp_path / "gone.csv")
    with pytest.raises(InputError, match="written"):
        write_events(Path("/proc/none/x.csv"), FileFormat.CSV, [])


def test_only_a_lead_brings_judgements_in(store: Store, tmp_path: Path) -> None:
    say(store, made_queue(store, 1), ("ada", GOOD))
    path = written(store, tmp_path / "x.csv")
    guest = Person("https://issuer guest", "Guest", Role.ANNOTATOR)
    with pytest.raises(NotAllowedError):
        import_judgements(store, guest, path)


def test_a_queue_alone_is_written_and_tables_are_typed(store: Store, tmp_path: Path) -> None:
    first, *_ = nasty_store(store)
    path = written(store, tmp_path / "q.parquet", FileFormat.PARQUET, queue=first.id, history=False)
    table = pq.read_table(path)
    assert tuple(table.column_names) == COLUMNS
    frame = table.to_pandas()
    assert set(frame["queue"]) == {"=queue, first"}
    assert len(frame) == 2 * len(NASTY) + 1
    assert str(frame["created_at"].dtype).endswith("UTC]")
    assert json.loads(frame["judgement"][0])["shortlist"] == frame["shortlist"][0] == "good"
    with store.read() as session:
        assert count_events(session, first.id) == len(frame)
        assert count_events(session, history=True) == len(events(store))
    csv = pd.read_csv(written(store, tmp_path / "q.csv", queue=first.id), dtype=str)
    assert list(csv["stands"].value_counts()) == [len(frame), 2]
    assert not csv.map(lambda cell: str(cell)[:1] in set("=+-@\t\r")).any(axis=None)


def test_a_name_that_is_taken_gets_a_number(store: Store, other: Store, tmp_path: Path) -> None:
    say(store, made_queue(store, 1, name="Mine"), ("ada", GOOD))
    made_queue(other, 1, name="mine")
    with_traces(other, store)
    assert brought(other, written(store, tmp_path / "x.jsonl", FileFormat.JSONL)).queues == (
        "Mine (2)",
    )
    with other.read() as session:
        assert {queue.name for queue in queues(session)} == {"mine", "Mine (2)"}


def test_an_imported_queue_that_is_opened_goes_on(
    store: Store, other: Store, tmp_path: Path
) -> None:
    queue = made_queue(store, 2, overlap=2)
    say(store, queue, ("ada", GOOD))
    with_traces(other, store)
    brought(other, written(store, tmp_path / "x.csv"))
    with other.write() as session:
        close_queue(session, ADA, queue.id, closed=False)
        assert next_task(session, ADA, queue.id) is None
        task = next_task(session, BEN, queue.id)
        assert task is not None
        judge_task(session, BEN, task.id, sent())
    with other.read() as session:
        assert session.get_one(TaskRow, task.id).complete


def test_chains_that_nobody_can_have_made_stay_out(
    store: Store, other: Store, tmp_path: Path
) -> None:
    nasty_store(store)
    with_traces(other, store)
    file = written(store, tmp_path / "all.jsonl", FileFormat.JSONL)
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    settlement = next(row for row in rows if row["kind"] == "adjudication")
    undo = next(row for row in rows if row["kind"] == "undo")
    settlement["person"] = "name:alice"  # counted as settled, and no lead could take it back
    rows.append({**undo, "id": "second", "after": undo["id"], "token": None})
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    report = brought(other, file)
    assert report.rejected == 2
    assert report.events == len(rows) - 2
    assert not [one for one in events(other) if one.kind == "adjudication"]
