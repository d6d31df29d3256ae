"""The Compare page: runs over the same documents, side by side."""

import dataclasses
import json
from pathlib import Path

import pytest

from core.annotation.people import local_person
from core.config import load_settings
from core.datasets.base import Document, Label, Split
from core.datasets.files import About, write_dataset
from core.jobs.kinds import RESULTS_KEY
from core.rerank.base import Bucket, Fate
from core.study import pack
from core.study.cell_files import cells_folder
from core.study.cells import Cell, Cells
from core.study.pack import ABOUT, CELLS, FORM
from core.study.pack_parts import part_of
from db.jobs import JobState, Progress, add_job, beat, claim, end
from db.owners import this_owner
from db.runs import ensure_run
from db.slices import save_slice
from db.traces import begin_trace, finish_trace
from db.trainings import save_training
from pages.parts.compare_columns import columns_html
from tests.db.examples import CONFIG, record
from tests.pages.conftest import Open, html_of, words_of
from tests.pages.explore_fakes import everything
from tests.pages.saved import IDENTITY, NASTY, store

PLAIN = "It is heart failure, I think."


@pytest.fixture(autouse=True)
def dataset() -> None:
    """Three labels, so that no page waits for a large dataset."""
    about = About("tiny", "Tiny", "", "", "", "")
    labels = [Label(i, i) for i in ("I50.1", "I50.20", "I50.9")]
    documents = [Document("train", "x", ("I50.9",), Split.TRAIN_TEACHER)]
    write_dataset(load_settings().datasets_dir / "tiny", about, labels, documents)


def run(
    system: str,
    documents: dict[str, bool],
    *,
    dataset: str = "tiny",
    text: str | None = None,
    n: int = CONFIG.n,
    gold: str = "I50.9",
) -> str:
    """A batch run of a system; for each document, whether its answer is I50.9 or nothing."""
    config = dataclasses.replace(CONFIG, system=system, dataset=dataset, n=n)
    with store().write() as session:
        identity = {**IDENTITY, "config": config.to_json()}
        run_id = ensure_run(session, identity, config, "dev", "batch")
        for name, right in documents.items():
            document = Document(name, f"text of {name}", (gold,), Split.DEV)
            made = record(
                document, bucket=Bucket.OK, f1=float(right), fates=(Fate.SELECTED,),
                **({} if text is None else {"text": text}),
            )  # fmt: skip
            if not right:
                made = dataclasses.replace(
                    made, prediction=dataclasses.replace(made.prediction, selected=())
                )
            trace = begin_trace(
                session, run_id=run_id, config=config, document=document, origin="batch"
            )
            finish_trace(session, trace, made)
    return run_id


def test_without_runs_it_says_what_to_do(open_page: Open) -> None:
    assert "no batch run to compare" in words_of(open_page("compare"))


def test_results_that_ship_are_waited_for_while_they_come_in(open_page: Open) -> None:
    with store().write() as session:
        job = add_job(session, "results", {}, "Results that ship", RESULTS_KEY)
        claim(session, job, this_owner())
        beat(session, job, this_owner(), Progress("loading", 1, 4, None, True))
    page = open_page("compare")
    assert "own study are being brought in" in words_of(page)
    assert [bar.value for bar in page.get("progress")] == [25]


def ship(folder: Path, *datasets: str) -> None:
    """Files as those of a study whose results ship, with nothing in them."""
    (folder / "study" / CELLS).mkdir(parents=True)
    (folder / "study" / ABOUT).write_text(json.dumps({"study": "study", "form": FORM}))
    for dataset in datasets:
        part = part_of(folder / "study", dataset, "test", "study-teacher")
        part.parent.mkdir(parents=True)
        part.touch()


