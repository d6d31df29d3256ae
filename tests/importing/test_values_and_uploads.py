"""Odd numbers cost their row only; gold is kept once; other imports and uploads are left alone."""

import io
import os
import time
from pathlib import Path

import pytest

from core.annotation.people import local_person
from core.config import Settings
from core.datasets.catalogue import label_frequencies, open_dataset, summary
from core.datasets.importing import ImportRequest
from core.errors import InputError
from core.importing.problems import told_apart
from core.importing.uploads import drop_uploads, keep_uploads
from core.importing.values import UnusableError, ids_of
from core.jobs.kinds import import_of
from pages.parts import import_parts
from tests.importing.files import LABELS, brought_in, documents, json_lines, problems, text

GOOD = "".join(f'{{"id": "g{n}", "text": "x", "target_ind": [0]}}\n' for n in range(4))


@pytest.mark.parametrize(
    "row",
    [
        f'"id": {10**400}, "target_ind": [0]',
        '"id": NaN, "target_ind": [0]',
        '"id": 1e999, "target_ind": [0]',
        '"id": "a", "target_ind": [1e999]',
        '"id": "a", "target_ind": [99999999999999999999]',
        '"id": "a", "target_ind": "99999999999999999999"',
        '"id": "a", "target_ind": [1.9]',
        '"id": "a", "target_ind": [NaN]',
        '"id": "a", "target_ind": [true]',
    ],
)
def test_a_number_that_cannot_be_costs_one_row(home: Path, tmp_path: Path, row: str) -> None:
    docs = text(tmp_path / "trn.json", f'{GOOD}{{"text": "x", {row}}}\n')
    report = brought_in(home, json_lines(tmp_path / "l.jsonl", LABELS), docs)
    assert report.documents == 4
    assert problems(report) == {"malformed rows": (1, [("trn.json", 5)])}


def test_numbers_that_can_be_are_ids_and_rows(home: Path, tmp_path: Path) -> None:
    rows = [{"id": 2**127, "text": "x", "target_ind": [1.0, "2"]}, {"id": 7.0, "text": "x"}]
    brought_in(
        home, json_lines(tmp_path / "l.jsonl", LABELS), json_lines(tmp_path / "d.json", rows)
    )
    dataset = open_dataset(Settings(home=home), "mine")
    assert dataset.document(str(2**127)).gold == ("L1", "L2")
    assert dataset.row_of("7") == 1


def test_huge_numbers_in_text_files_cost_their_line(home: Path, tmp_path: Path) -> None:
    huge = "9" * 5000
    trn = text(tmp_path / "trn_X_Y.txt", f"3 2\n0:1\n{huge}:1\n1:1\n")
    text(tmp_path / "trn_X.txt", "first\nsecond\nthird\n")
    labels = text(tmp_path / "Y.txt", "red\ngreen\n")
    filters = text(tmp_path / "filter_labels_train.txt", f"0 0\n{huge} 1\n0 {huge}\n{2**63} 1\n")

    report = brought_in(home, labels, trn, filters=(filters,))

    found = problems(report)
    assert (report.documents, found["malformed rows"][1]) == (2, [("trn_X_Y.txt", 2)])
    assert [row for _, row in found["filter pairs out of range"][1]] == [2, 3, 4]


def test_gold_by_two_rows_of_the_same_label_is_kept_once(home: Path, tmp_path: Path) -> None:
    labels = json_lines(tmp_path / "l.jsonl", [*LABELS, LABELS[0]])
    docs = json_lines(tmp_path / "d.json", [{"id": "a", "text": "x", "target_ind": [0, 5, 1]}])
    report = brought_in(home, labels, docs)
    assert open_dataset(Settings(home=home), "mine").document("a").gold == ("L0", "L1")
    assert report.mean_labels == 2


def test_a_csv_file_of_one_column_may_hold_commas(home: Path, tmp_path: Path) -> None:
    labels = text(tmp_path / "l.csv", 'name\nheart, left\n"lung; ""right"""\n')
    docs = json_lines(tmp_path / "d.jsonl", [{"id": "a", "text": "x", "gold": ["heart, left"]}])
    assert brought_in(home, labels, docs).problems == ()
    names = [label.name for label in open_dataset(Settings(home=home), "mine").labels]
    assert names == ["heart, left", 'lung; "right"']


def test_two_filter_files_for_the_same_documents_are_refused(home: Path, tmp_path: Path) -> None:
    filters = tuple(text(tmp_path / f"{part}.txt", "0 0\n") for part in ("one", "two"))
    docs = json_lines(tmp_path / "d.jsonl", documents(3))
    with pytest.raises(InputError, match="Two filter files"):
        brought_in(home, json_lines(tmp_path / "l.jsonl", LABELS), docs, filters=filters)


def test_frequencies_count_labels_of_the_dataset_as_the_report_does(
    home: Path, tmp_path: Path
) -> None:
    rows = [{**one, "gold": [*one["gold"], "unknown"], "split": "train"} for one in documents(50)]
    report = brought_in(
        home, json_lines(tmp_path / "l.jsonl", LABELS), json_lines(tmp_path / "d.jsonl", rows)
    )
    dataset = open_dataset(Settings(home=home), "mine")
    assert set(label_frequencies(dataset)) == {label["id"] for label in LABELS}
    assert summary(dataset).head_torso_tail == report.head_torso_tail
    assert summary(dataset).documents_by_split == report.documents_by_split


