"""Runs side by side, on records worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from core.comparison.choice import together
from core.comparison.measures import ENOUGH, Measure
from core.comparison.parts import fates, lost_of, rarity_of, shown_of, size_of, slices
from core.comparison.runs import Comparison, Side, compare
from core.errors import InputError
from core.rerank.base import Bucket, Fate
from db.runs import RunRecord

GOLD = {"a": ("x",), "b": ("x", "y"), "c": ("z",), "d": ("x", "y", "z", "u", "v", "w")}


def base(document: str, selected: str, fate: Fate) -> RunRecord:
    gold = GOLD.get(document, ())
    ranking = tuple(selected) or ("q",)
    return RunRecord(
        f"t-{document}", document, None, ranking, (), tuple(selected), gold,
        (fate,) * len(gold), Bucket.OK, 10, 1.0,
    )  # fmt: skip


def side(run: str, **selected: str) -> Side:
    return Side(run, run.title(), {d: base(d, s, Fate.SELECTED) for d, s in selected.items()})


def two() -> Comparison:
    return compare(
        [side("one", a="x", b="x", c="q", e="x"), side("two", a="x", b="xy", c="", d="x")]
    )


def test_only_documents_that_all_have_answered_and_that_have_gold_count() -> None:
    assert two().documents == ("a", "b", "c")


def test_runs_are_offered_that_share_documents() -> None:
    runs = {"one": "ab", "two": "abcdef", "three": "abcdeg", "four": "abcz", "five": "xyz"}
    assert together(runs, 2) == ["two", "three"]
    assert together(runs, 3) == ["two", "three", "four"]
    assert together({"one": "ab", "two": "abcdef", "three": "abcdefg"}, 3) == ["two", "three"]
    assert together({"one": "a", "two": "b"}, 3) == []
    assert together({"one": "a"}, 3) == []


def test_scores_by_hand() -> None:
    f1 = two().scores()
    np.testing.assert_allclose(f1, [[1, 2 / 3, 0], [1, 1, 0]])
    np.testing.assert_allclose(two().scores(Measure.PRECISION), [[1, 1, 0], [1, 1, 0]])
    np.testing.assert_allclose(two().scores(Measure.RECALL), [[1, 0.5, 0], [1, 1, 0]])
    table = two().table().set_index("run")
    assert table.loc["two", "Example F1"] == pytest.approx(2 / 3)
    assert table.loc["one", "tokens"] == 10


def test_what_retrieval_put_first_is_no_merit_of_a_trace_that_answers_nothing() -> None:
    first = replace(base("a", "", Fate.DROPPED_IN_REASONING), ranking=("x",))
    silent = Side("silent", "Silent", {"a": first})
    found = compare([silent, side("one", a="x")])
    for measure in (Measure.F1, Measure.PRECISION, Measure.RECALL):
        np.testing.assert_allclose(found.scores(measure), [[0], [1]])


def test_few_documents_have_no_interval() -> None:
    assert np.isnan(two().table()["Example F1 low"]).all()
    many = {f"a{n}": "x" for n in range(ENOUGH)}
    GOLD.update(dict.fromkeys(many, ("x",)))
    table = compare([side("one", **many), side("two", **many)]).table()
    assert (table["Example F1 low"] == 1).all()
    assert (table["Precision high"] == 1).all()


def test_differences_are_of_the_other_less_the_base() -> None:
    less = two().less(0)
    assert set(less) == {"two"}
    assert less["two"].difference.mean == pytest.approx(1 / 9)
    assert two().less(1)["one"].difference.mean == pytest.approx(-1 / 9)
    assert less["two"].corrected >= less["two"].difference.p
    assert two().wins(1, 0) == (1, 0, 2)
    assert (less["two"].better, less["two"].worse, less["two"].same) == (1, 0, 2)
    by_precision = two().less(0, Measure.PRECISION)["two"]
    assert (by_precision.better, by_precision.worse, by_precision.same) == (0, 0, 3)


def test_documents_differ_where_any_side_selects_otherwise() -> None:
    assert two().differing() == ("b", "c")
    same = compare([side("one", a="x"), side("two", a="x"), side("three", a="x")])
    assert same.differing() == ()


def test_slices_cover_each_document_once_a_kind() -> None:
    found = slices(two(), lambda label: {"x": 5, "y": 1}.get(label, 0))
    for kind, part in found.groupby("kind"):
        assert part[part["run"] == "one"]["documents"].sum() == 3, kind
    sizes = found[(found["kind"] == "Gold labels") & (found["run"] == "two")]
    assert list(sizes["part"]) == ["1", "2-3"]
    assert list(sizes["value"]) == pytest.approx([0.5, 1.0])
    rare = found[found["kind"] == "Rarest gold label"]
    assert list(dict.fromkeys(rare["part"])) == ["3 or more", "fewer than 3", "unseen in training"]


def test_where_a_label_was_lost_is_asked_of_all_sides_alike() -> None:
    lost = Side("one", "One", {"a": base("a", "", Fate.DROPPED_IN_REASONING)})
    for sides in ([lost, side("two", a="x")], [side("two", a="x"), lost]):
        found = slices(compare(sides))
        where = found[found["kind"] == "Where any system lost a gold label"]
        assert list(where["part"]) == ["reasoning"] * 2
    imported = replace(lost, imported=True)
    kinds = set(slices(compare([side("two", a="x"), imported]))["kind"])
    assert kinds == {"Gold labels", "Gold labels shown to the model"}


def test_fates_are_shares_of_gold_labels() -> None:
    lost = replace(base("b", "x", Fate.SELECTED), fates=(Fate.SELECTED, Fate.NOT_SHOWN))
    one = Side("one", "One", {"a": base("a", "", Fate.DROPPED_IN_REASONING), "b": lost})
    found = fates(compare([one, side("two", a="x", b="xy")]))
    assert list(dict.fromkeys(found["fate"])) == ["selected", "not shown", "dropped in reasoning"]
    of_one = found[found["run"] == "one"].set_index("fate")["value"]
    assert list(of_one) == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert found[found["run"] == "two"]["value"].tolist() == [1, 0, 0]


def test_documents_with_other_gold_on_another_side_are_left_out_and_counted() -> None:
    changed = replace(base("b", "x", Fate.SELECTED), gold=())
    other = Side("two", "Two", {"a": base("a", "x", Fate.SELECTED), "b": changed})
    found = compare([side("one", a="x", b="x"), other])
    assert (found.documents, found.other_gold) == (("a",), 1)
    other = Side("two", "Two", {"b": changed})
    with pytest.raises(InputError, match="not what their gold labels are"):
        compare([side("one", b="x"), other])


def test_parts_by_hand() -> None:
    assert [size_of(n) for n in (1, 2, 3, 5, 6, 90)] == [
        "1", "2-3", "2-3", "4-5", "6 or more", "6 or more",
    ]  # fmt: skip
    assert [rarity_of(n) for n in (0, 2, 3)] == ["unseen in training", "fewer than 3", "3 or more"]
    mixed = replace(base("b", "x", Fate.SELECTED), fates=(Fate.SELECTED, Fate.NOT_SHOWN))
    assert shown_of(mixed.fates) == "some"
    assert shown_of((Fate.ENCODER_MISS,)) == "none"
    assert shown_of((Fate.DROPPED_IN_REASONING,)) == "all"
    assert lost_of(mixed.fates) == "not shown"
    assert lost_of((Fate.LOST_IN_PARSING, Fate.DROPPED_IN_SHORTLISTING)) == "shortlisting"
    assert lost_of((Fate.SELECTED,)) == "nowhere"


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="side by side"):
        compare([side("one", a="x")])
    with pytest.raises(InputError, match="in common"):
        compare([side("one", a="x"), side("two", b="x")])
