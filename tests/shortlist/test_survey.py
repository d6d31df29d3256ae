"""A survey: ranks as brute force has them, kept whole, and going on where it was stopped."""

import dataclasses
import json

import numpy as np
import pytest

from core.datasets.base import Document, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset
from core.errors import DataError, IndexFileError, InputError
from core.shortlist import build, survey_store
from core.shortlist.base import Method
from core.shortlist.choice import Choice, write_choice
from core.shortlist.lexical import WORDS
from core.shortlist.survey import Plan, documents_of, usual_methods
from core.shortlist.survey_store import (
    ABOUT,
    SurveyInfo,
    list_surveys,
    make_survey,
    read_survey,
    surveys_folder,
)
from core.shortlist.version import retrieval_identity
from tests.shortlist.conftest import Built
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of, text_vector

SPLIT = Split.TRAIN_TEACHER  # of the made-up documents, this split has enough
PLAN = Plan("tiny", SPLIT.value, None, ("dense", "lexical", "fusion"))


def made(built: Built, plan: Plan = PLAN, **options: object) -> SurveyInfo | None:
    return make_survey(built.settings, built.dataset, built.encoder, plan, **options)  # type: ignore[arg-type]


def test_ranks_are_those_of_brute_force(built: Built) -> None:
    info = made(built)
    assert info is not None
    survey = read_survey(built.settings, "tiny", info.id)
    labels = np.stack([text_vector(label.name) for label in built.dataset.labels])
    dense = survey.gold[survey.gold["method"] == "dense"].set_index("document")

    rows = documents_of(built.dataset, SPLIT, None)
    assert len(rows) >= 5
    assert info.documents == len(rows) == len(dense)
    for row in rows:
        document = built.dataset.document_at(row)
        scores = labels @ text_vector(document.text)
        rank = 1 + int((scores > scores[int(document.gold[0][1:])]).sum())
        found = dense.loc[document.id]
        assert found["exact_rank"] == rank
        assert (found["rank"] == rank) if rank <= 100 else found.isna()["rank"]
    # Each text names its topic, so its words find the label at once.
    lexical = survey.gold[survey.gold["method"] == "lexical"]
    assert set(lexical["rank"]) == {1}
    # 100 is more than a quarter of 300 labels: searched exactly, and so in full agreement.
    overlaps = survey.documents[survey.documents["method"] != "lexical"]
    assert set(overlaps["overlap_50"]) == {1.0}
    assert survey.documents["ms_search"].ge(0).all()
    assert survey.documents[survey.documents["method"] == "lexical"]["overlap_10"].isna().all()


def test_a_stopped_survey_goes_on_and_gives_what_one_made_at_once_gives(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_store, "BLOCK", 2)
    whole = made(built)
    assert whole is not None
    expected = read_survey(built.settings, "tiny", whole.id).gold
    folder = surveys_folder(built.settings, "tiny") / whole.id
    folder.rename(folder.with_name("aside"))

    asked = iter([False, False, True])
    assert made(built, cancelled=lambda: next(asked)) is None
    assert list_surveys(built.settings, "tiny") == [whole]  # the one aside; nothing half-made
    encoded: list[int] = []
    encode = built.encoder.encode
    monkeypatch.setattr(
        built.encoder,
        "encode",
        lambda texts, **options: encoded.append(len(texts)) or encode(texts, **options),
    )
    again = made(built)

    assert again is not None
    assert again.id == whole.id
    assert sum(encoded) == whole.documents - 4
    assert read_survey(built.settings, "tiny", again.id).gold.equals(expected)
    assert not list(surveys_folder(built.settings, "tiny").glob(".*.work"))


def test_the_same_question_finds_the_same_survey_and_another_does_not(built: Built) -> None:
    first = made(built)
    assert made(built) == first
    other = made(built, dataclasses.replace(PLAN, limit=3))
    assert first is not None
    assert other is not None
    assert other.id != first.id
    assert other.documents == 3
    assert {info.id for info in list_surveys(built.settings, "tiny")} == {first.id, other.id}