def test_datasets_over_which_results_ship_are_named_until_they_are_fetched(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(tmp_path, "tiny", "far")
    monkeypatch.setattr(pack, "SHIPPED", tmp_path)
    run("one", {"a": True})
    said = words_of(open_page("compare"))
    assert "results over far come along too, once it is fetched" in said


def test_results_that_did_not_come_in_are_told_with_what_to_do(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(tmp_path, "tiny")
    monkeypatch.setattr(pack, "SHIPPED", tmp_path)
    monkeypatch.setenv("PHASELENS_SHIPPED_RESULTS", "true")
    run("one", {"a": True})
    assert "`phaselens results load` brings them in" in words_of(open_page("compare"))
    with store().write() as session:
        job = add_job(session, "results", {}, "Results that ship", RESULTS_KEY)
        claim(session, job, this_owner())
        told = ("The pack is damaged.", "Copy it anew.")
        end(session, job, this_owner(), JobState.FAILED, error=told)
    said = html_of(open_page("compare"))
    assert "could not be brought in: The pack is damaged." in said
    assert "Copy it anew. Then resume the job on Jobs." in said


def test_runs_are_known_by_the_words_of_a_moment_ago(open_page: Open) -> None:
    first, second = run("one", {"a": True}), run("two", {"a": True})
    app = open_page("compare", dataset="tiny", runs=f"{first},{second}")
    before = [f"one · fast · dev · 0 documents · {one[:6]}" for one in (first, second)]
    app.session_state["cmp_runs"] = before  # as a browser sends them
    app.run()
    assert app.session_state["cmp_runs"] == [first, second]
    assert "runs asked for" not in words_of(app)


def test_one_run_is_not_enough(open_page: Open) -> None:
    run("one", {"a": True})
    assert "only one batch run" in words_of(open_page("compare"))


def test_two_runs_stand_side_by_side(open_page: Open) -> None:
    first = run("one", {"a": True, "b": False, "c": True, "only": True})
    second = run("two", {"a": True, "b": True, "c": True})
    app = open_page("compare", dataset="tiny", runs=f"{first},{second}")
    said = words_of(app)
    assert "3 documents that all 2 runs have answered" in said
    assert "less that of **one**" in said
    assert "documents: better on 1, worse on 0, the same on 2" in said
    table = app.dataframe[0].value
    assert list(table["System"]) == ["one", "two"]
    assert list(table["Example F1"]) == ["0.667", "1.000"]
    assert "Fewer than 10 documents are too few for intervals" in said
    assert app.toggle(key="cmp_differ").label == "Only where they differ (1 of 3)"
    assert list(app.dataframe[1].value["Document"]) == ["b"]
    app.toggle(key="cmp_differ").set_value(False).run()
    assert sorted(app.dataframe[1].value["Document"]) == ["a", "b", "c"]
    assert app.query_params["runs"] == f"{first},{second}"
    assert app.query_params["document"] == "b"


def test_a_link_opens_its_document(open_page: Open) -> None:
    runs = [run(name, {"a": True, "b": True}) for name in ("one", "two")]
    app = open_page("compare", dataset="tiny", runs=",".join(runs), document="b")
    assert "text of b" in html_of(app)
    assert "text of a" not in html_of(app)


def test_a_document_of_a_link_that_is_not_compared_is_told(open_page: Open) -> None:
    runs = [run(name, {"a": True, "b": name == "one"}) for name in ("one", "two")]
    app = open_page("compare", dataset="tiny", runs=",".join(runs), document="gone")
    said = html_of(app)
    assert "Document gone is not among those that all of these runs have answered" in said
    assert "showing b." in said


def test_documents_can_be_those_on_which_one_system_is_ahead(open_page: Open) -> None:
    one = run("one", {"a": True, "b": False, "c": False})
    two = run("two", {"a": False, "b": True, "c": False})
    app = open_page("compare", dataset="tiny", runs=f"{one},{two}")
    app.selectbox(key="cmp_ahead").set_value("two ahead of one").run()
    assert list(app.dataframe[1].value["Document"]) == ["b"]
    app.selectbox(key="cmp_ahead").set_value("one ahead of two").run()
    assert list(app.dataframe[1].value["Document"]) == ["a"]


def test_a_run_with_a_long_name_keeps_what_tells_it_apart(open_page: Open) -> None:
    name = "a-study-of-" + "very-" * 12 + "long-names-mechanistic-"
    ids = [run(f"{name}{seed}", {"a": True}) for seed in (0, 1)]
    app = open_page("compare", dataset="tiny", runs=",".join(ids))
    titles = app.multiselect(key="cmp_runs").options
    assert all(any(title.endswith(one[:6]) for title in titles) for one in ids)
    links = [link.label for link in app.get("page_link") if "Whole trace" in link.label]
    assert [label[-1] for label in links] == ["0", "1"]


def test_a_slice_leaves_the_documents_of_its_traces(open_page: Open) -> None:
    first = run("one", {"a": True, "b": False, "c": True})
    second = run("two", {"a": True, "b": True, "c": True})
    with store().write() as session:
        save_slice(session, local_person(), "lost by one", {"system": "one", "f1": "0"})
        save_slice(session, local_person(), "of nobody", {"system": "three"})
    app = open_page("compare", dataset="tiny", runs=f"{first},{second}")
    assert "3 documents that all 2 runs have answered" in words_of(app)
    app.selectbox(key="cmp_slice").select("lost by one")
    app.run()
    assert "1 document that all 2 runs have answered and that has gold" in words_of(app)
    assert "of the slice" in words_of(app)
    assert not app.exception
    assert app.query_params["slice"] == "lost by one"
    link = {"dataset": "tiny", "runs": f"{first},{second}"}
    assert "None of the documents" in html_of(open_page("compare", **link, slice="of nobody"))
    assert "no slice named" in html_of(open_page("compare", **link, slice="gone"))


def test_a_trained_system_shows_how_it_learned(open_page: Open) -> None:
    runs = [run(name, {"a": True}) for name in ("one", "two")]
    assert not open_page("compare", dataset="tiny", runs=",".join(runs)).expander
    curves = [
        {"step": n, "tokens": 10 * n, "seconds": 1.0, "total": 2 / n, "L_cot": 1 / n}
        for n in range(1, 30)
    ]
    with store().write() as session:
        save_training(session, system="two", stage="distillation", plan={}, curves=curves)
    app = open_page("compare", dataset="tiny", runs=",".join(runs))
    assert [e.label for e in app.expander] == ["Training"]
    assert "two, distillation: 29 steps, 290 tokens" in words_of(app)


def test_runs_that_share_no_document_are_told(open_page: Open) -> None:
    runs = [run("one", {"a": True}), run("two", {"b": True})]
    app = open_page("compare", dataset="tiny", runs=",".join(runs))
    assert "no answered document with gold labels in common" in html_of(app) + words_of(app)


def test_runs_of_a_link_that_are_not_there_are_left_out_and_named(open_page: Open) -> None:
    runs = [run(name, {"a": True}) for name in ("one", "two")]
    app = open_page("compare", dataset="tiny", runs=f"feedbeef,{runs[0]},{runs[1]}")
    assert "1 document that all 2 runs" in words_of(app)
    said = everything(app)
    assert "1 of the runs asked for is not among those over tiny here: feedbeef" in said
    assert "All are measured against one" in said


def test_a_link_to_a_dataset_without_runs_says_so(open_page: Open) -> None:
    for name in ("one", "two"):
        run(name, {"a": True})
    app = open_page("compare", dataset="gone", runs="feedbeef")
    assert "There is no batch run over gone here; showing tiny" in everything(app)
    assert "1 document that all 2 runs" in words_of(app)


def test_a_difference_of_settings_is_told(open_page: Open) -> None:
    runs = [run("one", {"a": True}), run("two", {"a": True}, n=CONFIG.n + 1)]
    said = words_of(open_page("compare", dataset="tiny", runs=",".join(runs)))
    assert f"n: {CONFIG.n}, {CONFIG.n + 1}. Their scores may differ by that" in said


def test_documents_whose_gold_has_changed_are_left_out(open_page: Open) -> None:
    runs = [
        run("one", {"a": True, "b": True}),
        run("two", {"a": True}),
    ]
    run("two", {"b": True}, gold="I50.1")
    said = words_of(open_page("compare", dataset="tiny", runs=",".join(runs)))
    assert "1 document that all 2 runs" in said
    assert "1 more were left out: their gold labels are not the same" in said


def test_without_its_dataset_a_comparison_lacks_only_what_takes_it(open_page: Open) -> None:
    runs = [run(name, {"a": True, "b": name == "one"}, dataset="gone") for name in ("one", "two")]
    app = open_page("compare", dataset="gone", runs=",".join(runs))
    assert "So there is no part by how rare a label is" in words_of(app)
    assert "text of b" in html_of(app), "documents and traces are there"


def test_the_study_of_the_runs_is_told_over_its_seeds(open_page: Open) -> None:
    right = {"standard-0": "ab", "mechanistic-0": "abcd", "mechanistic-1": "abc", "teacher": "ad"}
    runs = {
        name: run(f"small-{name}", {document: document in some for document in "abcd"})
        for name, some in right.items()
    }
    folder = cells_folder(load_settings(), "small")
    for name, one in runs.items():
        Cells(folder).do(Cell(f"test/{name}/tiny", (), 1, lambda one=one: {"run": one}))
    app = open_page("compare", dataset="tiny", runs=f"{runs['standard-0']},{runs['mechanistic-0']}")
    assert "Mechanistic less standard: +0.500" in words_of(app)
    assert "One seed each. Not tested here: standard + margin and mechanistic, random" in words_of(
        app
    )
    assert "small\\-teacher, their teacher, beside them" in words_of(app)
    frame = next(d.value for d in app.dataframe if "Arm" in d.value).set_index("Arm")
    assert frame.loc["mechanistic", "By seed"] == "1.000, 0.750"
    assert frame.loc["standard", "Mechanistic less it"].startswith("+0.500")
    other = run("else", {"a": True})
    app = open_page("compare", dataset="tiny", runs=f"{runs['standard-0']},{other}")
    assert not any("Arm" in d.value for d in app.dataframe)


def test_other_peoples_text_stays_text(open_page: Open) -> None:
    runs = [run(name, {"a": True}, text=NASTY) for name in ("one", "two")]
    drawn = html_of(open_page("compare", dataset="tiny", runs=",".join(runs)))
    assert "<img" not in drawn
    assert "&lt;img" in drawn


def test_phases_begin_together_and_a_trace_without_them_stands_beside(open_page: Open) -> None:
    from db.traces import load_trace
    from tests.pages.saved import save

    with_phases, without = save("1"), save("2", trace_text=PLAIN)
    with store().read() as session:
        traces = [load_trace(session, trace) for trace in (with_phases, without)]
    bare = dataclasses.replace(
        traces[1], trace=dataclasses.replace(traces[1].trace, phases=(), boundary=None)
    )
    html = columns_html(["one", "two"], [traces[0], bare])
    assert "grid-column: 1; grid-row: 2" in html
    assert "grid-column: 2; grid-row: 2 / span" in html
    assert html.count("No phases found") == 1, "over the one that has none"
    assert html.index("1 · Shortlisting") < html.index("2 · Reasoning")
