"""The view "Use" of the Annotate page: files of judgements, gold, scores, hard negatives."""

import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest

from core.annotation.event_files import FileFormat, write_events
from core.annotation.judgement import Judgement
from core.annotation.people import Person, Role
from core.annotation.verdicts import ShortlistVerdict, TaskKind
from db.annotation_models import TaskRow
from db.annotations import flag
from db.judgement_exports import exported_events
from db.models import TraceFateRow
from db.queues import Queue, add_queue, queues
from db.runs import list_runs
from pages.parts import annotate_use
from tests.db.asked import ADA, GOOD
from tests.db.said import NEAR, NO, say
from tests.pages import saved
from tests.pages.conftest import html_of, run, words_of

SAID = Judgement(GOOD.shortlist, {"I50.1": NO, "I51.9": NEAR}, ("A00",), comment="=1+1")


def view() -> None:
    from pages.parts import errors
    from pages.parts.annotate_use import use_view

    errors.place()
    use_view()


def opened() -> AppTest:
    app = AppTest.from_function(view, default_timeout=60)
    app.session_state["annotator_name"] = "Ada"
    return run(app)


def judged(kind: TaskKind = TaskKind.SHORTLIST, name: str = "=mine") -> Queue:
    """A queue of one batch trace that Ada has judged."""
    trace = saved.save(name, origin="batch")
    store = saved.store()
    with store.write() as session:
        queue = add_queue(session, ADA, name=name, kind=kind, traces=[(trace, None)])
    if kind is TaskKind.SHORTLIST:
        say(store, queue, ("ada", SAID))
    return queue


def prepared(app: AppTest, what: str) -> Path:
    """Presses the button and gives the file that is offered."""
    app.button(key=f"use_prepare_{what}").click()
    run(app)
    made = app.session_state["use_made"][what]
    assert isinstance(made[1], Path)
    return made[1]


def test_without_judgements_it_says_what_will_be_here() -> None:
    app = opened()
    assert "Nothing has been judged yet" in words_of(app)
    assert not [button for button in app.button if button.key == "use_prepare_golden"]


def test_judgements_are_prepared_when_asked_for_and_come_back(tmp_path: Path) -> None:
    queue = judged()
    app = opened()
    assert "use_made" not in app.session_state or not app.session_state["use_made"]
    path = prepared(app, "judgements")
    assert path.name == "judgements-all.csv"
    assert "1 judgements" in words_of(app)
    assert "judgements-all.csv (0.0 MB)" in [
        button.proto.label for button in app.get("download_button")
    ]
    assert "'=mine" in path.read_text()
    app.selectbox(key="use_queue").select(queue.id)
    run(app)
    offered = [button.proto.label for button in app.get("download_button")]
    assert not [label for label in offered if "judgements" in label], "not what is asked for now"
    app.segmented_control(key="use_format").select(FileFormat.JSONL)
    assert json.loads(prepared(app, "judgements").read_text())["queue"] == "=mine"


def test_an_import_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    judged()
    path = tmp_path / "back.jsonl"
    with saved.store().read() as session:
        write_events(path, FileFormat.JSONL, exported_events(session))
    path.write_text(path.read_text() + "{}\n")
    monkeypatch.setattr(annotate_use, "kept_uploads", lambda files: [path])
    app = opened()
    app.file_uploader(key="use_upload").upload("back.jsonl", path.read_bytes())
    run(app)
    app.button(key="use_import").click()
    run(app)
    assert [(one.label, one.value) for one in app.metric] == [
        ("New judgements", "0"), ("Here already", "1"), ("Rows left out", "1"),
    ]  # fmt: skip
    path.write_text("{}\n")
    app.button(key="use_import").click()
    run(app)
    assert "holds no judgement" in html_of(app)


def test_the_golden_set_is_a_zip_of_its_files() -> None:
    judged()
    app = opened()
    assert "icd: 1 judged document" in words_of(app)
    path = prepared(app, "golden")
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == [
            "documents.jsonl", "gold.qrels", "golden-set.json", "graded.qrels",
        ]  # fmt: skip
        document = json.loads(archive.read("documents.jsonl"))
    assert document["gold"] == ["I50.9", "I50.20", "A00"]
    assert "With changed gold: 1" in words_of(app)


def test_hard_negatives_of_dev_only_where_they_are_asked_for() -> None:
    judged()
    app = opened()
    app.button(key="use_prepare_negatives").click()
    run(app)
    assert "dev and test" in html_of(app)
    app.checkbox(key="use_all_splits").check()
    app.selectbox(key="use_shape").select("triplets")
    rows = [json.loads(line) for line in prepared(app, "negatives").read_text().splitlines()]
    assert {tuple(row) for row in rows} == {("anchor", "positive", "negative")}


def test_a_queue_of_hard_negatives_is_made() -> None:
    app = opened()
    app.text_input(key="use_queue_name").input("more")
    app.button(key="use_queue_make").click()
    run(app)
    assert "No shortlist has such a label" in html_of(app)
    trace = saved.save()
    with saved.store().write() as session:
        session.execute(update(TraceFateRow).values(rank=3))
    app = opened()
    app.text_input(key="use_queue_name").input("more")
    app.selectbox(key="use_queue_dataset").select("icd")
    app.button(key="use_queue_make").click()
    run(app)
    with saved.store().read() as session:
        (queue,) = queues(session)
        (task,) = session.execute(select(TaskRow.trace_id)).scalars()
    assert (queue.name, queue.source["rule"], task) == ("more", "most hard negatives", trace)


def test_runs_are_scored_before_and_after() -> None:
    judged()
    with saved.store().read() as session:
        (known,) = list_runs(session)
    app = opened()
    scores, recall = (table.value for table in app.dataframe)
    assert known.id[:6] in scores["Run"][0]
    assert list(scores["Documents"]) == [1]
    assert scores["Revised"][0] < scores["Own gold"][0]
    assert recall["If fixed"][0] > recall["Revised"][0]
    assert len(app.get("vega_lite_chart")) == 2


def test_a_flag_alone_counts_for_recall() -> None:
    trace = saved.save(origin="batch")
    with saved.store().write() as session:
        flag(session, ADA, trace_id=trace, verdict=ShortlistVerdict.MISSING_GOLD)
    app = opened()
    (recall,) = (table.value for table in app.dataframe)
    assert recall["If fixed"][0] == 1
    assert "Nothing has been judged yet" in words_of(app)


def test_other_queues_say_what_they_are_for(monkeypatch: pytest.MonkeyPatch) -> None:
    judged()
    queue = judged(TaskKind.TRACE, "traces")
    app = opened()
    app.selectbox(key="use_queue").select(queue.id)
    run(app)
    assert "this one asks for traces" in words_of(app)
    assert not app.dataframe
    annotator = Person("https://issuer ben", "Ben", Role.ANNOTATOR)
    monkeypatch.setattr("pages.parts.people.person", lambda: annotator)
    app = opened()
    assert [one.value for one in app.info] == [
        "Leads export judgements and put them to use. Ask an admin for the role."
    ]
