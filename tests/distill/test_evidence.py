"""What speaks for and against a label is said in the words of the text and the label."""

import pytest

from core.distill.evidence import Rival, against_it, clauses, for_it, match, negated, words_of


def nowhere() -> tuple[int, int]:
    raise AssertionError("a word is shared, so nothing needs to be nearest in meaning")


def why_not(text: str, label: str, *rivals: Rival) -> str:
    return against_it(text, words_of(text), label, rivals, lambda: (0, len(text)))[1]


def why(text: str, label: str) -> tuple[str, str]:
    return for_it(text, words_of(text), label, lambda: (0, len(text)))


def test_endings_case_and_accents_do_not_matter() -> None:
    text = "Repeated Fractures of the femur; Ménière's disease"
    words = words_of(text)
    met = match(text, words, "fracture, Femurs")
    assert met.missing == ()
    assert met.anchor is not None
    assert text[slice(*met.anchor)] == "Fractures of the femur"
    assert match(text, words, "Meniere disease").missing == ()


def test_the_anchor_is_the_shortest_run_with_the_most_words() -> None:
    text = "pain, then a long while without any; pain in the left knee, knee swelling"
    met = match(text, words_of(text), "Pain in left knee")
    assert met.anchor is not None
    assert text[slice(*met.anchor)] == "pain in the left knee"


def test_no_shared_word_leaves_the_choice_to_meaning() -> None:
    text = "heart attack"
    assert match(text, words_of(text), "Myocardial infarction").anchor is None
    assert why(text, "Myocardial infarction") == ("heart attack", '"heart attack" means this')


def test_a_right_label_is_named_or_follows() -> None:
    assert (
        why("open wound of hand", "Open wound of hand")[1] == 'the text says "open wound of hand"'
    )
    said = why("open wound of hand", "Open wound of hand, initial encounter")[1]
    assert said == '"open wound of hand" fits, "initial encounter" goes with it'


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("cough without fever", True),
        ("The patient denies fever", True),
        ("no rash, but fever", False),
        ("not seen before. Fever", False),
        ("fever without cough", False),
    ],
)
def test_a_negation_reaches_as_far_as_its_clause(text: str, denied: bool) -> None:
    met = match(text, words_of(text), "Fever")
    assert met.anchor is not None
    assert negated(text, met.anchor) is denied
    assert why_not(text, "Fever").startswith("the text denies") is denied


def test_the_first_reason_that_holds_is_given() -> None:
    text = "Malignant neoplasm of lateral wall of bladder"
    kept = Rival(1, "Malignant neoplasm of lateral wall of bladder")
    assert why_not(text, "Malignant neoplasm of anterior wall of bladder", kept) == (
        'says "anterior" where the text says "lateral"'
    )
    assert why_not(text, "Malignant neoplasm of bladder", kept) == 'lacks "lateral wall"'
    wider = Rival(1, kept.name, wider=True)
    assert why_not(text, "Malignant neoplasm of bladder", wider) == "wider than 1"
    narrower = Rival(1, kept.name, narrower=True)
    assert why_not(text, "Malignant neoplasm of lateral wall of bladder, left", narrower) == (
        'narrower than 1, "left" is not said'
    )
    assert why_not(text, "Malignant neoplasm of skin") == '"skin" is not said'
    assert why_not(text, "Malignant neoplasm") == "only near the text"
    assert why_not(text, text, kept) == "1 is closer"


def test_quotation_marks_of_a_text_do_not_end_its_anchor() -> None:
    text = 'the so-called "frozen shoulder" of the left side'
    anchor, _ = why(text, "Frozen shoulder")
    assert '"' not in anchor


def test_clauses_cover_all_words_without_the_stops_between() -> None:
    text = " One thing, another; and\nmore. "
    assert [text[a:b] for a, b in clauses(text)] == ["One thing", "another", "and", "more"]
    assert clauses("...") == [(0, 3)]


def test_shared_words_are_enough_for_an_anchor() -> None:
    assert for_it("a b knee", words_of("a b knee"), "Knee", nowhere)[0] == "knee"
