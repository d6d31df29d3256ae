"""`phaselens shortlist --method` and `phaselens tune`, with the real encoder on 60 labels."""

from pathlib import Path

import pytest

from core.config import load_settings
from core.datasets.base import Document, Label, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About
from core.datasets.tables import document_table, label_table, write_tables
from core.encoders import Encoder
from core.shortlist.base import Method
from core.shortlist.build import build_index
from tests.cli.conftest import Cli

ORGANS = ("heart", "liver", "kidney", "lung", "skin")
TROUBLES = ("failure", "cancer", "infection", "injury", "pain")


@pytest.fixture
def organs(home: Path) -> str:
    """Troubles of organs: a label for each organ, and one for each of its troubles."""
    labels = [Label(f"{o}", f"{o.title()} diseases") for o in ORGANS]
    labels += [
        Label(f"{organ}-{trouble}", f"{organ.title()}/{trouble}", parents=(organ,))
        for organ in ORGANS
        for trouble in TROUBLES
    ]
    documents = [
        Document(
            f"{organ}{trouble}",
            f"We saw {trouble} of the {organ}. It was treated at once.",
            (f"{organ}-{trouble}",),
            Split.DEV,
            excluded=(organ,),
        )
        for organ in ORGANS
        for trouble in TROUBLES
    ]
    about = About("organs", "Organs", "Labels for tests.", "synthetic", "CC0", "tests")
    folder = home / "datasets" / "organs"
    write_tables(folder, about, label_table(labels), document_table(documents))
    return "organs"


@pytest.fixture
def indexed(organs: str) -> str:
    settings = load_settings()
    build_index(settings, open_dataset(settings, organs), Encoder.load(settings))
    return organs


def test_every_method_answers_and_says_what_found_a_label(cli: Cli, indexed: str) -> None:
    for method in Method:
        found = cli("shortlist", indexed, "--text", "failure of the heart", "--k", "5",
                    "--method", method.value, "--json")  # fmt: skip
        assert found.status == 0, found.stderr
        assert found.json["method"] == method.value
        items = {item["id"]: item for item in found.json["items"]}
        assert {"id", "name", "rank", "cosine", "exact_rank", "source"} <= set(
            items["heart-failure"]
        )
        assert items["heart-failure"]["rank"] == 1
        assert ("lexical" in items["heart-failure"]["source"]) == (method is not Method.DENSE)

    left = cli("shortlist", indexed, "--document", "livercancer", "--k", "29", "--json").json
    assert "liver" not in {item["id"] for item in left["items"]}  # the document excludes it
    assert len(left["items"]) == 29


def test_tuning_keeps_the_best_method_and_searches_use_it(cli: Cli, indexed: str) -> None:
    before = cli("shortlist", indexed, "--text", "skin", "--k", "3", "--json").json
    assert before["method"] == "dense"

    tuned = cli("tune", indexed, "--json")

    assert tuned.status == 0, tuned.stderr
    data = tuned.json
    assert set(data["recalls"]) == set(Method)
    means = {method: sum(values.values()) for method, values in data["recalls"].items()}
    assert means[data["method"]] == max(means.values())
    assert (data["documents"], data["split"]) == (25, "dev")
    after = cli("shortlist", indexed, "--text", "skin", "--k", "3", "--json").json
    assert after["method"] == data["method"]
    assert "recall@50" in cli("tune", indexed).stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("shortlist", "organs", "--text", "x", "--k", "5", "--method", "magic"),
            "no method named 'magic'",
        ),
        (("tune", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    cli: Cli, organs: str, words: tuple[str, ...], says: str
) -> None:
    outcome = cli(*words)
    assert outcome.status == 1
    assert says in outcome.line


def test_few_dev_documents_conclude_nothing(
    cli: Cli, organs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.shortlist.tuning.FEWEST", 26)
    outcome = cli("tune", organs, "--json")
    assert outcome.status == 1
    assert "fewer than" in outcome.stderr
