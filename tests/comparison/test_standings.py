"""Labels across traces, on traces written by hand."""

from core.comparison.standings import Read, Standing, Together, label_rows, standings
from core.rerank.base import Candidate
from core.traces.base import FinishReason, Mention, Phase, PhaseKind, Trace

WORDS = ("one", "two", "three", "four")
SHOWN = tuple(Candidate(n, f"L{n}", f"label {word}") for n, word in enumerate(WORDS, 1))
BOTH = "Shortlist:\n1. label one\n2. label two\n"


def read(text: str, *answered: str) -> Read:
    return Read(Trace(text, FinishReason.STOP, 1, 1, 1.0, None), "", SHOWN, answered)


ONE = read(f"{BOTH}Reasoning:\n1. keep: a\n2. drop: b\nAnswer: 1", "L1")
TWO = read(f"{BOTH}3. label three\nReasoning:\n1. drop: a\n2. keep: b\nAnswer: 2", "L2")
THREE = read("Shortlist:\n3. label three\nReasoning:\n3. keep: x\nAnswer: none")


def imported(*answered: str) -> Read:
    """Prose of another model, whose shown labels nobody knows."""
    text = "It may be label one. I rule out label one. So label two it is."
    mentions = tuple(
        Mention(f"L{n}", at, at + len(word))
        for n, word in ((1, "label one"), (2, "label two"))
        for at in range(len(text))
        if text.startswith(word, at)
    )
    phases = (Phase(PhaseKind.REASONING, 0, len(text)),)
    trace = Trace(text, FinishReason.STOP, 1, 1, 1.0, None, phases=phases, mentions=mentions)
    return Read(trace, "", (), answered)


def test_how_far_each_label_came() -> None:
    assert standings(ONE) == {
        "L1": Standing.ANSWERED, "L2": Standing.DROPPED, "L3": Standing.SHOWN, "L4": Standing.SHOWN,
    }  # fmt: skip
    assert standings(TWO)["L3"] is Standing.NAMED
    assert standings(THREE)["L3"] is Standing.KEPT


def test_of_prose_the_steps_tell_and_the_answer_may_come_apart_from_the_text() -> None:
    assert standings(imported("L9")) == {
        "L1": Standing.DROPPED, "L2": Standing.NAMED, "L9": Standing.ANSWERED
    }  # fmt: skip
    rows = label_rows([imported("L9"), imported()], [("G", "gold")], {"L9": "label nine"})
    by_id = {row.label_id: row for row in rows}
    assert by_id["L9"].name == "label nine"
    assert by_id["L9"].standings == (Standing.ANSWERED, Standing.UNNAMED)
    assert by_id["G"].standings == (Standing.UNNAMED, Standing.UNNAMED), "not: not shown"


def test_contradictions_differences_and_agreement_are_told() -> None:
    rows = label_rows([ONE, TWO], [("L1", "label one"), ("G", "gold elsewhere")])
    by_id = {row.label_id: row for row in rows}
    assert [row.label_id for row in rows] == ["L1", "G", "L2", "L3"], "L4 is named by none"
    assert by_id["L1"].together is Together.CONTRADICT
    assert by_id["L2"].together is Together.CONTRADICT
    assert by_id["L3"].together is Together.NOTHING
    assert by_id["G"].standings == (Standing.NOT_SHOWN, Standing.NOT_SHOWN)
    assert by_id["G"].together is Together.NOTHING, "nobody says anything about it"
    assert by_id["G"].gold
    assert {row.together for row in label_rows([ONE, ONE], [])} == {Together.AGREE}
    skips = read("Shortlist:\n1. skip\n2. label two\nReasoning:\n2. drop: b\nAnswer: none")
    (first, second) = label_rows([ONE, skips], [])
    assert (first.label_id, first.together) == ("L1", Together.DIFFER)
    assert second.together is Together.AGREE