def test_progress_counts_documents(built: Built) -> None:
    told: list[tuple[str, int, int]] = []
    info = made(built, on_progress=lambda *what: told.append(what))
    assert info is not None
    assert told[-1][1:] == (info.documents, info.documents)


def test_a_damaged_survey_is_refused_and_not_listed(built: Built) -> None:
    info = made(built)
    assert info is not None
    about = surveys_folder(built.settings, "tiny") / info.id / ABOUT
    about.write_text(json.dumps({"id": info.id}))
    assert list_surveys(built.settings, "tiny") == []
    with pytest.raises(DataError, match="cannot be read"):
        read_survey(built.settings, "tiny", info.id)
    with pytest.raises(DataError, match="cannot be read"):
        read_survey(built.settings, "tiny", "../tiny")


def test_half_an_index_is_not_surveyed(home: object) -> None:
    settings, encoder = settings_of(home), HashEncoder()  # type: ignore[arg-type]
    dataset = make_dataset(home, name="half")  # type: ignore[arg-type]
    asked = iter([False] * 4 + [True] * 1000)
    build.build_index(settings, dataset, encoder, cancelled=lambda: next(asked))
    with pytest.raises(IndexFileError, match="not complete"):
        make_survey(settings, dataset, encoder, dataclasses.replace(PLAN, dataset="half"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"split": "nowhere"}, "no split"),
        ({"limit": 0}, "limit"),
        ({"methods": ("magic",)}, "no method"),
        ({"methods": ()}, "No method"),
        ({"ef": 99}, "ef is 99"),
        ({"k_max": 0}, "k is 0"),
    ],
)
def test_what_cannot_be_surveyed_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        dataclasses.replace(PLAN, **changes).check()  # type: ignore[arg-type]


def test_a_split_without_documents_is_refused(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(built.dataset, "rows_of", lambda split: [])
    with pytest.raises(DataError, match="no documents with gold"):
        made(built)


def test_a_plan_survives_json() -> None:
    data = json.loads(json.dumps(dataclasses.asdict(PLAN)))
    assert Plan.from_json(data) == PLAN
    assert set(PLAN.methods) < {method.value for method in Method}


def test_the_default_of_the_dataset_is_always_surveyed(built: Built) -> None:
    three = ("dense", "lexical", "fusion")
    assert usual_methods(built.settings, built.dataset) == three
    recalls = {method.value: {"50": 0.5} for method in Method}
    fingerprint = built.dataset.info.fingerprint
    choice = Choice(Method.TWO_STEP, recalls, 9, "dev", "tiny", fingerprint, "hash@1/float32",
                    WORDS.identity, retrieval_identity())  # fmt: skip
    write_choice(built.settings, built.dataset, choice)
    assert usual_methods(built.settings, built.dataset) == (*three, "two-step")
    old = dataclasses.replace(choice, dataset_fingerprint="0" * 64)
    write_choice(built.settings, built.dataset, old)
    assert usual_methods(built.settings, built.dataset) == three


def test_documents_without_text_or_gold_are_passed_over(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.shortlist.survey.ROWS_AT_ONCE", 2)
    about = About("odd", "Odd", "Made up.", "synthetic", "CC0", "tests")
    documents = [
        Document(name, text, gold, Split.DEV)
        for name, text, gold in [
            ("empty", "", ("L00001",)), ("blank", " \t\n\u2003", ("L00001",)),
            ("no gold", "words", ()), ("one", "words", ("L00001",)),
            ("two", "  words ", ("elsewhere",)),
        ]
    ]  # fmt: skip
    write_dataset(built.settings.datasets_dir / "odd", about, built.dataset.labels, documents)
    odd = open_dataset(built.settings, "odd")
    rows = documents_of(odd, Split.DEV, None)
    assert {odd.document_at(row).id for row in rows} == {"one", "two"}
    assert documents_of(odd, Split.DEV, 1) == rows[:1]
    assert documents_of(odd, Split.TEST, None) == []


def test_a_survey_knows_whether_the_dataset_is_still_the_same(built: Built) -> None:
    info = made(built)
    assert info is not None
    assert info.fits(built.dataset)
    other = make_dataset(built.settings.home, name="tiny", tag=" anew")
    assert not info.fits(other)
