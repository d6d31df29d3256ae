"""The Traces page lists, filters, searches and pages what is saved, and opens one by its link."""

import socket
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.annotation.people import local_person
from core.events import Failed
from core.live.client import LiveWorker
from core.live.questions import ReadTrace
from core.live.view import LiveView
from core.rerank.base import Bucket, Fate
from core.traces.base import FinishReason
from db.annotations import flag
from db.jobs import load_job
from pages.parts import trace_reader
from pages.parts.trace_list import flags_text, snippet_html
from tests.db.examples import CONFIG, DOCUMENT
from tests.pages import saved
from tests.pages.conftest import Open, html_of, run, words_of


def documents(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["document"])


def test_an_empty_store_leads_to_explore(open_page: Open) -> None:
    app = open_page("traces")
    assert "Nothing is saved yet" in words_of(app)
    assert any("Explore" in link.value for link in app.page_link)


def test_saved_traces_are_listed_newest_first(open_page: Open) -> None:
    saved.save("one")
    saved.save("two")
    assert documents(open_page("traces")) == ["two", "one"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("f_bucket", "cut off"),
        ("f_fate", "not shown"),
        ("f_system", "another"),
        ("f_state", "cancelled"),
    ],
)
def test_a_filter_leaves_what_matches(open_page: Open, key: str, value: str) -> None:
    saved.save("other")
    saved.save(
        "wanted",
        bucket=Bucket.CUT_OFF,
        fates=(Fate.NOT_SHOWN,),
        finish_reason=FinishReason.CANCELLED,
        system="another",
    )
    app = open_page("traces")
    app.selectbox(key=key).select(value)
    assert documents(run(app)) == ["wanted"]


def test_filters_in_the_address_are_followed(open_page: Open) -> None:
    saved.save("other")
    saved.save("wanted", bucket=Bucket.CUT_OFF)
    assert documents(open_page("traces", f_bucket="cut off")) == ["wanted"]


def test_a_run_that_is_not_there_lists_nothing(open_page: Open) -> None:
    saved.save("one")
    assert "No trace matches" in words_of(open_page("traces", f_run="nosuch"))


def test_flagged_traces_can_be_filtered(open_page: Open) -> None:
    saved.save("other")
    wanted = saved.save("wanted")
    with saved.store().write() as session:
        flag(session, local_person(), trace_id=wanted, verdict="off_topic", client_token="t")
    app = open_page("traces", f_flag="Off topic")
    assert documents(app) == ["wanted"]
    assert list(app.dataframe[0].value["flags"]) == ["Off topic"]


def test_no_match_says_so_and_clears_by_one_click(open_page: Open) -> None:
    saved.save("one")
    app = open_page("traces", f_bucket="nothing")
    assert "No trace matches" in words_of(app)
    app.button(key="f_clear_empty").click()
    assert documents(run(app)) == ["one"]


def test_search_marks_the_words_found(open_page: Open) -> None:
    saved.save("one", "Fracture of the left arm", trace_text="Shortlist: an elbow")
    saved.save("two", "Cholera", trace_text="Shortlist: a fever")
    app = open_page("traces")
    app.text_input(key="f_text").set_value("elbow")
    found = html_of(run(app))
    assert "elbow</mark>" in found
    assert "icd / one" in found
    assert "icd / two" not in found


@pytest.mark.parametrize("typed", ['"', "AND OR NOT", "a* (b", "'; DROP TABLE traces; --", "日本"])
def test_any_search_text_is_only_text(open_page: Open, typed: str) -> None:
    saved.save("one")
    app = open_page("traces")
    app.text_input(key="f_text").set_value(typed)
    run(app)


