"""Values of rows as other programs write them: cells of CSV, lists as text, odd ones."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from core.datasets.importing import ImportRequest, import_dataset
from db.session import open_store
from tests.importing.files import documents, json_lines
from tests.traces.importing.brought import GOOD, brought_in, problems, rows_file, stored
from tests.traces.importing.test_round_trip import exported

LABELS = [
    {"id": "J45", "name": "Asthma"},
    {"id": "E11", "name": "Type 2 diabetes mellitus"},
    {"id": "E11.9", "name": "Type 2 diabetes mellitus, without complications"},
    {"id": "Z00", "name": "Pain; acute, left"},
]
ROW = {"dataset": "mine", "document_id": "d1", "system": "s", "trace": "Asthma it is"}


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    settings = Settings(home=home)
    docs = ({**one, "gold": ["J45"]} for one in documents(5))
    request = ImportRequest(
        "mine",
        json_lines(tmp_path / "l.jsonl", LABELS),
        (json_lines(tmp_path / "d.jsonl", docs),),
    )
    assert import_dataset(settings, request, report=lambda *_: None, cancelled=lambda: False)
    return settings


def csv_file(tmp_path: Path, rows: list[dict[str, Any]]) -> Path:
    path = tmp_path / "traces.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_cells_of_csv_are_numbers_and_offsets_and_the_same_trace_as_from_json(
    settings: Settings, tmp_path: Path
) -> None:
    row = {**ROW, "tokens": "12", "seconds": " 3.5", "token_offsets": "[[0, 6], [6, 9]]"}
    report = brought_in(settings, csv_file(tmp_path, [row]))
    assert problems(report) == {}
    (one,) = stored(settings)
    assert one.trace is not None
    assert (one.summary.tokens, one.summary.seconds) == (12, 3.5)
    assert one.trace.token_offsets == ((0, 6), (6, 9))
    same = {**ROW, "tokens": 12, "seconds": 3.5, "token_offsets": [[0, 6], [6, 9]]}
    assert brought_in(settings, rows_file(tmp_path, [same])).known == 1


def test_an_empty_cell_is_no_answer_and_an_empty_list_or_none_is_an_empty_one(
    settings: Settings, tmp_path: Path
) -> None:
    said = ["", " ", "[]", "none", "None of the above.", "J45"]
    rows = [{**ROW, "trace": f"trace {n}", "answer": one} for n, one in enumerate(said)]
    report = brought_in(settings, csv_file(tmp_path, rows))
    assert problems(report) == {}
    assert [one.answer for one in stored(settings)] == [None, None, (), (), (), ("J45",)]


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        ("Type 2 diabetes mellitus, without complications", ["E11.9"]),
        ("Asthma, Type 2 diabetes mellitus, without complications", ["J45", "E11.9"]),
        ("Type 2 diabetes mellitus, Asthma", ["E11", "J45"]),
        ("Pain; acute, left", ["Z00"]),
        ("Pain; acute, left; Asthma", ["Z00", "J45"]),
        ("['J45', 'E11']", ["J45", "E11"]),
        ("['J45' 'E11']", ["J45", "E11"]),
        ("[J45, E11]", ["J45", "E11"]),
        ("[Asthma]", ["J45"]),
        ("J45|E11", ["J45", "E11"]),
        ([{"id": "J45"}, {"name": "Pain; acute, left"}], ["J45", "Z00"]),
    ],
)
def test_labels_in_one_text_are_taken_apart_where_they_end(
    settings: Settings, tmp_path: Path, said: Any, labels: list[str]
) -> None:
    report = brought_in(settings, rows_file(tmp_path, [{**ROW, "answer": said}]))
    assert (report.rejected, problems(report)) == (0, {})
    assert stored(settings)[0].answer == tuple(labels)


def test_an_answer_that_is_no_list_is_kept_and_named(settings: Settings, tmp_path: Path) -> None:
    report = brought_in(settings, rows_file(tmp_path, [{**ROW, "answer": "[4] Asthma"}]))
    assert problems(report) == {"answered labels that the dataset has not": [1]}


def test_candidates_have_the_numbers_that_their_prompt_gave_them(
    settings: Settings, tmp_path: Path
) -> None:
    shown = ["J45", "", "J45", "E11", ""]
    rows = [
        {**ROW, "candidates": shown},
        {**ROW, "trace": "2", "candidates": [{"id": "J45"}, None, "Asthma", {"name": "E11"}]},
        {**ROW, "trace": "3", "candidates": [f"X{n}" for n in range(1003)]},
    ]
    report = brought_in(settings, rows_file(tmp_path, rows))
    assert problems(report) == {"more candidates than are kept": [3]}
    first, second, third = stored(settings)
    assert [(c.number, c.label_id) for c in first.candidates] == [
        (1, "J45"),
        (3, "J45"),
        (4, "E11"),
    ]
    assert [(c.number, c.label_id) for c in second.candidates] == [
        (1, "J45"), (3, "J45"), (4, "E11"),
    ]  # fmt: skip
    assert len(third.candidates) == 1000


def test_gold_and_candidates_come_back_as_they_were(
    settings: Settings, tmp_path: Path, home: Path
) -> None:
    own = {**ROW, "document_id": "own", "text": "its own text", "gold": ["J45", "Asthma"]}
    rows = [own, {**ROW, "candidates": ["J45", "", "Asthma", "E11"]}]
    store = open_store(settings)
    brought_in(settings, rows_file(tmp_path, rows), store=store)
    assert stored(settings)[0].document.gold == ("J45",)
    for name in ("out.jsonl", "out.parquet"):
        assert brought_in(settings, exported(store, tmp_path / name), store=store).known == 2


ODD: dict[str, tuple[dict[str, Any], str]] = {
    "infinite offsets": (
        {"token_offsets": [[0, float("inf")]]}, "token offsets that do not fit the trace",
    ),
    "more tokens than a database counts": ({"tokens": 3e9}, "numbers that cannot be used"),
    "tokens in words": ({"tokens": "many"}, "numbers that cannot be used"),
    "endless seconds": ({"seconds": float("inf")}, "numbers that cannot be used"),
    "a huge number": ({"tokens": 10**400}, "numbers that cannot be used"),
    "a name that is an object": ({"system": {"a": 1}}, "malformed rows"),
    "a request without an answer": (
        {"trace": None, "messages": {"a": 1}, "response": {"body": {}}}, "malformed rows",
    ),
    "half a character": ({"answer": "\ud800"}, "encoding errors"),
}  # fmt: skip


@pytest.mark.parametrize(("odd", "kind"), ODD.values(), ids=ODD.keys())
def test_an_odd_value_costs_its_row_at_most(
    settings: Settings, tmp_path: Path, odd: dict[str, Any], kind: str
) -> None:
    file = rows_file(tmp_path, [{**ROW, **odd}, {**ROW, "trace": "a good one"}])
    report = brought_in(settings, file)
    assert problems(report) == {kind: [1]}
    assert stored(settings)[-1].text == "a good one"


def test_an_empty_number_of_pandas_is_none(settings: Settings, tmp_path: Path) -> None:
    row = {**ROW, "tokens": float("nan"), "answer": float("nan"), "token_offsets": float("nan")}
    report = brought_in(settings, rows_file(tmp_path, [row]))
    assert (report.traces, problems(report)) == (1, {})
    assert stored(settings)[0].answer is None


def test_no_nul_reaches_a_database(settings: Settings, tmp_path: Path) -> None:
    row = {**ROW, "system": "a\x00b", "document_id": "o\x00n", "text": "x\x00y", "gold": ["g\x00"],
           "answer": ["l\x00"], "candidates": ["c\x00"], "finish_reason": "s\x00"}  # fmt: skip
    file = rows_file(tmp_path, [row])
    assert brought_in(settings, file).by == {"mine / a\ufffdb": 1}
    assert brought_in(settings, file).known == 1
    out = exported(open_store(settings), tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert "\\u0000" not in out
    assert json.loads(out)["candidates"] == ["c\ufffd"]


def test_the_id_of_a_plain_row_stays_what_it_was(settings: Settings, tmp_path: Path) -> None:
    """Else an import that was done before would bring its rows in again."""
    row = {**GOOD, "answer": "Asthma|E11", "candidates": ["J45", "E11"], "tokens": 20,
           "seconds": 1.5, "token_offsets": [[0, 5]], "finish_reason": "length"}  # fmt: skip
    own = {**ROW, "document_id": None, "text": "a text of nobody", "gold": ["Asthma"]}
    brought_in(settings, rows_file(tmp_path, [row, own]))
    assert [one.id for one in stored(settings)] == ["111be08c819a88b4", "e09ff6e0aacddceb"]
