"""Which document comes next."""

import random
from pathlib import Path

from core.datasets.base import Document
from core.datasets.examples import another, beside, first_example, is_own, own_document
from tests.pages.explore_fakes import tiny_dataset


def test_the_first_example_is_a_dev_document_with_several_labels(tmp_path: Path):
    dataset = tiny_dataset(tmp_path)
    assert dataset.document_at(first_example(dataset)).id == "101"


def test_without_such_a_document_the_first_row_stands_in(tmp_path: Path):
    dataset = tiny_dataset(tmp_path)
    dataset.table = dataset.table.slice(2)
    assert first_example(dataset) == 0


def test_stepping_goes_round_at_both_ends():
    assert beside([3, 5, 9], 9, 1) == 3
    assert beside([3, 5, 9], 3, -1) == 9
    assert beside([3, 5, 9], 4, 1) == 3
    assert beside([3, 5, 9], 4, -1) == 9


def test_another_is_never_the_current_one_while_there_are_others():
    chance = random.Random(0)
    assert {another([1, 2, 3], 2, chance) for _ in range(50)} == {1, 3}
    assert another([7], 7, chance) == 7


def test_own_texts_have_an_id_by_content():
    assert own_document("a").id == own_document("a").id != own_document("b").id
    assert is_own(own_document("a").id)
    assert not is_own("4280")
    assert own_document("\udcff") == Document(own_document("\udcff").id, "\udcff", ())
