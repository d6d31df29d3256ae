"""What Explore shows of the method of retrieval: the choice, the table's columns, the caption."""

from dataclasses import replace

import pytest

from core.models.base import ModelKind, ModelSpec
from core.shortlist.base import Method, Shortlist
from core.systems import RunConfig, System
from pages.parts.run_settings import methods_for
from pages.parts.shortlist_table import shortlist_caption, shortlist_frame
from tests.pages.explore_fakes import shortlist


def fused() -> Shortlist:
    sources = ("hnsw+lexical", "hnsw", "lexical", "exact+lexical")
    ranks = (1, None, 2, 3)
    rows = tuple(
        replace(row, source=source, lexical_rank=rank, score=0.01)
        for row, source, rank in zip(shortlist().rows, sources, ranks, strict=True)
    )
    return replace(shortlist(), rows=rows, method="fusion")


SYSTEM = System("x", "X", ModelSpec("x", ModelKind.LOCAL, ""))


def test_every_method_can_be_chosen_and_none_is_unknown() -> None:
    assert set(methods_for(SYSTEM)) == {"", *Method}
    for method in methods_for(SYSTEM):
        RunConfig("icd", "base", "{document}{candidates}", method=method).check(100)


def test_the_usual_method_is_the_one_that_a_system_was_trained_on() -> None:
    assert methods_for(SYSTEM)[""] == "Best on dev"
    trained = replace(SYSTEM, method=Method.DENSE)
    assert methods_for(trained)[""] == "The system's own: dense"


def test_the_table_says_what_found_each_row() -> None:
    frame = shortlist_frame(fused(), (), 2)
    assert frame["found"].tolist() == ["both", "vectors", "words", "both"]
    assert frame["words"].fillna(0).tolist() == [1, 0, 2, 3]
    assert frame.columns[-1] == "name"


def test_of_a_dense_shortlist_it_need_not_be_said() -> None:
    assert not {"found", "words"} & set(shortlist_frame(shortlist(), (), 2).columns)


@pytest.mark.parametrize("method", list(Method))
def test_the_caption_names_the_method(method: Method) -> None:
    caption = shortlist_caption(replace(fused(), method=method.value))
    assert ("BM25" in caption) == (method is not Method.DENSE)
    assert ("HNSW" in caption) == (method is not Method.LEXICAL)


def test_a_shortlist_stored_before_there_were_methods_opens_as_dense() -> None:
    old = shortlist().to_json()
    del old["method"]
    for row in old["rows"]:
        del row["lexical_rank"], row["score"]
    assert Shortlist.from_json(old) == shortlist()


def test_a_configuration_stored_before_there_were_methods_opens() -> None:
    old = RunConfig("icd", "base", "x").to_json()
    del old["method"]
    assert RunConfig.from_json(old) == RunConfig("icd", "base", "x")
