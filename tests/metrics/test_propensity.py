"""Propensities of Jain et al. 2016."""

import math
from pathlib import Path

import pytest

from core.datasets.base import Document, Label, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset
from core.errors import InputError
from core.metrics.propensity import Propensities, constants_of, propensities_of
from tests.shortlist.synthetic import settings_of


def test_the_formula_worked_by_hand() -> None:
    # N = 100, N_l = 10: C = (ln 100 - 1) * 2.5^0.55; p = 1 / (1 + C * 11.5^-0.55)
    c = (math.log(100) - 1) * 2.5**0.55
    assert Propensities({"a": 10}, 100)["a"] == pytest.approx(1 / (1 + c * 11.5**-0.55))
    assert Propensities({"a": 10}, 100)["a"] == pytest.approx(0.39102, abs=1e-5)


def test_frequent_labels_have_higher_propensities_and_unseen_the_lowest() -> None:
    found = Propensities({"often": 50, "once": 1}, 100)

    assert 0 < found["never"] < found["once"] < found["often"] < 1
    assert set(found) == {"often", "once"}


def test_too_few_documents_are_refused() -> None:
    with pytest.raises(InputError, match="at least 3"):
        Propensities({}, 2)


def test_only_training_documents_are_counted(home: Path) -> None:
    splits = [Split.TRAIN_TEACHER, Split.TRAIN_STUDENT, Split.TRAIN_STUDENT, Split.DEV, Split.TEST]
    write_dataset(
        home / "datasets" / "tiny",
        About("tiny", "Tiny", "", "", "", ""),
        [Label("a", "A"), Label("b", "B")],
        [Document(f"d{i}", "text", ("a", "b")[i > 3 :], split) for i, split in enumerate(splits)],
    )

    found = propensities_of(open_dataset(settings_of(home), "tiny"))

    assert found.documents == 3
    assert found.frequencies == {"a": 3, "b": 3}


@pytest.mark.parametrize(
    ("dataset", "choice", "expected"),
    [
        ("icd", None, (0.55, 1.5)),
        ("Amazon-670K", None, (0.6, 2.6)),
        ("wikilshtc-325k", None, (0.5, 0.4)),
        ("amazoncat-13k", None, (0.55, 1.5)),
        ("LF-AmazonTitles-131K", None, (0.6, 2.6)),
        ("LF-AmazonTitles-1.3M", None, (0.6, 2.6)),
        ("LF-Wikipedia-500K", None, (0.5, 0.4)),
        ("LF-WikiSeeAlsoTitles-320K", None, (0.55, 1.5)),
        ("icd", "wikipedia", (0.5, 0.4)),
        ("amazon-670k", "standard", (0.55, 1.5)),
        ("icd", "0.3, 2", (0.3, 2.0)),
    ],
)
def test_constants_go_by_dataset_unless_chosen(
    dataset: str, choice: str | None, expected: tuple[float, float]
) -> None:
    assert constants_of(dataset, choice) == expected


@pytest.mark.parametrize("choice", ["nothing", "", "1", "1,2,3", "0,1", "nan,1", "-1,2", "inf,1"])
def test_constants_that_make_no_sense_are_refused(choice: str) -> None:
    with pytest.raises(InputError, match="names no constants"):
        constants_of("icd", choice)
