"""Where the answer does not follow from the trace."""

from core.rerank.base import Verdict
from core.traces.contradictions import Contradiction, contradictions

KEEP, DROP = Verdict.KEEP, Verdict.DROP


def kinds(**given: object) -> list[tuple[str, Contradiction]]:
    asked = {"answer": ("A",), "verdicts": (), "named": {"A", "B"}, "shown": {"A", "B"}} | given
    return [(one.label_id, one.kind) for one in contradictions(**asked)]


def test_an_answer_that_follows_has_none() -> None:
    assert kinds(verdicts=(("A", KEEP, 3), ("B", DROP, 9))) == []
    assert kinds() == [], "no verdict is no contradiction"


def test_each_kind_is_told_with_its_label() -> None:
    assert kinds(verdicts=(("B", KEEP, 3),)) == [("B", Contradiction.KEPT_NOT_ANSWERED)]
    assert kinds(verdicts=(("A", DROP, 3),)) == [("A", Contradiction.DROPPED_YET_ANSWERED)]
    assert kinds(answer=("C",)) == [("C", Contradiction.NOT_SHOWN)]
    assert kinds(answer=("A",), named={"B"}) == [("A", Contradiction.NEVER_NAMED)]


def test_the_last_verdict_holds_and_says_where_it_stands() -> None:
    assert kinds(verdicts=(("A", DROP, 3), ("A", KEEP, 9))) == []
    (one,) = contradictions(("A",), (("A", KEEP, 3), ("A", DROP, 9)), {"A"}, set())
    assert (one.kind, one.at) == (Contradiction.DROPPED_YET_ANSWERED, 9)


def test_without_an_answer_or_known_candidates_less_can_be_said() -> None:
    assert kinds(answer=None, verdicts=(("B", KEEP, 3),)) == []
    assert kinds(answer=("C",), named={"C"}, shown=set()) == []
