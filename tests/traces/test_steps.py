"""The units in which a trace is shown."""

import pytest

from core.traces.steps import sentences_of


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("He grew E. coli. So hepatitis B. It holds.",
         ["He grew E. coli. ", "So hepatitis B. ", "It holds."]),
        ("See e.g. Smith vs. Jones. No. It is.", ["See e.g. Smith vs. Jones. ", "No. ", "It is."]),
        ("3. Heart failure. It fits; no.\n4.\nEdema",
         ["3. Heart failure. ", "It fits; ", "no.\n", "4.\n", "Edema"]),
        ("Names:\nEdema: a sign", ["Names:\n", "Edema: a sign"]),
        ("", []),
    ],
)  # fmt: skip
def test_numbers_abbreviations_and_what_ends_with_a_colon_lead_on(
    text: str, sentences: list[str]
) -> None:
    assert [text[start:end] for start, end in sentences_of(text)] == sentences
