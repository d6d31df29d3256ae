"""Results travel without the texts of others, and arrive as they were."""

import dataclasses
import json
from pathlib import Path

import pytest

from core.datasets.base import Document, Label, Split
from core.datasets.files import About, write_dataset
from core.errors import DataError, InputError
from core.study.asked import Asked
from core.study.cell_files import cells_folder, read_results
from core.study.cells import Cell, Cells
from core.study.choice import begun, study_named
from core.study.pack import ABOUT, write_pack
from core.study.pack_loading import load_pack
from core.study.pack_parts import read_lines, shared_of, write_lines
from core.study.pack_shared import SHARED
from db.runs import ensure_run, load_run, run_records
from db.session import open_store
from db.traces import begin_trace, finish_trace, load_trace
from db.trainings import save_training, trainings_of
from tests.db.examples import CONFIG, DOCUMENT, record
from tests.study.small_study import NAMES, PART, SECRET, a_study, add_data, settings_of


def test_only_runs_on_the_splits_that_are_asked_for_travel(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, run, _ = a_study(here)
    assert write_pack(here, store, "small", tmp_path / "small", ["test"]).traces == {}
    other = open_store(there)
    assert load_pack(there, other, tmp_path / "small", ["dev"]).traces == {}
    cells = read_results(there.home / "distill" / "small" / "cells")
    assert cells["test/teacher/tiny"]["run"] == run
    with other.read() as session:
        assert trainings_of(session, ["small-teacher"])


def test_a_trace_arrives_as_it_left_and_its_text_does_not_travel(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, run, trace = a_study(here)
    assert write_pack(here, store, "small", tmp_path / "small", ["dev"]).traces == {"tiny": 1}
    lines = json.dumps(list(read_lines(tmp_path / "small" / PART)))
    assert SECRET not in lines
    assert not [name for name in NAMES.values() if name in lines]
    other = open_store(there)
    found = load_pack(there, other, tmp_path / "small", ["dev"])
    assert (found.traces, found.absent, found.unknown) == ({"tiny": 1}, (), 0)
    with store.read() as session:
        sent = load_trace(session, trace)
    with other.read() as session:
        (arrived,) = run_records(session, run)
        got = load_trace(session, arrived.trace_id)
        (training,) = trainings_of(session, ["small-teacher"])
    for part in (
        "config", "identity", "document", "text", "gold", "shortlist", "candidates", "rendered",
        "trace", "prediction", "fates", "stages",
    ):  # fmt: skip
        assert getattr(got, part) == getattr(sent, part), part
    assert got.summary.created_at == sent.summary.created_at
    assert (training.stage, training.tokens, training.seconds) == ("traces", 9, 1.5)
    cells = (there.home / "distill" / "small" / "cells").glob("*.json")
    assert [path.name for path in cells] == ["test_teacher_tiny.json"]


def test_what_travels_twice_is_the_same_to_the_byte(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, run, _ = a_study(here)
    config = dataclasses.replace(CONFIG, dataset="tiny", system="small-teacher")
    made = record(dataclasses.replace(DOCUMENT, id="b", text=SECRET))
    ends = ((0, 3), (3, 3), (2, 5), (7, 9))  # a character of several tokens, and one left out
    trace = dataclasses.replace(made.trace, token_offsets=ends, seconds=1 / 3)
    with store.write() as session:
        begun = begin_trace(
            session, run_id=run, config=config, document=made.document, origin="batch"
        )
        finish_trace(session, begun, dataclasses.replace(made, trace=trace))
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    other = open_store(there)
    assert load_pack(there, other, tmp_path / "small", ["dev"]).traces == {"tiny": 2}
    with other.read() as session:
        arrived = {one.document_id: one.trace_id for one in run_records(session, run)}
        got = load_trace(session, arrived["b"]).trace
    assert got is not None
    assert got.token_offsets == ends
    assert got.seconds == 0.33333
    write_pack(there, other, "small", tmp_path / "again", ["dev"])
    assert (tmp_path / "again" / PART).read_bytes() == (tmp_path / "small" / PART).read_bytes()


def test_runs_on_splits_that_are_not_asked_for_stay_in_the_pack_and_are_counted(
    tmp_path: Path,
) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, run, _ = a_study(here)
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    other = open_store(there)
    found = load_pack(there, other, tmp_path / "small", ["test"])
    assert (found.traces, found.left) == ({}, 1)
    with other.read() as session:
        assert not list(run_records(session, run))
    found = load_pack(there, other, tmp_path / "small", ["test", "dev"])
    assert (found.traces, found.left) == ({"tiny": 1}, 0)
    assert load_pack(there, other, tmp_path / "small", ["test"]).left == 0, "it is here"


def test_a_study_whose_runs_did_not_all_travel_can_be_packed_again(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, run, _ = a_study(here)
    assert write_pack(here, store, "small", tmp_path / "small", ["test"]).lost == ()
    other = open_store(there)
    load_pack(there, other, tmp_path / "small", ["test"])
    found = write_pack(there, other, "small", tmp_path / "again", ["test", "dev"])
    assert (found.traces, found.lost) == ({}, (run,))


def test_a_pack_does_not_take_the_place_of_one_that_has_more(tmp_path: Path) -> None:
    here = settings_of(tmp_path / "here")
    store, _, _ = a_study(here)
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    before = (tmp_path / "small" / PART).read_bytes()
    there = settings_of(tmp_path / "there")
    other = open_store(there)
    load_pack(there, other, tmp_path / "small", ["test"])
    with pytest.raises(InputError, match="1 runs that are not in this store"):
        write_pack(there, other, "small", tmp_path / "small", ["test"])
    assert (tmp_path / "small" / PART).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if "small" in path.name] == ["small"]


def test_a_pack_that_is_written_again_keeps_its_splits(tmp_path: Path) -> None:
    here = settings_of(tmp_path / "here")
    store, _, _ = a_study(here)
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    before = (tmp_path / "small" / PART).read_bytes()
    assert write_pack(here, store, "small", tmp_path / "small", ["test"]).traces == {"tiny": 1}
    assert (tmp_path / "small" / PART).read_bytes() == before


def test_a_run_of_which_only_a_part_is_here_is_not_packed(tmp_path: Path) -> None:
    here = settings_of(tmp_path / "here")
    store, run, _ = a_study(here)
    cell = Cell("test/teacher/tiny", (), 2, lambda: {"run": run, "documents": 2, "failed": 0})
    Cells(cells_folder(here, "small")).do(cell)
    found = write_pack(here, store, "small", tmp_path / "small", ["dev"])
    assert (found.traces, found.lost) == ({}, (run,))


def test_a_run_without_a_finished_trace_travels_too(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store = open_store(here)
    config = dataclasses.replace(CONFIG, dataset="tiny", system="small-teacher")
    with store.write() as session:
        run = ensure_run(session, {"config": config.to_json()}, config, "dev", "batch")
    cell = Cell("test/teacher/tiny", (), 1, lambda: {"run": run, "documents": 0, "failed": 2})
    Cells(cells_folder(here, "small")).do(cell)
    assert write_pack(here, store, "small", tmp_path / "small", ["dev"]).lost == ()
    other = open_store(there)
    assert load_pack(there, other, tmp_path / "small", ["dev"]).traces == {"tiny": 0}
    with other.read() as session:
        assert load_run(session, run).summary.system == "small-teacher"


def test_a_pack_of_another_version_is_told_and_not_half_read(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, _, _ = a_study(here)
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    about = tmp_path / "small" / ABOUT
    about.write_text(about.read_text().replace('"form": ', '"form": 1'))
    with pytest.raises(DataError, match="another version"):
        load_pack(there, open_store(there), tmp_path / "small", ["dev"])
    about.write_text("{")
    with pytest.raises(DataError, match="damaged"):
        load_pack(there, open_store(there), tmp_path / "small", ["dev"])
    assert not (there.home / "distill").exists()


def test_a_study_keeps_its_name_and_what_it_was_asked_for_by_in_a_folder_of_any_name(
    tmp_path: Path,
) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, _, _ = a_study(here)
    begun(here, store, Asked("smoke", called="small"))
    write_pack(here, store, "small", tmp_path / "usb stick", ["dev"])
    load_pack(there, open_store(there), tmp_path / "usb stick", ["dev"])
    assert study_named(there, open_store(there), "small").name == "small"
    assert read_results(cells_folder(there, "small"))
    again = load_pack(there, open_store(there), tmp_path / "usb stick", ["dev"])
    assert again.traces == {}, "is there"


def test_a_study_that_has_only_begun_travels_too(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store = open_store(here)
    with store.write() as session:
        save_training(
            session, system="small-teacher", stage="warm-up", plan={"steps": 1},
            curves=[{"step": 1, "tokens": 9, "seconds": 1.5, "total": 2.0}],
        )  # fmt: skip
    cell = Cell("warm-up", (), 1, lambda: {"adapter": "small-warm-up"})
    made = Cells(here.home / "distill" / "small" / "cells").do(cell)
    assert write_pack(here, store, "small", tmp_path / "small", ["dev"]).traces == {}
    other = open_store(there)
    assert load_pack(there, other, tmp_path / "small", ["dev"]).traces == {}
    with other.read() as session:
        assert [one.stage for one in trainings_of(session, ["small-teacher"])] == ["warm-up"]
    lost = Cell("warm-up", (), 1, lambda: pytest.fail("done again"))
    assert Cells(there.home / "distill" / "small" / "cells").do(lost) == made


def test_what_is_there_is_not_brought_in_twice(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, run, _ = a_study(here)
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    assert load_pack(here, store, tmp_path / "small", ["dev"]).traces == {"tiny": 0}
    other = open_store(there)
    load_pack(there, other, tmp_path / "small", ["dev"])
    assert load_pack(there, other, tmp_path / "small", ["dev"]).traces == {}
    with other.read() as session:
        assert len(list(run_records(session, run))) == 1


def test_a_part_waits_for_its_dataset(tmp_path: Path) -> None:
    here = settings_of(tmp_path / "here")
    there = settings_of(tmp_path / "there", with_data=False)
    store, _, _ = a_study(here)
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    other = open_store(there)
    assert load_pack(there, other, tmp_path / "small", ["dev"]).absent == ("tiny",)
    add_data(there)
    assert load_pack(there, other, tmp_path / "small", ["dev"]).traces == {"tiny": 1}


def test_documents_that_a_dataset_has_no_more_are_counted(tmp_path: Path) -> None:
    here = settings_of(tmp_path / "here")
    store, _, _ = a_study(here)
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    there = settings_of(tmp_path / "there", with_data=False)
    about = About("tiny", "Tiny", "", "", "", "")
    train = Document("train", "x", ("I50.9",), Split.TRAIN_TEACHER)
    write_dataset(there.datasets_dir / "tiny", about, [Label("I50.9", "x")], [train])
    found = load_pack(there, open_store(there), tmp_path / "small", ["dev"])
    assert (found.traces, found.unknown) == ({"tiny": 0}, 1)


def test_a_damaged_part_is_told(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, _, _ = a_study(here)
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    part = tmp_path / "small" / PART
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged"):
        load_pack(there, open_store(there), tmp_path / "small", ["dev"])
    with pytest.raises(InputError, match="no results"):
        load_pack(there, open_store(there), tmp_path, ["dev"])


def test_nothing_done_is_told(tmp_path: Path) -> None:
    here = settings_of(tmp_path / "here")
    with pytest.raises(InputError, match="done yet"):
        write_pack(here, open_store(here), "small", tmp_path / "small", ["dev"])


def test_what_systems_have_in_common_at_a_document_is_in_a_pack_once(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, _, _ = a_study(here)
    config = dataclasses.replace(CONFIG, dataset="tiny", system="small-standard-0")
    document = dataclasses.replace(DOCUMENT, id="a", text=SECRET)
    made = record(document)
    other_rows = dataclasses.replace(made.shortlist, rows=made.shortlist.rows[:2])
    with store.write() as session:
        run = ensure_run(session, {"config": config.to_json()}, config, "dev", "batch")
        trace = begin_trace(session, run_id=run, config=config, document=document, origin="batch")
        finish_trace(session, trace, dataclasses.replace(made, shortlist=other_rows))
    Cells(cells_folder(here, "small")).do(Cell("test/standard-0/tiny", (), 1, lambda: {"run": run}))
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    _, of_teacher = read_lines(tmp_path / "small" / PART)
    _, of_student = read_lines(tmp_path / "small" / PART.with_name("small-standard-0.jsonl.zst"))
    assert of_teacher["shortlist"]["rows"] == of_student["gold_ranks"] == SHARED
    assert len(of_student["shortlist"]["rows"]) == 2, "it was shown something else"
    other = open_store(there)
    load_pack(there, other, tmp_path / "small", ["dev"])
    with other.read() as session:
        (arrived,) = run_records(session, run)
        got = load_trace(session, arrived.trace_id)
    assert (got.shortlist, got.gold, got.prediction) == (other_rows, made.gold, made.prediction)


def test_a_pack_that_lacks_what_its_parts_have_in_common_is_told(tmp_path: Path) -> None:
    here, there = settings_of(tmp_path / "here"), settings_of(tmp_path / "there")
    store, _, _ = a_study(here)
    write_pack(here, store, "small", tmp_path / "small", ["dev"])
    write_lines(shared_of(tmp_path / "small" / PART), [{"document": "a"}])
    with pytest.raises(DataError, match="Copy the whole folder anew"):
        load_pack(there, open_store(there), tmp_path / "small", ["dev"])
    shared_of(tmp_path / "small" / PART).unlink()
    with pytest.raises(DataError, match="damaged"):
        load_pack(there, open_store(there), tmp_path / "small", ["dev"])
