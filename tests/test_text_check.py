"""Texts that cannot be searched with are refused, with the reason."""

import pytest

from core.errors import InputError
from core.text_check import check_text


@pytest.mark.parametrize("text", ["", "   \n\t ", "\x00"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="empty"):
        check_text(text, 1000)


def test_a_megabyte_is_refused_with_both_numbers() -> None:
    with pytest.raises(InputError, match=r"1,048,576 characters; the most is 200,000"):
        check_text("a" * 1_048_576, 200_000)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Острый инфаркт миокарда", "Cyrillic"),
        ("急性心筋梗塞の患者", "Cjk|Hiragana"),
        ("احتشاء عضلة القلب الحاد", "Arabic"),
    ],
)
def test_a_text_in_another_script_is_refused_by_name(text: str, script: str) -> None:
    with pytest.raises(InputError, match=script):
        check_text(text, 1000)


def test_digits_alone_are_refused() -> None:
    with pytest.raises(InputError, match="no letters"):
        check_text("250.00 / 401.9", 1000)


@pytest.mark.parametrize(
    "text", ["Señales de β-thalassemia", "Crohn’s disease 急", "γδ T-cell lymphoma"]
)
def test_accents_greek_and_a_few_foreign_letters_pass(text: str) -> None:
    assert check_text(f"  {text} ", 1000) == text