def test_only_what_the_same_dataset_left_is_cleared(home: Path, tmp_path: Path) -> None:
    datasets = home / "datasets"
    other, own = datasets / ".mine.v2.abcd1234.tmp", datasets / ".mine.abcd1234.tmp"
    other.mkdir(parents=True)
    own.mkdir()
    labels = json_lines(tmp_path / "l.jsonl", LABELS)
    brought_in(home, labels, json_lines(tmp_path / "d.jsonl", documents(3)))
    assert (other.is_dir(), own.exists()) == (True, False)


def test_uploads_go_when_imported_and_stay_when_not(home: Path, tmp_path: Path) -> None:
    settings = Settings(home=home)
    labels = json_lines(tmp_path / "l.jsonl", LABELS)

    def uploaded(content: bytes) -> Path:
        return keep_uploads(settings, local_person(), "owner", [("d.jsonl", io.BytesIO(content))])[
            0
        ]

    def imported(docs: Path, *, stop: bool = False) -> None:
        params = ImportRequest("mine", labels, (docs,)).to_json()
        import_of(settings, params, lambda *_: None, lambda: stop)

    wrong = uploaded(b"oops\n")
    with pytest.raises(InputError):
        imported(wrong)
    assert wrong.is_file()
    good = uploaded(json_lines(tmp_path / "d.jsonl", documents(3)).read_bytes())
    imported(good, stop=True)
    assert good.is_file()
    imported(good)
    assert not good.exists()
    assert labels.is_file()

    old = uploaded(b"old")
    (new,) = keep_uploads(settings, local_person(), "other", [("new", io.BytesIO(b"new"))])
    os.utime(old, (time.time() - 8 * 24 * 3600,) * 2)
    keep_uploads(settings, local_person(), "third", [("x", io.BytesIO(b"x"))])
    assert (old.exists(), new.exists()) == (False, True)


def test_uploads_of_one_name_stay_apart_and_those_of_others_beside_each_other(home: Path) -> None:
    settings = Settings(home=home)

    def kept(*files: tuple[str, bytes]) -> list[Path]:
        named = [(name, io.BytesIO(content)) for name, content in files]
        return keep_uploads(settings, local_person(), "owner", named)

    two = kept(("out.jsonl", b"first"), ("out.jsonl", b"second"), ("more.jsonl", b"third"))
    assert [path.read_bytes() for path in two] == [b"first", b"second", b"third"]
    names = told_apart(two)
    assert [names[path] for path in two] == ["1/out.jsonl", "2/out.jsonl", "more.jsonl"]
    (changed,) = kept(("out.jsonl", b"changed"))
    assert [path.read_bytes() for path in [*two, changed]] == [
        b"first", b"second", b"third", b"changed",
    ]  # fmt: skip
    assert kept(("out.jsonl", b"changed")) == [changed], "the same is not kept twice"
    pair = kept(("trn_X_Y.txt", b"1 1\n0:1\n"), ("trn_X.txt", b"a text\n"))
    assert pair[0].parent == pair[1].parent, "a matrix finds its texts"
    drop_uploads(settings, [*two, changed, *pair])
    assert list((settings.cache_dir / "uploads").iterdir()) == []


class Upload(io.BytesIO):
    """As Streamlit gives one."""

    def __init__(self, file_id: str, name: str, content: bytes) -> None:
        super().__init__(content)
        self.file_id, self.name = file_id, name


def test_a_form_keeps_what_its_uploader_has_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_parts.st, "session_state", {})
    monkeypatch.setattr(import_parts.services, "settings", lambda: Settings(home=home))
    two = [Upload("1", "out.jsonl", b"first"), Upload("2", "out.jsonl", b"second")]
    paths = import_parts.kept_uploads(two)
    assert [path.read_bytes() for path in paths] == [b"first", b"second"]
    assert import_parts.kept_uploads(two) is paths
    paths[0].unlink()  # as an import that is done does
    assert [path.read_bytes() for path in import_parts.kept_uploads(two)] == [b"first", b"second"]
    assert import_parts.kept_uploads([]) == []


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    files = [Path("/a/runA/out.jsonl"), Path("/a/runB/out.jsonl"), Path("/a/runA/more.jsonl")]
    names = told_apart([*files, files[0]])
    assert [names[file] for file in files] == ["runA/out.jsonl", "runB/out.jsonl", "more.jsonl"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("['J45', 'E11']", ["J45", "E11"]),  # pandas, of a list
        ("['J45' 'E11']", ["J45", "E11"]),  # pandas, of an array
        ("['J45'\n \"Graves' disease\"]", ["J45", "Graves' disease"]),
        ("('J45',)", ["J45"]),
        ("{'J45', 'E11'}", ["E11", "J45"]),  # a set has no order
        ("[250 401]", ["250", "401"]),
        ('["J45", "E11"]', ["J45", "E11"]),
        ("(left) heart", ["(left) heart"]),
    ],
)
def test_lists_written_as_text_are_lists(text: str, ids: list[str]) -> None:
    assert ids_of(text, "") == ids


@pytest.mark.parametrize("text", ["[J45", "[" * 5000 + "]" * 5000, "[" + "-" * 50_000 + "1]"])
def test_what_is_half_a_list_costs_its_row(text: str) -> None:
    with pytest.raises(UnusableError):
        ids_of(text, "")
