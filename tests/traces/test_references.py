"""Labels named by code, and by their number in the prompt."""

import pytest

from core.rerank.base import Candidate, nearness_of
from core.traces.base import Mention
from core.traces.references import apart, bare_numbers, referred

CANDIDATES = tuple(
    Candidate(number, code, name, nearness_of(0.6))
    for number, (code, name) in enumerate(
        [
            ("E11.21", "Diabetes with nephropathy"),
            ("E11.2", "Diabetes with kidney complications"),
            ("I10", "Hypertension"),
            ("Z79", "Long-term drug therapy"),
        ],
        start=1,
    )
)
UNSHOWN = tuple(Candidate(-c.number, c.label_id, c.name, c.nearness) for c in CANDIDATES)


def named(text: str, document: str = "", shown: tuple[Candidate, ...] = CANDIDATES) -> list[str]:
    return [f"{text[m.start : m.end]} {m.label_id}" for m in referred(text, shown, document)]


def test_a_code_is_a_mention_and_the_longer_code_wins() -> None:
    assert named("E11.21 rather than E11.2.") == ["E11.21 E11.21", "E11.2 E11.2"]
    assert all(m.exact for m in referred("So E11.21.", CANDIDATES, ""))


def test_a_part_of_another_code_is_none() -> None:
    assert named("E11.219, XI10 and I10.9 are others") == []


def test_codes_are_found_where_it_is_not_known_what_was_shown() -> None:
    assert named("I10 it is, not L2 or L1", shown=UNSHOWN) == ["I10 I10"]


def test_numbers_with_a_letter_or_a_word_are_mentions() -> None:
    assert named("L1 and L3; option 2, [4]") == [
        "L1 E11.21", "L3 I10", "option 2 E11.2", "[4] Z79",
    ]  # fmt: skip
    assert not any(m.exact for m in referred("L1 and L3", CANDIDATES, ""))


def test_a_single_number_with_a_letter_or_one_of_the_document_is_none() -> None:
    assert named("the disc at L3 presses") == []
    assert named("from L3 to L4", document="A fracture of L3.") == []


def test_numbers_beyond_the_candidates_and_decimals_are_none() -> None:
    assert named("label 7, option 2.5, number 3%, L1-L2") == []


def test_bare_numbers_are_read_where_an_answer_is_meant() -> None:
    text = "Answer: 3, #1, 3 and 17 (0.4)"
    assert bare_numbers(text, CANDIDATES) == [(8, "I10"), (11, "E11.21"), (15, "I10")]
    assert bare_numbers(text, UNSHOWN) == []


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("1,4", ["E11.21", "Z79"]),
        ("[1,4]", ["E11.21", "Z79"]),
        ("1;4&3", ["E11.21", "Z79", "I10"]),
        ("1.4", []),
        ("0,4", []),
        ("10,4", ["Z79"]),
        ("1/4, 3%, 2-3", []),
    ],
)
def test_numbers_need_no_space_between_them(text: str, codes: list[str]) -> None:
    assert [code for _, code in bare_numbers(text, CANDIDATES)] == codes


def test_mentions_apart_from_others() -> None:
    one, two, three = (Mention("a", at, at + 4) for at in (0, 5, 10))
    assert apart([one, two, three], [Mention("b", 6, 7)]) == [one, three]
    assert apart([one, two], []) == [one, two]
