"""Labels are found where a trace names them, and numbers do not lie about names."""

from core.rerank.base import Candidate
from core.traces.mentions import find_mentions

LABELS = (
    Candidate(1, "A00", "Cholera"),
    Candidate(2, "A009", "Cholera, unspecified"),
    Candidate(3, "A01", "Typhoid fever"),
)


def found(text: str) -> list[tuple[str, str, bool]]:
    return [(m.label_id, text[m.start : m.end], m.exact) for m in find_mentions(text, LABELS)]


def test_exact_names_in_any_case_and_spacing_the_longest_first() -> None:
    text = "It may be CHOLERA,\n  unspecified or cholera, not typhoid fever."
    assert found(text) == [
        ("A009", "CHOLERA,\n  unspecified", True),
        ("A00", "cholera", True),
        ("A01", "typhoid fever", True),
    ]


def test_names_are_whole_words() -> None:
    assert found("Choleraic and paratyphoid fever") == []


def test_a_number_at_the_start_of_a_line_names_its_candidate() -> None:
    assert found("Reasoning:\n3. keep: high fever") == [("A01", "3.", False)]


def test_number_and_exact_name_on_one_line_are_one_mention() -> None:
    assert found("3. Typhoid fever <- x") == [("A01", "Typhoid fever", True)]


def test_the_name_counts_where_number_and_name_disagree() -> None:
    assert found("1. Typhoid fever") == [("A01", "Typhoid fever", True)]


def test_a_number_before_words_about_something_else_is_no_mention() -> None:
    assert found("1. Wash your hands first") == []


def test_a_shortened_name_beside_its_number_is_a_mention() -> None:
    assert found("3. Typhoid") == [("A01", "3. Typhoid", False)]


def test_numbers_that_were_not_shown_name_nothing() -> None:
    assert found("7. keep: yes\n99999. keep: yes") == []


def test_names_full_of_signs_are_taken_literally() -> None:
    odd = (Candidate(1, "X", "a+b (c) [d] .* \\ $"),)
    text = "see a+b (c) [d] .* \\ $ here"
    assert [text[m.start : m.end] for m in find_mentions(text, odd)] == [odd[0].name]


def test_no_candidates_no_mentions() -> None:
    assert find_mentions("1. Cholera", ()) == ()


def test_a_skipped_label_is_not_named_even_where_a_label_is_called_skip() -> None:
    labels = [Candidate(1, "a", "Cholera"), Candidate(2, "b", "skip"), Candidate(3, "c", "Plague")]
    text = 'Shortlist:\n1. skip\n2. skip <- "a hop"\n3. skip\nReasoning:\n2. skip (near): keep, so'
    named = [(m.label_id, text[m.start : m.end]) for m in find_mentions(text, labels)]
    assert named == [("b", "skip"), ("b", "skip")]