def test_a_page_shows_as_many_rows_as_chosen(open_page: Open) -> None:
    for number in range(27):
        saved.save(f"d{number}")
    app = open_page("traces")
    assert len(documents(app)) == 25
    assert "1 to 25 of 27" in words_of(app)
    app.session_state["f_page"] = 2
    assert documents(run(app)) == ["d1", "d0"]
    app.session_state["f_size"] = 50
    assert len(documents(run(app))) == 27


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the page gave to the component that draws a trace, run by run."""
    given: list[dict[str, Any]] = []

    def drawn(*, data: dict[str, Any], **_: object) -> dict[str, int]:
        given.append(data)
        return {"step": data["step"]}

    monkeypatch.setattr(trace_reader, "_COMPONENT", drawn)
    return given


def test_a_link_opens_the_trace_to_be_read(open_page: Open, read: list[dict[str, Any]]) -> None:
    trace = saved.save("4280", "Congestive heart failure, unspecified")
    app = open_page("traces", trace=trace, step="2")
    said, drawn = words_of(app), html_of(app)
    shown = read[-1]
    assert "".join(text for text, _ in shown["document"]) == "Congestive heart failure, unspecified"
    assert {step["phase"] for step in shown["steps"]} >= {"shortlisting", "reasoning"}
    assert shown["step"] == 2
    assert "by the grammar, exact" in said
    assert "Final labels" in said
    assert "Fate of each gold label" in said
    assert "Near misses" in said
    assert "dataset fingerprint" in drawn  # provenance, as a table
    assert any("Which labels?" in code.value for code in app.code)  # the exact prompt
    assert any("## Shortlisting" in code.value for code in app.code)  # to copy


def test_a_link_may_name_document_and_system(open_page: Open, read: list[dict[str, Any]]) -> None:
    saved.save("4280", system="one")
    latest = saved.save("4280", system="two")
    app = open_page("traces", dataset="icd", document="4280", step="1")
    assert app.query_params["trace"] == latest
    assert read[-1]["step"] == 1
    app = open_page("traces", dataset="icd", document="4280", system="one")
    assert app.query_params["trace"] != latest
    app = open_page("traces", dataset="icd", document="4280", system="three")
    assert "There is no trace of icd / 4280 by three" in html_of(app)
    assert documents(app) == ["4280", "4280"], "the list stands below"


def test_a_link_of_no_trace_says_so_and_leads_back(open_page: Open) -> None:
    saved.save("one")
    app = open_page("traces", trace="<b>nosuch</b>")
    assert "There is no trace" in html_of(app)
    assert "<b>nosuch</b>" not in html_of(app)
    app.button(key="trace_back").click()
    assert documents(run(app)) == ["one"]


def test_a_person_moves_the_boundary_and_takes_it_back(
    open_page: Open, read: list[dict[str, Any]]
) -> None:
    app = open_page("traces", trace=saved.save("one"), step="1")
    before = [step["phase"] for step in read[-1]["steps"]]
    app.button(key=f"boundary_none_{app.query_params['trace']}").click()
    run(app)
    assert {step["phase"] for step in read[-1]["steps"]} == {"outside"}
    assert "no phases" in words_of(app)
    app.button(key=f"boundary_undo_{app.query_params['trace']}").click()
    run(app)
    assert [step["phase"] for step in read[-1]["steps"]] == before


def test_an_imported_trace_is_worked_out_at_its_first_view(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(LiveWorker, "ask", lambda self, question, **_: asked.append(question))
    trace = saved.save_imported("Could be heart failure.")
    app = open_page("traces", trace=trace)
    assert asked == [ReadTrace(trace)]
    assert "being worked out" in words_of(app)
    assert "Could be heart failure." in words_of(app)
    assert "imported from a file" not in words_of(app), "the rest waits"


def test_imported_traces_are_worked_out_from_the_list(
    open_page: Open, started_jobs: list[str]
) -> None:
    saved.save_imported("Could be heart failure.")
    app = open_page("traces", f_system="llama-70b")
    assert list(app.dataframe[0].value["state"]) == ["○ as imported"]
    app.button(key="work_out").click()
    run(app)
    assert len(started_jobs) == 1
    with saved.store().read() as session:
        job = load_job(session, started_jobs[0])
    assert job.kind == "analyse-traces"
    assert job.params["asked"] == {"system": "llama-70b", "origin": "import"}
    assert any(button.label == "Cancel" for button in app.button)


def test_nothing_is_offered_where_all_is_worked_out(open_page: Open) -> None:
    saved.save()
    assert not any(button.key == "work_out" for button in open_page("traces").button)


def test_a_slice_keeps_filters_under_a_name(open_page: Open) -> None:
    saved.save("other")
    saved.save("wanted", bucket=Bucket.CUT_OFF)
    app = open_page("traces", f_bucket="cut off")
    app.text_input(key="slice_name").input("cut")
    app.button(key="slice_save").click()
    run(app)
    app.button(key="f_clear").click()
    assert documents(run(app)) == ["wanted", "other"]
    app.button(key="slice_cut").click()
    assert documents(run(app)) == ["wanted"]
    app.button(key="slice_delete_cut").click()
    with pytest.raises(KeyError):
        run(app).button(key="slice_cut")


def test_previous_and_next_stay_within_the_filter(open_page: Open) -> None:
    oldest = saved.save("oldest", bucket=Bucket.CUT_OFF)
    saved.save("between")
    newest = saved.save("newest", bucket=Bucket.CUT_OFF)
    app = open_page("traces", trace=newest, f_bucket="cut off")
    assert app.button(key="trace_previous").disabled
    app.button(key="trace_next").click()
    run(app)
    assert app.query_params["trace"] == oldest
    assert app.button(key="trace_next").disabled


def test_a_running_trace_shows_what_is_written_so_far(open_page: Open) -> None:
    trace = saved.save_running(so_far="Shortlist:\n1. Heart so far")
    app = open_page("traces", trace=trace)
    assert "Heart so far" in html_of(app)


def test_a_trace_whose_process_was_killed_is_interrupted(open_page: Open) -> None:
    gone = f"{socket.gethostname().replace(':', '_')}:4194304:1"
    trace = saved.save_running(so_far="kept text", owner=gone)
    app = open_page("traces", trace=trace)
    assert "kept text" in html_of(app)
    assert "ended in the middle" in html_of(app)
    assert list(open_page("traces").dataframe[0].value["state"]) == ["✗ interrupted"]


def test_a_trace_that_is_not_in_the_store_yet_is_shown_from_the_worker(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = LiveView("abc", CONFIG, DOCUMENT, text="only live so far")
    monkeypatch.setattr(LiveWorker, "view", lambda self, trace_id: view)
    app = open_page("traces", trace="abc")
    assert "Not saved yet." in words_of(app)
    assert "only live so far" in html_of(app)


def test_a_failed_trace_says_why_and_what_to_do(open_page: Open) -> None:
    app = open_page("traces", trace=saved.save_failed())
    assert "The model ran out of memory." in html_of(app)
    assert "Choose a smaller one." in html_of(app)
    assert "half a" in html_of(app)


def test_text_of_documents_and_models_is_shown_inert(open_page: Open) -> None:
    trace = saved.save("nasty", saved.NASTY, trace_text=saved.NASTY)
    for app in (open_page("traces", f_text="bold"), open_page("traces", trace=trace)):
        assert "<img" not in html_of(app)
        shown = [e.value for kind in (app.markdown, app.caption, app.title) for e in kind]
        assert not any("evil.example" in text for text in shown)


def test_a_snippet_marks_words_and_escapes_the_rest() -> None:
    drawn = snippet_html("<b>\ue000heart\ue001</b>")
    assert "&lt;b&gt;<mark" in drawn
    assert "heart</mark>&lt;/b&gt;" in drawn


def test_flags_are_counted() -> None:
    assert flags_text(["good", "unsure", "good"]) == "Good ×2, Unsure"


def test_a_trace_that_cannot_be_worked_out_is_tried_again_when_asked(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def fail(self: LiveWorker, question: object, **_: object) -> Failed:
        asked.append(question)
        return Failed("There is no index.", "Build it.")

    monkeypatch.setattr(LiveWorker, "ask", fail)
    trace = saved.save_imported("Could be heart failure.")
    app = open_page("traces", trace=trace)
    run(app)
    assert len(asked) == 1
    assert "There is no index" in html_of(app)
    app.button(key=f"again_{trace}").click()
    run(app)
    assert len(asked) == 2
