"""The Explore page: a run, from its start to what is shown of it."""

from core.events import Failed
from core.models.catalogue import TEACHER
from core.rerank.base import Bucket, Prediction
from db.trace_views import TraceState
from tests.pages.conftest import Open
from tests.pages.explore_fakes import (
    NASTY,
    TEXT,
    FakeWorker,
    everything,
    finished,
    press_run,
    streaming,
)


def test_a_newcomer_sees_a_document_with_several_gold_labels_and_what_run_does(explore: Open):
    app = explore()
    assert app.query_params["document"] == "101"
    assert not app.button(key="explore_run").disabled
    assert app.button(key="explore_cancel").disabled
    assert "press Run" in everything(app)


def test_run_hands_the_document_and_the_settings_to_the_worker(explore: Open, worker: FakeWorker):
    app = explore()
    view = worker.views[press_run(app)]
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
    trace_id = press_run(app)
    worker.change(trace_id, **streaming())
    app.run()
    shown = everything(app)
    assert "1 · Shortlisting" in shown
    assert "2 · Reasoning" in shown
    assert "12 tokens" in shown
    assert "Embed the text · 20 ms" in shown


def test_a_finished_trace_shows_gold_fates_ranking_and_its_link(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = press_run(app)
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
    worker.change(press_run(app), **finished("1. Heart failure\n2. Pneumonia", phases=False))
    app.run()
    shown = everything(app)
    assert "No phases found" in shown
    assert "2 · Reasoning" not in shown
    assert "No t*: the trace has no phases." in shown


def test_output_in_the_wrong_format_says_what_was_wrong(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = press_run(app)
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
    trace_id = press_run(app)
    worker.change(trace_id, **streaming())
    app.run()
    app.button(key="explore_cancel").click().run()
    assert worker.cancelled == [trace_id]
    assert "Cancelled. What was written" in app.warning[0].value
    assert "2 · Reasoning" in everything(app)


def test_a_run_survives_going_elsewhere_and_coming_back(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = press_run(app)
    worker.change(trace_id, **streaming())
    app.switch_page("pages/jobs.py").run()
    app.switch_page("pages/explore.py").run()
    assert app.query_params["trace"] == trace_id
    assert "2 · Reasoning" in everything(app)


def test_a_run_of_another_document_is_not_lost_from_sight(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = press_run(app)
    app.button(key="explore_next").click().run()
    assert app.query_params["document"] == "102"
    assert "still going" in everything(app)
    app.button(key="explore_show_running").click().run()
    assert app.query_params["document"] == "101"
    assert app.query_params["trace"] == trace_id


def test_a_second_run_is_compared_with_the_first(explore: Open, worker: FakeWorker):
    app = explore()
    worker.change(press_run(app), **finished())
    app.run()
    second = press_run(app)
    worker.change(second, **finished(TEXT.replace("drop: none", "keep: cough")))
    app.run()
    assert "<ins>keep</ins>" in everything(app)
    assert "<del>drop</del>" in everything(app)


def test_changed_inputs_are_told_apart_from_the_result(explore: Open, worker: FakeWorker):
    app = explore()
    worker.change(press_run(app), **finished())
    app.run()
    assert "inputs changed" not in everything(app)
    app.number_input(key="explore_k").set_value(3).run()
    assert "inputs changed" in everything(app)


def test_text_of_documents_labels_and_models_is_inert(explore: Open, worker: FakeWorker):
    app = explore(document="102")
    trace_id = press_run(app)
    worker.change(trace_id, **finished(TEXT + NASTY))
    app.run()
    for element in app.html:
        assert "<img" not in element.value
        assert "\u202e" not in element.value
    for element in (*app.markdown, *app.caption):
        assert "onerror" not in element.value


def test_a_failed_run_says_what_happened_and_keeps_what_there_is(explore: Open, worker: FakeWorker):
    app = explore()
    trace_id = press_run(app)
    worker.change(
        trace_id, **streaming(), state=TraceState.FAILED, error=Failed("It broke.", "Run it again.")
    )
    app.run()
    assert "It broke." in everything(app)
    assert "2 · Reasoning" in everything(app)
