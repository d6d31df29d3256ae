"""Families of labels: who leads, who belongs, and what their ranking changes."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets.base import Dataset, Document, Label, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About
from core.datasets.tables import document_table, label_table, write_tables
from core.shortlist import build
from core.shortlist.base import Method
from core.shortlist.retriever import Retriever
from core.shortlist.two_step import BEHIND, Families, family_ranks, first_parents
from tests.shortlist.synthetic import HashEncoder, settings_of, text_vector


def dataset(home: Path, labels: list[Label], name: str = "tree") -> Dataset:
    about = About(name, "Tree", "Labels for tests.", "synthetic", "CC0", "tests")
    documents = [Document("1", "lithium", (labels[0].id,), Split.DEV)]
    tables = label_table(labels), document_table(documents)
    write_tables(home / "datasets" / name, about, *tables)
    return open_dataset(settings_of(home), name)


def headings(count: int = 40, children: int = 5) -> list[Label]:
    """Headings h00, h01, ... each with qualified children h00q0, ..."""
    return [
        label
        for h in range(count)
        for label in (
            Label(f"h{h:02}", f"heading{h}"),
            *(
                Label(f"h{h:02}q{q}", f"heading{h}/aspect{q}", parents=(f"h{h:02}",))
                for q in range(children)
            ),
        )
    ]


def retriever(home: Path, labels: list[Label], name: str = "tree") -> Retriever:
    data, encoder = dataset(home, labels, name), HashEncoder()
    build.build_index(settings_of(home), data, encoder)
    return Retriever.open(settings_of(home), data, encoder)  # type: ignore[arg-type]


def test_the_first_parent_among_the_labels_is_the_one_that_counts(home: Path) -> None:
    labels = dataset(
        home,
        [
            Label("a", "top"),
            Label("b", "child", parents=("outside", "a", "c")),
            Label("c", "child of a child", parents=("b",)),
            Label("d", "alone"),
            Label("e", "of nobody here", parents=("outside",)),
        ],
    ).labels
    assert first_parents(labels).tolist() == [-1, 0, 1, -1, -1]
    families = Families.of(labels)
    assert families is not None
    assert families.leaders.tolist() == [0, 1]
    assert families.single(np.arange(5)).tolist() == [3, 4]
    assert [families.members(row).tolist() for row in (0, 1, 3)] == [[0, 1], [1, 2], [3]]


@pytest.mark.parametrize("parents", [(), ("outside",)])
def test_labels_without_parents_among_them_have_no_families(
    home: Path, parents: tuple[str, ...]
) -> None:
    labels = dataset(home, [Label("a", "one"), Label("b", "two", parents=parents)]).labels
    assert Families.of(labels) is None


def test_without_families_two_steps_are_one(home: Path) -> None:
    found = retriever(home, [Label(f"L{i:02}", f"word{i}") for i in range(50)])
    vector = text_vector("word3")
    one = found.search("word3", vector, 10, method=Method.SENTENCES)
    two = found.search("word3", vector, 10, method=Method.TWO_STEP)
    assert [row.label_id for row in two.rows] == [row.label_id for row in one.rows]


def test_the_best_family_is_first_and_all_of_it_is_found(home: Path) -> None:
    """Vectors are random here, so words alone know the family; each member is held back a little
    by those before it, so that other families come between."""
    found = retriever(home, headings())
    family = {"h07", *(f"h07q{q}" for q in range(5))}
    text = "a text on heading7"
    two = found.search(text, text_vector(text), 30, method=Method.TWO_STEP)
    ids = [row.label_id for row in two.rows]
    assert ids[0] in family
    assert family <= set(ids)
    assert set(ids[:6]) != family
    assert two.method == "two-step"
    assert {row.source for row in two.rows} >= {"exact+lexical"}


def test_labels_without_family_take_no_place_of_families(home: Path) -> None:
    singles = [Label(f"s{i:03}", f"heading7 of ward{i}") for i in range(300)]
    found = retriever(home, [*headings(), *singles])
    text = "a text on heading7"

    two = found.search(text, text_vector(text), 60, method=Method.TWO_STEP)

    by_id = {row.label_id: row for row in two.rows}
    assert {"h07", *(f"h07q{q}" for q in range(5))} <= set(by_id)
    assert any(label_id.startswith("s") for label_id in by_id)


def test_a_label_without_family_that_flat_search_finds_first_stays_first(home: Path) -> None:
    found = retriever(home, [*headings(), Label("s0", "lithium battery")])
    two = found.search("lithium battery", text_vector("lithium battery"), 5, method=Method.TWO_STEP)
    assert two.rows[0].label_id == "s0"
    assert two.rows[0].score == pytest.approx(3 / 61)  # first by vectors, words and families


def test_families_take_turns_and_further_members_stand_behind(home: Path) -> None:
    """Rows: a 0 (leads 1, 2), d 3 (leads 4), e 5 alone; worked by hand."""
    labels = dataset(
        home,
        [
            Label("a", "1"), Label("b", "2", parents=("a",)), Label("c", "3", parents=("a",)),
            Label("d", "4"), Label("e", "5", parents=("d",)), Label("f", "6"),
        ],
    ).labels  # fmt: skip
    families = Families.of(labels)
    assert families is not None
    best, order = np.array([3, 0]), np.array([2, 4, 0, 1, 3, 5])
    ranks = family_ranks(families, np.arange(6), best, order)
    assert ranks.tolist() == [2 + BEHIND, 2 + 2 * BEHIND, 2, 1 + BEHIND, 1, np.inf]


def test_exact_ranks_are_places_and_cover_every_label(home: Path) -> None:
    found = retriever(home, headings())
    text = "aspect3 of heading12. It is heading5 that was seen. More of heading30 in the end."
    vector = text_vector(text)
    ids = [label.id for label in found.index.labels]
    rows = found.search(text, vector, 100, method=Method.TWO_STEP, exact=True).rows
    ranks = {g.label_id: g.exact_rank for g in found.gold_ranks(text, vector, ids, Method.TWO_STEP)}
    assert [ranks[row.label_id] for row in rows] == list(range(1, 101))
    assert sorted(ranks.values()) == list(range(1, len(ids) + 1))  # type: ignore[type-var]


def test_excluded_members_are_not_given(home: Path) -> None:
    found = retriever(home, headings())
    text = "heading7"
    out = ["h07", "h07q2"]
    two = found.search(text, text_vector(text), 50, method=Method.TWO_STEP, excluded=out)
    assert not {row.label_id for row in two.rows} & set(out)
    assert len(two.rows) == 50


def test_a_partial_index_ranks_families_by_what_is_encoded(home: Path) -> None:
    data, encoder = dataset(home, headings(), "half"), HashEncoder()
    asked = iter([False] * 4 + [True] * 1000)
    build.build_index(settings_of(home), data, encoder, cancelled=lambda: next(asked))
    found = Retriever.open(settings_of(home), data, encoder)  # type: ignore[arg-type]
    two = found.search("heading7", text_vector("heading7"), 20, method=Method.TWO_STEP)
    assert two.partial
    assert np.isfinite([row.cosine for row in two.rows]).all()
    assert "h07" in {row.label_id for row in two.rows}
