"""The prompt says exactly what the template, the text and the names say."""

from pathlib import Path

import pytest

from core.errors import InputError
from core.rerank.base import Candidate, Decoding
from core.rerank.prompts import (
    CUT_MARK,
    DEFAULT_PROMPT,
    build_prompt,
    check_template,
    fit_document,
    prompt_version,
    read_template,
)
from core.rerank.scorer import SCORE_PROMPT
from tests.rerank.scripted import ScriptedModel

TWO = (Candidate(1, "A", "First label"), Candidate(2, "B", "Second\nlabel"))
SHORT = "T: {document}\nL:\n{candidates}"


def test_text_and_numbered_candidates_are_put_in() -> None:
    assert build_prompt(SHORT, "text", TWO) == "T: text\nL:\n1. First label\n2. Second label"


@pytest.mark.parametrize("text", ["{candidates}", "{document}", "{0} {x} {{}}", "}{", "\\1 \\g<0>"])
def test_braces_and_backslashes_in_a_document_are_text(text: str) -> None:
    assert build_prompt(SHORT, text, ()) == f"T: {text}\nL:\n"


def test_braces_in_the_template_are_kept() -> None:
    assert build_prompt('{"a": {document}} {candidates}', "x", ()) == '{"a": x} '


@pytest.mark.parametrize("template", ["", "only {document}", "only {candidates}", "{Document}"])
def test_a_template_without_a_placeholder_is_refused(template: str) -> None:
    with pytest.raises(InputError, match="has no"):
        build_prompt(template, "x", TWO)


def test_the_built_in_templates_are_whole() -> None:
    check_template(DEFAULT_PROMPT)
    check_template(SCORE_PROMPT)


def test_any_change_to_a_template_is_another_version() -> None:
    assert prompt_version(SHORT) == prompt_version(SHORT)
    assert prompt_version(SHORT) != prompt_version(SHORT + " ")


def test_a_text_that_fits_stays_as_it_is() -> None:
    model = ScriptedModel(context=500)
    assert fit_document(model, SHORT, "one two", TWO, Decoding(max_new_tokens=10)) == (
        "one two",
        "",
    )


def test_a_text_too_long_is_cut_at_a_word_and_says_so() -> None:
    model = ScriptedModel(context=120)
    text = "word " * 1000
    decoding = Decoding(max_new_tokens=20)
    fitted, note = fit_document(model, SHORT, text, TWO, decoding)
    assert fitted.endswith("word" + CUT_MARK)
    assert text.startswith(fitted.removesuffix(CUT_MARK))
    used = model.count_tokens(model.render(build_prompt(SHORT, fitted, TWO))) or 0
    assert 60 < used <= 100
    assert "5,000 characters" in note


def test_no_room_for_any_text_is_an_input_error() -> None:
    with pytest.raises(InputError, match="candidates"):
        fit_document(ScriptedModel(context=30), SHORT, "a b c", TWO, Decoding(max_new_tokens=25))


def test_a_model_that_does_not_tell_its_limit_gets_the_whole_text() -> None:
    text = "word " * 5000
    assert fit_document(ScriptedModel(context=None), SHORT, text, TWO, Decoding()) == (text, "")


def test_a_template_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("Text: {document}\nLabels: {candidates}\n", encoding="utf-8")
    assert read_template(file) == "Text: {document}\nLabels: {candidates}\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"no place for anything", "has no"), (b"\xff\xfe{document}{candidates}", "cannot be read")],
)
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "prompt.txt"
    file.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_template(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_template(tmp_path / "missing.txt")
