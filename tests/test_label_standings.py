"""Labels across traces, on traces written by hand."""

from core.label_standings import Standing, label_rows, standings
from core.rerank.base import Candidate
from core.traces.base import FinishReason, Trace

WORDS = ("one", "two", "three", "four")
SHOWN = [Candidate(n, f"L{n}", f"label {word}") for n, word in enumerate(WORDS, 1)]
BOTH = "Shortlist:\n1. label one\n2. label two\n"


def trace(text: str) -> Trace:
    return Trace(text, FinishReason.STOP, 1, 1, 1.0, None)


ONE = trace(f"{BOTH}Reasoning:\n1. keep: a\n2. drop: b\nAnswer: 1")
TWO = trace(f"{BOTH}3. label three\nReasoning:\n1. drop: a\n2. keep: b\nAnswer: 2")
THREE = trace("Shortlist:\n3. label three\nReasoning:\n3. keep: x\nAnswer: none")


def test_how_far_each_label_came() -> None:
    assert standings(ONE, SHOWN) == {
        "L1": Standing.ANSWERED, "L2": Standing.DROPPED, "L3": Standing.SHOWN, "L4": Standing.SHOWN,
    }  # fmt: skip
    assert standings(TWO, SHOWN)["L3"] is Standing.NAMED
    assert standings(THREE, SHOWN)["L3"] is Standing.KEPT


def test_contradictions_and_agreement_are_told() -> None:
    rows = label_rows([(ONE, SHOWN), (TWO, SHOWN)], [("L1", "label one"), ("G", "gold elsewhere")])
    by_id = {row.label_id: row for row in rows}
    assert [row.label_id for row in rows] == ["L1", "G", "L2", "L3"], "L4 is named by none"
    assert by_id["L1"].contradiction
    assert by_id["L2"].contradiction
    assert not by_id["L3"].contradiction
    assert by_id["G"].standings == (Standing.NOT_SHOWN, Standing.NOT_SHOWN)
    assert by_id["G"].agreed
    assert by_id["G"].gold
    same = label_rows([(ONE, SHOWN), (ONE, SHOWN)], [])
    assert all(row.agreed and not row.contradiction for row in same)
