"""Labels named in other words than their own."""

import pytest

from core.rerank.base import Candidate
from core.traces.base import Mention
from core.traces.fuzzy_mentions import fuzzy_mentions

NAMES = (
    "Congestive heart failure, unspecified",
    "Chronic kidney disease, stage 4",
    "Chronic kidney disease, stage 5",
    "Community-acquired pneumonia",
    "Heart disease",
)
CANDIDATES = tuple(Candidate(n, f"L{n}", name) for n, name in enumerate(NAMES, start=1))


def found(text: str, taken: tuple[Mention, ...] = ()) -> list[tuple[str, str]]:
    return [(m.label_id, text[m.start : m.end]) for m in fuzzy_mentions(text, CANDIDATES, taken)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The heart is failing, congestive failure I think.",
         [("L1", "heart is failing, congestive failure")]),
        ("Failure of the heart with congestion.", [("L1", "Failure of the heart with congestion")]),
        ("the community gave her: pneumonia, community acquired",
         [("L4", "pneumonia, community acquired")]),
        ("diseases of the heart", [("L5", "diseases of the heart")]),
        ("comunity acquired pnuemonia", [("L4", "comunity acquired pnuemonia")]),
    ],
)  # fmt: skip
def test_most_words_of_a_name_close_together_name_it(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The heart is fine.",
        "heart. And much later, of the whole long story of this town, there is failure.",
        "kidney stones",
        "chronic kidney disease",  # of which stage, nothing says
        "",
    ],
)
def test_a_few_of_its_words_or_words_far_apart_do_not(text: str) -> None:
    assert found(text) == []


def test_what_tells_labels_apart_decides_between_them() -> None:
    assert [label for label, _ in found("kidney disease, chronic, at stage 5")] == []
    names = (*CANDIDATES[:1], Candidate(9, "L9", "Chronic kidney disease"))
    text = "a kidney disease that is chronic"
    assert [m.label_id for m in fuzzy_mentions(text, names, ())] == ["L9"]


def test_words_of_an_exact_mention_name_nothing_else() -> None:
    text = "Heart disease, and failure of a congested heart"
    exact = (Mention("L5", 0, 13),)
    assert [label for label, _ in found(text, exact)] == ["L1"]
    mentions = fuzzy_mentions(text, CANDIDATES, exact)
    assert all(m.start >= 13 and not m.exact for m in mentions)


def test_a_long_text_of_a_strange_kind_is_read() -> None:
    text = "heart " * 5000 + "\u202e" * 100 + "失敗" * 1000
    assert found(text) == []


ONE_WORD = tuple(
    Candidate(n, name, name)
    for n, name in enumerate(
        ("Hypertension", "Pneumonia", "Hemorrhage", "Bronchitis", "Gastritis", "Transplantation",
         "Hypothyroidism", "Dysphagia", "Metastasis", "Diabetes", "Organ donation"), start=1)
)  # fmt: skip


@pytest.mark.parametrize(
    "word",
    [
        "hyperthyroidism", "pneumothorax", "hemorrhoids", "bronchiectasis", "gastric",
        "transportation", "dysphasia", "hypotension", "organization",
    ],
)  # fmt: skip
def test_another_word_that_begins_or_looks_alike_names_nothing(word: str) -> None:
    assert fuzzy_mentions(f"It is {word} then.", ONE_WORD, ()) == ()


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("pnuemonia", "Pneumonia"),
        ("pneumonias", "Pneumonia"),
        ("hypertensive", "Hypertension"),
        ("hypertenson", "Hypertension"),
        ("hemorrhages", "Hemorrhage"),
        ("hemorrhagic", "Hemorrhage"),
        ("metastases", "Metastasis"),
        ("diabetic", "Diabetes"),
        ("transplantations", "Transplantation"),
    ],
)
def test_another_form_of_a_word_or_a_slip_in_it_names_its_label(word: str, label: str) -> None:
    found = fuzzy_mentions(f"It is {word} then.", ONE_WORD, ())
    assert [m.label_id for m in found] == [label]


def test_a_step_that_never_ends_is_read() -> None:
    # in time with the square of its length, each would take many minutes
    assert len(fuzzy_mentions("pnuemonia " * 30_000, ONE_WORD, ())) == 30_000
    assert fuzzy_mentions("heart kidney " * 30_000, CANDIDATES, ()) == ()
