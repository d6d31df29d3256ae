"""Loops are found; ordinary text, however uniform, is not called one."""

import pytest

from core.rerank.repetition import repeats


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no, no, no, no",
        "a\na\na",
        "\n".join(f"{n}. drop: not named" for n in range(1, 11)),
        "The arm is broken. The leg is not. The arm is broken, it says.",
        "aaaa",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
    ],
)
def test_no_loop(text: str) -> None:
    assert repeats(text, shown=10) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("start\n" + "same line\n" * 5, "one line 5 times"),
        ("\n".join(f"{n}. label" for n in range(30)), "30 lines"),
        ("Well. " + "left arm, right leg, " * 6, "at the end"),
        ("x" * 60, "at the end"),
    ],
)
def test_loops(text: str, says: str) -> None:
    assert says in repeats(text, shown=10)
