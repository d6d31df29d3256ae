"""Bad rows are counted and named, and the rest is kept; wholly wrong files change nothing."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.annotation.people import local_person
from core.config import Settings
from core.datasets.catalogue import open_dataset
from core.datasets.importing import ImportRequest, import_dataset, remove_dataset
from core.errors import InputError, UnknownNameError
from core.importing.problems import Kind
from core.importing.readers import Bad, Format, rows_of
from tests.importing.files import LABELS, brought_in, documents, json_lines, problems, text
from tests.shortlist.synthetic import make_dataset


def test_one_bad_row_in_many_is_named_and_the_rest_kept(home: Path, tmp_path: Path) -> None:
    labels = json_lines(tmp_path / "l.jsonl", LABELS)
    docs = json_lines(tmp_path / "d.jsonl", documents(30_000))
    lines = docs.read_bytes().split(b"\n")
    lines[20_000] = b'{"id": "d20000", "text": "caf\xe9", "gold": ["L1"]}'
    docs.write_bytes(b"\n".join(lines))

    report = brought_in(home, labels, docs)

    assert (report.documents, report.rejected) == (29_999, 1)
    assert problems(report) == {"encoding errors": (1, [("d.jsonl", 20_001)])}


def test_one_bad_row_in_a_million_is_the_only_one_that_is_not_read(tmp_path: Path) -> None:
    """Of the reader alone, which is what meets the row; an import of as many takes a minute."""
    docs, bad = tmp_path / "d.jsonl", 700_000
    line = b'{"id": "d", "text": "x", "gold": ["L1"]}\n'
    with docs.open("wb") as file:
        file.write(line * bad)
        file.write(b'{"id": "half", "te\n')
        file.write(line * (1_000_000 - bad - 1))

    good, wrong = 0, []
    for row in rows_of(docs, Format.JSONL):
        if isinstance(row, Bad):
            wrong.append((row.number, row.kind))
        else:
            good += 1

    assert good == 999_999
    assert wrong == [(bad + 1, Kind.MALFORMED)]


def test_every_kind_of_bad_row_is_named(home: Path, tmp_path: Path) -> None:
    labels = text(
        tmp_path / "l.csv", "id,name\na,Ant\nb,Bee\na,Again\nc,\nd, bee\n,Nobody\ne,Elk,more\n"
    )
    good = [json.dumps({"id": n, "text": "x", "gold": ["a"]}) for n in range(10)]
    bad = [
        '{"id": 3, "text": "twice", "gold": ["a"]}',  # row 11
        '{"id": "no gold", "text": "x", "gold": []}',
        '{"id": "unknown", "text": "x", "gold": ["a", "zz"]}',
        '{"id": "empty", "text": " ", "gold": ["a"]}',
        '{"id": "half", "te',
        '{"id": "pair", "text": "\\ud800", "gold": ["a"]}',
        '{"text": "no id", "gold": ["a"]}',
        '["a list"]',
        json.dumps({"id": "long", "text": "x" * 200_001, "gold": ["a"]}),
        '{"id": "nested", "text": {"a": 1}, "gold": ["a"]}',
    ]
    docs = text(tmp_path / "d.jsonl", "\n".join([*good, *bad]))

    report = brought_in(home, labels, docs)

    assert problems(report) == {
        "malformed rows": (4, [("l.csv", 8), ("d.jsonl", 15), ("d.jsonl", 18), ("d.jsonl", 20)]),
        "encoding errors": (1, [("d.jsonl", 16)]),
        "too long": (1, [("d.jsonl", 19)]),
        "empty ids": (2, [("l.csv", 7), ("d.jsonl", 17)]),
        "duplicate ids": (2, [("l.csv", 4), ("d.jsonl", 11)]),
        "empty label names": (1, [("l.csv", 5)]),
        "duplicate label names": (1, [("l.csv", 6)]),
        "empty texts": (1, [("d.jsonl", 14)]),
        "gold ids missing from the labels": (1, [("d.jsonl", 13)]),
        "documents without gold": (1, [("d.jsonl", 12)]),
    }
    assert (report.labels, report.documents, report.rejected) == (3, 12, 12)
    dataset = open_dataset(Settings(home=home), "mine")
    assert dataset.document("unknown").gold == ("a", "zz")
    with (home / "datasets" / "mine" / "problems.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == sum(p.count for p in report.problems)


def test_a_quote_that_is_never_closed_costs_one_row(home: Path, tmp_path: Path) -> None:
    labels = json_lines(tmp_path / "l.jsonl", LABELS)
    rows = [f"{n},text {n},L1" for n in range(3000)]
    rows[1500] = '1500,"never closed,L1'
    docs = text(tmp_path / "d.csv", "\n".join(["id,text,gold", *rows]))

    report = brought_in(home, labels, docs)

    assert report.documents == 2999
    assert problems(report) == {"malformed rows": (1, [("d.csv", 1502)])}


def test_a_parquet_value_that_is_no_text_is_named(home: Path, tmp_path: Path) -> None:
    good = pa.array(["one", "two", "three"])
    raw = pa.py_buffer(b"onet\xffothree")
    broken = pa.Array.from_buffers(pa.string(), 3, [None, good.buffers()[1], raw])
    table = pa.table({"id": ["a", "b", "c"], "text": broken, "gold": [["L1"], ["L1"], ["L1"]]})
    pq.write_table(table, tmp_path / "d.parquet")

    report = brought_in(home, json_lines(tmp_path / "l.jsonl", LABELS), tmp_path / "d.parquet")

    assert report.documents == 2
    assert problems(report) == {"encoding errors": (1, [("d.parquet", 2)])}


def test_the_csv_of_problems_holds_no_formula(home: Path, tmp_path: Path) -> None:
    labels = json_lines(tmp_path / "l.jsonl", LABELS)
    docs = json_lines(tmp_path / "d.jsonl", [*documents(5), {"id": "x", "text": "x",
                                                            "gold": ["=1+1"]}])  # fmt: skip
    brought_in(home, labels, docs)
    assert ",'=1+1," in (home / "datasets" / "mine" / "problems.csv").read_text()


WRONG = {
    "a list": "[{}, {}]",
    "no rows": "",
    "other objects": '{"a": 1}\n{"a": 2}\n',
    "prose": "This is a letter.\nIt goes on.\n",
    "a page": "<html>\n<body>\nNot found\n</body>\n</html>\n",
    "mostly bad": '{"id": 1, "text": "x", "gold": ["L1"]}\n' + "oops\n" * 3,
    "another dataset": '{"id": 1, "text": "x", "gold": ["Q1"]}\n',
    "binary": "\x00\x01\x02",
    "a zip": "PK\x03\x04",
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("existing", [False, True])
def test_a_wholly_wrong_file_changes_nothing(
    home: Path, tmp_path: Path, content: str, *, existing: bool
) -> None:
    labels = json_lines(tmp_path / "l.jsonl", LABELS)
    if existing:
        brought_in(home, labels, json_lines(tmp_path / "good.jsonl", documents(3)))
    before = {p: p.read_bytes() for p in home.rglob("*") if p.is_file() and p.suffix != ".lock"}

    with pytest.raises(InputError) as raised:
        brought_in(home, labels, text(tmp_path / "d.jsonl", content), replace=True)

    assert "d.jsonl" in raised.value.what or "gold ids" in raised.value.what
    assert {p: p.read_bytes() for p in home.rglob("*") if p.is_file() and p.suffix != ".lock"} == (
        before
    )


@pytest.mark.parametrize("damage", ["truncated", "not gzip"])
def test_a_damaged_gzip_file_is_said(home: Path, tmp_path: Path, damage: str) -> None:
    import gzip

    packed = gzip.compress(b'{"id": 1, "text": "x", "gold": ["L1"]}\n' * 1000)
    path = tmp_path / "d.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2] if damage == "truncated" else b"plain text")
    with pytest.raises(InputError, match=r"d\.jsonl\.gz"):
        brought_in(home, json_lines(tmp_path / "l.jsonl", LABELS), path)


@pytest.mark.parametrize("name", ["", "Mine", "../up", "a b", ".hidden", "x" * 65, "icd", "mesh"])
def test_names_that_cannot_be_used_are_refused(home: Path, tmp_path: Path, name: str) -> None:
    labels = json_lines(tmp_path / "l.jsonl", LABELS)
    request = ImportRequest(name, labels, (json_lines(tmp_path / "d.jsonl", documents(3)),))
    with pytest.raises(InputError):
        import_dataset(
            Settings(home=home), request, report=lambda *_: None, cancelled=lambda: False
        )
    assert not home.exists() or not any(home.rglob("dataset.json"))


def test_an_existing_dataset_is_replaced_only_when_asked(home: Path, tmp_path: Path) -> None:
    labels = json_lines(tmp_path / "l.jsonl", LABELS)
    brought_in(home, labels, json_lines(tmp_path / "d.jsonl", documents(3)))
    more = json_lines(tmp_path / "e.jsonl", documents(8))
    with pytest.raises(InputError, match="already"):
        brought_in(home, labels, more)
    assert len(open_dataset(Settings(home=home), "mine")) == 3
    brought_in(home, labels, more, replace=True)
    assert len(open_dataset(Settings(home=home), "mine")) == 8


def test_a_cancelled_import_leaves_nothing(home: Path, tmp_path: Path) -> None:
    request = ImportRequest(
        "mine", json_lines(tmp_path / "l.jsonl", LABELS),
        (json_lines(tmp_path / "d.jsonl", documents(5000)),),
    )  # fmt: skip
    asked = iter([False, False, False])
    made = import_dataset(
        Settings(home=home), request, report=lambda *_: None,
        cancelled=lambda: next(asked, True),
    )  # fmt: skip
    assert made is None
    assert [path.name for path in (home / "datasets").iterdir()] == [".mine.lock"]


def test_an_added_dataset_is_removed_with_its_index(home: Path) -> None:
    make_dataset(home)
    (home / "indexes" / "tiny").mkdir(parents=True)
    settings = Settings(home=home)
    for name in ("icd", "mesh"):
        with pytest.raises(InputError, match="makes itself"):
            remove_dataset(settings, local_person(), name)
    for name in ("nope", "..", "../datasets/tiny"):
        with pytest.raises(UnknownNameError):
            remove_dataset(settings, local_person(), name)
    remove_dataset(settings, local_person(), "tiny")
    assert [path.name for path in (home / "datasets").iterdir()] == [".tiny.lock"]
    assert list((home / "indexes").iterdir()) == []
