"""The Shortlist page: its states, what it says of one example, and of a survey."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.config import Settings
from core.datasets.base import Dataset, Document, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About as DatasetAbout
from core.datasets.files import write_dataset
from core.events import Failed
from core.live.questions import About, Answer, Question
from core.shortlist import build
from core.shortlist.base import Method
from core.shortlist.compared import compare
from core.shortlist.neighbourhood import neighbourhood
from core.shortlist.retriever import Retriever
from core.shortlist.survey import Plan
from core.shortlist.survey_store import SurveyInfo, make_survey
from core.systems import parse_method
from db.jobs import list_jobs
from db.session import open_store
from db.shortlist_flags import ShortlistFlag, shortlist_flags
from pages.parts import services
from pages.parts.shortlist_worst import GONE, having, rows_of, texts_of
from tests.pages.conftest import html_of, words_of
from tests.pages.explore_fakes import FakeWorker
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of, text_vector

Open = Callable[..., AppTest]
PLAN = Plan("tiny", "train-teacher", None, ("dense", "lexical", "fusion"))


class AskedWorker(FakeWorker):
    """Answers questions about shortlists at once, by a real index with made-up vectors."""

    def __init__(self, retriever: Retriever | None) -> None:
        super().__init__()
        self.retriever = retriever
        self.asked: list[Question] = []
        self.instead: Answer | None = None
        self.silent = False

    def answered(self, question: Question) -> bool:
        return not self.silent

    def ask(self, question: Question, patience_s: float = 0.0) -> Answer | None:
        self.asked.append(question)
        if self.silent:
            return None
        if self.instead is not None:
            return self.instead
        assert self.retriever is not None
        document, k = question.document, question.k
        vector: np.ndarray = text_vector(document.text)
        method = parse_method(question.method) if question.method else Method.DENSE
        if question.about is About.NEIGHBOURHOOD:
            return neighbourhood(self.retriever, document, vector, k, method=method)
        return compare(self.retriever, document, vector, k, ef=question.ef, method=method)


@pytest.fixture
def settings(home: Path) -> Settings:
    return settings_of(home)


@pytest.fixture
def dataset(home: Path) -> Dataset:
    return make_dataset(home, name="tiny")


@pytest.fixture
def worker(
    settings: Settings, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AskedWorker]:
    """The page over a small, real index."""
    encoder = HashEncoder()
    build.build_index(settings, dataset, encoder)
    fake = AskedWorker(Retriever.open(settings, dataset, encoder))  # type: ignore[arg-type]
    monkeypatch.setattr(services, "live_worker", lambda: fake)
    return fake


@pytest.fixture
def shortlist(open_page: Open) -> Open:
    def opened(**address: str) -> AppTest:
        return open_page("shortlist", **{"dataset": "tiny", **address})

    return opened


def table(app: AppTest, column: str) -> pd.DataFrame:
    """The table that has a column of that name."""
    return next(t.value for t in app.dataframe if column in t.value.columns)


def surveyed(settings: Settings, dataset: Dataset) -> SurveyInfo:
    info = make_survey(settings, dataset, HashEncoder(), PLAN)  # type: ignore[arg-type]
    assert info is not None
    return info


def test_one_example_shows_lists_gold_and_its_surroundings(
    worker: AskedWorker, shortlist: Open
) -> None:
    app = shortlist(document="dev70", k="20", method="lexical")
    words = words_of(app)
    assert "**1 of 1** gold labels in the first 20" in words
    assert "Map of the neighbourhood" in words
    assert "Near misses of a gold label" in words
    pairs, gold = table(app, "mark"), table(app, "fate")
    assert pairs["found"].tolist()[0].startswith("★ L00070")
    assert set(pairs["mark"]) == {"="}
    assert gold["fate"].tolist() == ["✓ shown"]
    assert gold["lexical"].tolist() == [1]
    assert [q.about for q in worker.asked] == [About.SHORTLISTS, About.NEIGHBOURHOOD]
    assert app.query_params["k"] == "20"
    assert app.query_params["method"] == "lexical"


def test_a_gold_label_beyond_k_is_named_with_its_rank(worker: AskedWorker, shortlist: Open) -> None:
    app = shortlist(document="dev70", k="1", method="dense")
    gold = table(app, "fate")
    assert gold["fate"].tolist() == ["✕ encoder miss"]
    assert gold["dense"].tolist()[0] > 1
    assert "**0 of 1** gold labels in the first 1" in words_of(app)


def test_methods_stand_side_by_side(worker: AskedWorker, shortlist: Open) -> None:
    app = shortlist(document="dev70", k="20")
    app.segmented_control(key="shortlist_compare").set_value("Methods side by side").run()
    assert not app.exception
    assert list(table(app, "rank").columns) == ["rank", *(m.value for m in Method)]


def test_while_the_worker_loads_the_page_says_so(worker: AskedWorker, shortlist: Open) -> None:
    worker.silent = True
    app = shortlist(document="dev70")
    assert "Loading the encoder and the index" in app.info[0].value
    assert "Map of the neighbourhood" not in words_of(app)


def test_what_cannot_be_searched_is_said_with_the_fix(worker: AskedWorker, shortlist: Open) -> None:
    worker.instead = Failed("k is 301, but there are 300 labels.", "Choose another k.")
    app = shortlist(document="dev70", k="301")
    assert "k is 301" in html_of(app)
    assert "Choose another k." in html_of(app)


def test_without_an_index_there_is_a_button_to_build_one(
    dataset: Dataset, shortlist: Open, started_jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = AskedWorker(None)
    monkeypatch.setattr(services, "live_worker", lambda: fake)
    app = shortlist(document="dev70")
    assert fake.asked == []
    app.button(key="build_index_tiny").click().run()
    assert len(started_jobs) == 1


def test_an_unknown_method_or_dataset_in_a_link_is_said(
    worker: AskedWorker, shortlist: Open
) -> None:
    app = shortlist(document="dev70", method="magic")
    assert "no method named &#x27;magic&#x27;" in html_of(app)
    assert "Map of the neighbourhood" in words_of(app)


def test_ones_own_text_has_no_gold(worker: AskedWorker, shortlist: Open) -> None:
    app = shortlist(document="dev70")
    app.segmented_control(key="explore_source").set_value("My own text").run()
    app.text_area(key="explore_own_text").set_value("about topic 12").run()
    assert not app.exception
    assert "This text has no gold labels." in words_of(app)
    assert worker.asked[-1].document == Document(worker.asked[-1].document.id, "about topic 12", ())
    assert "document" not in app.query_params


def test_without_a_survey_there_is_a_form_and_it_starts_a_job(
    worker: AskedWorker, shortlist: Open, settings: Settings, started_jobs: list[str]
) -> None:
    app = shortlist(view="dataset")
    assert "There is no survey of this dataset yet." in words_of(app)
    app.button(key="shortlist_make_survey").click().run()
    assert not app.exception
    with open_store(settings).read() as session:
        (job,) = list_jobs(session)
    assert started_jobs == [job.id]
    assert job.kind == "survey"
    assert Plan.from_json(job.params) == Plan("tiny", "dev", 1000)
    assert any(button.label == "Cancel" for button in app.button)


def test_a_survey_is_drawn_and_its_worst_document_is_the_first(
    worker: AskedWorker, shortlist: Open, settings: Settings, dataset: Dataset
) -> None:
    info = surveyed(settings, dataset)
    app = shortlist(view="dataset")
    words = words_of(app)
    for title in ("Recall@k", "Fates at retrieval", "Recall@50 against search time",
                  "ef, as measured for the index", "HNSW against exact search", "Search time",
                  "Worst examples"):  # fmt: skip
        assert title in words
    assert app.query_params["survey"] == info.id
    assert f"{info.documents:,} documents." in words
    app.segmented_control(key="shortlist_worst_by").set_value("dense").run()
    recall = table(app, "recall")["recall"].tolist()
    assert recall == sorted(recall)
    assert recall[0] == 0
    app.text_input(key="shortlist_worst_words").set_value("no such words").run()
    assert not app.exception
    assert "No document fits these filters." in words_of(app)


def test_a_survey_of_the_test_split_says_what_test_is_for(
    worker: AskedWorker,
    shortlist: Open,
    settings: Settings,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dataset, "rows_of", lambda split: [0, 1, 2])  # it has none in test
    plan = Plan("tiny", "test", None, ("lexical",))
    assert make_survey(settings, dataset, HashEncoder(), plan) is not None  # type: ignore[arg-type]
    app = shortlist(view="dataset")
    assert not app.exception
    assert "test, for the last look only" in words_of(app)
    assert "No method of this survey asks HNSW." in words_of(app)


def test_parts_are_drawn_over_all_k_when_asked(
    worker: AskedWorker, shortlist: Open, settings: Settings, dataset: Dataset
) -> None:
    surveyed(settings, dataset)
    app = shortlist(view="dataset")
    assert "**Recall@50 by number of gold labels**" in words_of(app)
    app.segmented_control(key="shortlist_parts_as").set_value("Curves over k").run()
    app.segmented_control(key="shortlist_parts_by").set_value("dense").run()
    assert not app.exception
    assert "**Recall@k by how often a label is seen in training**" in words_of(app)
    assert "**Recall@k by number of gold labels**" in words_of(app)


def test_surveys_of_two_ef_join_in_recall_against_time(
    worker: AskedWorker, shortlist: Open, settings: Settings, dataset: Dataset
) -> None:
    surveyed(settings, dataset)
    assert "One ef so far" in words_of(shortlist(view="dataset"))
    make_survey(settings, dataset, HashEncoder(), dataclasses.replace(PLAN, ef=200))  # type: ignore[arg-type]
    app = shortlist(view="dataset")
    assert not app.exception
    assert "One ef so far" not in words_of(app)


def test_a_survey_of_earlier_data_is_marked_comes_last_and_never_crashes(
    worker: AskedWorker, shortlist: Open, settings: Settings, dataset: Dataset
) -> None:
    old = surveyed(settings, dataset)
    about = DatasetAbout("tiny", "Tiny", "Made up.", "synthetic", "CC0", "tests")
    documents = [
        Document(f"new{row}", f"about topic {row}", (f"L{row:05}",), Split.TRAIN_TEACHER)
        for row in range(0, 300, 50)
    ]
    write_dataset(settings.datasets_dir / "tiny", about, dataset.labels, documents)
    app = shortlist(view="dataset")
    assert not app.exception
    assert "was changed after this survey" in app.warning[0].value
    assert app.selectbox(key="shortlist_survey").options[0].startswith("earlier data · ")
    assert set(table(app, "recall")["text"]) == {GONE}
    app.text_input(key="shortlist_worst_words").set_value("train").run()
    assert not app.exception

    new = make_survey(settings, open_dataset(settings, "tiny"), HashEncoder(), PLAN)  # type: ignore[arg-type]
    assert new is not None
    assert new.id != old.id
    app = shortlist(view="dataset")
    assert app.query_params["survey"] == new.id
    assert not app.warning
    assert set(table(app, "recall")["document"]) == {document.id for document in documents}


def test_worst_documents_are_looked_up_at_once_and_filtered_by_words(dataset: Dataset) -> None:
    ids = ["dev70", "nowhere", "train-teacher10"]
    rows = rows_of(dataset, ids)
    assert texts_of(dataset, rows) == [
        "about topic 70 for dev", GONE, "about topic 10 for train-teacher"
    ]  # fmt: skip
    assert having(dataset, ids, rows, "TOPIC 7").tolist() == [True, False, False]
    assert having(dataset, ids, rows, "teacher").tolist() == [False, False, True]
    assert having(dataset, ids, rows, "nowh").tolist() == [False, True, False]
    assert texts_of(dataset, rows_of(dataset, [])) == []


def test_a_shortlist_without_a_run_is_flagged_shown_again_listed_and_undone(
    worker: AskedWorker, shortlist: Open, open_page: Open, settings: Settings
) -> None:
    def standing() -> list[ShortlistFlag]:
        with open_store(settings).read() as session:
            return shortlist_flags(session)

    app = shortlist(document="dev70", k="20", method="lexical")
    key = next(b.key for b in app.button if str(b.key).startswith("flag_missing_gold_"))
    app.button(key=key).click().run()
    assert not app.exception
    (flag,) = standing()
    assert (flag.verdict, flag.dataset, flag.document_id) == ("missing_gold", "tiny", "dev70")
    assert (flag.shown["method"], flag.shown["k"], flag.shown["n"]) == ("lexical", 20, 10)
    assert flag.shown["labels"][0] == "L00070"

    app = shortlist(document="dev70", k="20", method="lexical")
    assert any(button.key == f"undo_flag_{flag.event_id}" for button in app.button)
    other = shortlist(document="dev70", k="10", method="lexical")
    assert "on lexical, k 20, n 10" in words_of(other)

    traces = open_page("traces")
    assert "Flagged shortlists without a run: 1" in [e.label for e in traces.expander]
    listed = next(t.value for t in traces.dataframe if "how" in t.value.columns)
    assert listed["document"].tolist() == ["dev70"]
    assert "Flagged shortlists" not in str(
        [e.label for e in open_page("traces", f_flag="Good").expander]
    )

    app.button(key=f"undo_flag_{flag.event_id}").click().run()
    assert standing() == []


def test_a_shortlist_of_ones_own_text_can_be_flagged(
    worker: AskedWorker, shortlist: Open, settings: Settings
) -> None:
    app = shortlist(document="dev70")
    app.segmented_control(key="explore_source").set_value("My own text").run()
    app.text_area(key="explore_own_text").set_value("about topic 12").run()
    key = next(b.key for b in app.button if str(b.key).startswith("flag_good_"))
    app.button(key=key).click().run()
    with open_store(settings).read() as session:
        (flag,) = shortlist_flags(session)
    assert (flag.document_id, flag.shown["text"]) == ("", "about topic 12")


def test_the_graph_is_rebuilt_with_another_m_as_a_job(
    worker: AskedWorker, open_page: Open, settings: Settings, started_jobs: list[str]
) -> None:
    app = open_page("data", data_dataset="tiny")
    assert "**M 16**" in words_of(app)
    app.number_input(key="index_m_tiny").set_value(24)
    app.button(key="index_regrow_go_tiny").click().run()
    assert not app.exception
    with open_store(settings).read() as session:
        (job,) = list_jobs(session)
    assert started_jobs == [job.id]
    assert job.params["dataset"] == "tiny"
    assert job.params["options"]["m"] == 24
