"""Traces of other programs: what is kept, what is left out and named, each kept once."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from core import trace_import
from core.config import Settings
from core.errors import InputError
from core.trace_import import import_traces
from core.traces.importing.base import ImportedTrace
from core.traces.importing.request import TraceImportRequest
from db.session import open_store
from db.trace_imports import add_imported
from db.trace_views import TraceFilter
from db.traces import load_trace, page_of
from tests.traces.importing.brought import (
    GOOD,
    brought_in,
    problems,
    rows_file,
    stored,
    with_dataset,
)


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    return with_dataset(home, tmp_path)


def test_a_mixed_file_keeps_the_good_rows_and_names_the_bad_ones(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "mixed.jsonl"
    rows_file(
        tmp_path,
        [
            GOOD,
            {**GOOD, "document_id": "d4", "dataset": "nowhere"},
            {**GOOD, "document_id": "no such", "trace": "x"},
            {**GOOD, "trace": "  "},
            {**GOOD, "system": ""},
            {**GOOD, "document_id": "d5", "answer": ["topic 1", "a topic of its own"]},
            GOOD,
        ],
        file.name,
    )
    with file.open("ab") as more:
        more.write(b'{"dataset": "mine"\n')
        more.write(b'{"dataset": "mine", "document_id": "d6", "system": "s", "trace": "\xff"}\n')
    report = brought_in(settings, file)
    assert (report.traces, report.known, report.rejected) == (2, 1, 6)
    assert report.by == {"mine / llama-70b": 2}
    assert problems(report) == {
        "malformed rows": [8],
        "encoding errors": [9],
        "datasets that are not here": [2],
        "documents that are neither in the dataset nor given as text": [3],
        "empty traces": [4],
        "no system": [5],
        "answered labels that the dataset has not": [6],
        "traces that are here already": [7],
    }
    written = Path(report.problems_file).read_text(encoding="utf-8").splitlines()
    assert len(written) == 1 + 8


def test_a_column_that_only_late_rows_have_is_read(settings: Settings, tmp_path: Path) -> None:
    plain = {key: value for key, value in GOOD.items() if key != "answer"}
    rows = [{**plain, "trace": f"{GOOD['trace']} {n}"} for n in range(40)]
    late = {**plain, "trace": "topic 3, then", "answer": ["L1"]}
    store = open_store(settings)
    report = brought_in(settings, rows_file(tmp_path, [*rows, late]), store=store)
    assert report.columns["answer"] == "answer"
    with store.read() as session:
        (summary,) = page_of(session, TraceFilter(text="then"))
        assert load_trace(session, summary.id).answer == ("L1",)


def test_what_a_row_says_is_in_the_store(settings: Settings, tmp_path: Path) -> None:
    row = {**GOOD, "candidates": ["L2", "L3"], "tokens": 20, "seconds": 1.5,
           "token_offsets": [[0, 5], [5, 9]], "finish_reason": "length"}  # fmt: skip
    store = open_store(settings)
    brought_in(settings, rows_file(tmp_path, [row]), store=store)
    with store.read() as session:
        (summary,) = page_of(session, TraceFilter(system="llama-70b", text="wrong"))
        stored = load_trace(session, summary.id)
    assert stored.text == GOOD["trace"]
    assert stored.document.id == "d3"
    assert stored.document.gold == ("L3",)
    assert [c.label_id for c in stored.candidates] == ["L2", "L3"]
    assert (summary.selected, summary.example_f1, summary.tokens) == (1, 1.0, 20)
    assert summary.finish_reason == "length"
    assert summary.chars == len(GOOD["trace"])
    assert summary.has_phases is None, "nobody has looked for them yet"
    assert stored.trace is not None
    assert stored.trace.token_offsets == ((0, 5), (5, 9))


def test_an_import_that_is_given_again_adds_nothing(settings: Settings, tmp_path: Path) -> None:
    store = open_store(settings)
    file = rows_file(tmp_path, [{**GOOD, "document_id": f"d{n}"} for n in range(8)])
    assert brought_in(settings, file, store=store).traces == 8
    again = brought_in(settings, file, store=store)
    assert (again.traces, again.known) == (0, 8)
    with store.read() as session:
        assert len(page_of(session, TraceFilter())) == 8


def test_a_cancelled_import_goes_on(settings: Settings, tmp_path: Path) -> None:
    store = open_store(settings)
    file = rows_file(tmp_path, [{**GOOD, "trace": f"trace {n}"} for n in range(250)])
    asked = iter([False, False, True])
    request = TraceImportRequest((file,))
    made = import_traces(
        settings, store, request, report=lambda *_: None, cancelled=lambda: next(asked)
    )
    assert made is None
    rest = brought_in(settings, file, store=store)
    assert (rest.traces, rest.known) == (50, 200)


def test_documents_are_found_by_their_text_and_others_are_kept(
    settings: Settings, tmp_path: Path
) -> None:
    store = open_store(settings)
    by_text = {**GOOD, "document_id": None, "text": " about topic 3 "}
    own = {**GOOD, "document_id": None, "text": "a text of nobody", "gold": ["L1"]}
    other = {**GOOD, "text": "about topic 3, and more"}
    report = brought_in(settings, rows_file(tmp_path, [by_text, own, other]), store=store)
    assert report.traces == 3
    assert problems(report) == {"documents whose text is another than the dataset's": [3]}
    with store.read() as session:
        rows = page_of(session, TraceFilter())
        found = [load_trace(session, row.id).document for row in reversed(rows)]
    assert (found[0].id, found[0].gold) == ("d3", ("L3",))
    assert (found[1].id[:5], found[1].text, found[1].gold) == (
        "text-", "a text of nobody", ("L1",),
    )  # fmt: skip
    assert (found[2].id, found[2].text, found[2].gold) == (
        "d3", "about topic 3, and more", ("L3",),
    )  # fmt: skip


def test_names_of_dataset_and_system_may_come_from_the_request(
    settings: Settings, tmp_path: Path
) -> None:
    row = {"id": "d1", "output": "Answer: topic 1", "labels": "L1|L4"}
    file = rows_file(tmp_path, [row])
    report = brought_in(settings, file, dataset="mine", system="ours")
    assert report.by == {"mine / ours": 1}
    with pytest.raises(InputError, match="no system"):
        brought_in(settings, file, dataset="mine")


def test_a_file_without_traces_is_refused(settings: Settings, tmp_path: Path) -> None:
    file = rows_file(tmp_path, [{"document_id": "d1", "labels": ["L1"]}])
    with pytest.raises(InputError, match="no column with traces"):
        brought_in(settings, file)
    with pytest.raises(InputError, match="no column 'cot'"):
        brought_in(settings, file, columns={"trace": "cot"})


def test_labels_stand_for_the_answer_only_where_no_prediction_does_and_it_is_said(
    settings: Settings, tmp_path: Path
) -> None:
    plain = {key: value for key, value in GOOD.items() if key != "answer"}
    both = {**plain, "labels": ["L3"], "prediction": ["L1"]}
    report = brought_in(settings, rows_file(tmp_path, [both], "both.jsonl"))
    assert (report.columns["answer"], problems(report)) == ("prediction", {})

    alone = [{**plain, "trace": f"trace {n}", "labels": ["L3"]} for n in range(3)]
    file = rows_file(tmp_path, alone, "alone.jsonl")
    report = brought_in(settings, file)
    assert problems(report) == {"columns taken for the answer that may hold gold": [1]}
    assert report.problems[0].count == 1
    given = {"gold": "labels"}
    report = brought_in(settings, file, columns=given)
    assert (report.traces, problems(report)) == (3, {}), "these have no answer"
    assert brought_in(settings, file, columns={"answer": "labels"}).problems[0].kind == (
        "traces that are here already"
    )
    late = [*alone[:1] * 30, {**plain, "trace": "late", "labels": ["L3"], "prediction": ["L1"]}]
    brought_in(settings, rows_file(tmp_path, late, "late.jsonl"))
    assert [one.answer for one in stored(settings)] == [
        ("L1",), *[("L3",)] * 3, *[None] * 3, ("L1",),
    ]  # fmt: skip


def test_rows_of_one_file_may_name_trace_and_document_otherwise(
    settings: Settings, tmp_path: Path
) -> None:
    rows = [GOOD, {"dataset": "mine", "system": "s", "doc_id": "d4", "output": "topic 4"}]
    report = brought_in(settings, rows_file(tmp_path, rows))
    assert (report.traces, problems(report)) == (2, {})
    assert [one.document.id for one in stored(settings)] == ["d3", "d4"]


def test_traces_with_many_offsets_are_stored_a_few_at_a_time(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def counted(session: Session, traces: Sequence[ImportedTrace]) -> set[str]:
        sizes.append(len(traces))
        return add_imported(session, traces)

    monkeypatch.setattr(trace_import, "add_imported", counted)
    monkeypatch.setattr(trace_import, "BATCH_CHARS", 10_000)
    offsets = [[at, at + 1] for at in range(50)]
    rows = [{**GOOD, "seconds": n, "token_offsets": offsets} for n in range(6)]
    assert brought_in(settings, rows_file(tmp_path, rows)).traces == 6
    assert sizes == [2, 2, 2]


def test_files_of_one_name_are_two_files(settings: Settings, tmp_path: Path) -> None:
    files = []
    for run in ("runA", "runB"):
        (tmp_path / run).mkdir()
        rows = [{**GOOD, "trace": run}, {**GOOD, "trace": ""}]
        files.append(rows_file(tmp_path / run, rows, "out.jsonl"))
    report = brought_in(settings, *files)
    assert (report.traces, report.known) == (2, 0)
    assert report.files == {"runA/out.jsonl": "JSON lines", "runB/out.jsonl": "JSON lines"}
    (empty,) = report.problems
    assert [place.file for place in empty.first] == ["runA/out.jsonl", "runB/out.jsonl"]


def test_offsets_that_do_not_fit_are_named_and_left_out(settings: Settings, tmp_path: Path) -> None:
    store = open_store(settings)
    rows = [{**GOOD, "token_offsets": bad} for bad in ([[0, 9999]], [[5, 6], [0, 2]], "x")]
    report = brought_in(settings, rows_file(tmp_path, rows), store=store)
    assert problems(report)["token offsets that do not fit the trace"] == [1, 2, 3]


def test_nul_bytes_do_not_make_a_trace_new_each_time(settings: Settings, tmp_path: Path) -> None:
    store = open_store(settings)
    file = rows_file(tmp_path, [{**GOOD, "trace": "one\x00two"}])
    assert brought_in(settings, file, store=store).traces == 1
    assert brought_in(settings, file, store=store).known == 1
    with store.read() as session:
        (row,) = page_of(session, TraceFilter())
        assert load_trace(session, row.id).text == "one\ufffdtwo"
