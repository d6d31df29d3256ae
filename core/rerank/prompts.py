"""The prompt: its template, filling it, and making a long document fit."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from core.errors import InputError
from core.models.base import LanguageModel
from core.rerank.base import Candidate, Decoding

# Chosen on dev: of 24 wordings tried on 5 to 10 documents each, the one after which the packaged
# 135M model most often wrote both a shortlist and verdicts (4 of 10; not checked on others). After
# a worked example, or a form filled with words, it copies those words instead of the labels.
DEFAULT_PROMPT = """\
Write three parts about a text: "Shortlist:" with 2 or 3 labels, "Reasoning:" with keep or drop \
for each, "Answer:" with the numbers kept. The form is:

Shortlist:
2. ... <- "..."
5. ... <- "..."
Reasoning:
2. keep: ...
5. drop: ...
Answer: 2

Labels:
{candidates}

Text: {document}

Write the three parts. Begin with "Shortlist:", then "Reasoning:" with keep or drop, and end \
with "Answer:"."""

# What teachers and students are trained on: nothing but the text and the rated labels.
RATED_PROMPT = """\
Text: {document}

Labels:
{rated}"""

_PLACEHOLDER = re.compile(r"\{(document|candidates|rated)\}")
CUT_MARK = " [...]"


def check_template(template: str) -> None:
    """Raises InputError where a template lacks {document}, or both {candidates} and {rated}."""
    document, shown = "{document}" in template, re.search(r"\{(candidates|rated)\}", template)
    if not document or not shown:
        wanted = " and ".join(["{document}"] * (not document) + ["{candidates}"] * (not shown))
        raise InputError(
            f"The prompt has no {wanted}.",
            "Put it where the text and the numbered candidates are to stand.",
        )


def read_template(path: Path) -> str:
    """The template in a file. Raises InputError where it cannot be read or lacks a placeholder."""
    try:
        template = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The prompt {path} cannot be read ({error}).", "Name a text file in UTF-8."
        ) from error
    check_template(template)
    return template


def build_prompt(template: str, document_text: str, candidates: Sequence[Candidate]) -> str:
    """The template with the text and the numbered candidates put in. Raises InputError.

    Filled in one go: braces in a document or a name are text, never a placeholder.
    """
    check_template(template)
    filled = {
        "document": document_text,
        "candidates": candidate_lines(candidates),
        "rated": rated_lines(candidates),
    }
    return _PLACEHOLDER.sub(lambda found: filled[found[1]], template)


def candidate_lines(candidates: Sequence[Candidate]) -> str:
    """One "number. name" line a candidate; line breaks inside names become spaces."""
    return "\n".join(f"{c.number}. {' '.join(c.name.split())}" for c in candidates)


def rated_lines(candidates: Sequence[Candidate]) -> str:
    """One "number. name (nearness):" line a candidate."""
    return "\n".join(map(rated_line, candidates))


def rated_line(candidate: Candidate) -> str:
    """As the prompt has it, and a trace before a verdict."""
    name = " ".join(candidate.name.split())
    return f"{candidate.number}. {name} ({candidate.nearness or 'far'}):"


def prompt_version(template: str) -> str:
    """12 hex digits of the template's SHA-256: part of what decides a run's output."""
    return hashlib.sha256(template.encode()).hexdigest()[:12]


def fit_document(
    model: LanguageModel,
    template: str,
    document_text: str,
    candidates: Sequence[Candidate],
    decoding: Decoding,
) -> tuple[str, str]:
    """(the document's text, cut at a word where it is too long; a note that says so, or "").

    What must fit in the model's context: the prompt as rendered and `max_new_tokens`. Where the
    model does not tell its limit, the text stays whole. Raises InputError where not even an
    empty document fits.
    """
    check_template(template)
    limit = model.context_tokens
    if limit is None:
        return document_text, ""
    whole = _tokens(model, template, document_text, candidates)
    if whole is None or whole + decoding.max_new_tokens <= limit:
        return document_text, ""
    without = _tokens(model, template, CUT_MARK, candidates) or 0
    room = limit - decoding.max_new_tokens - without
    if room < 16:
        raise InputError(
            f"The prompt and {len(candidates)} candidates take {without:,} tokens and the answer "
            f"up to {decoding.max_new_tokens:,}; the model reads {limit:,}.",
            "Show fewer candidates, lower the token limit or shorten the prompt.",
        )
    cut = int(len(document_text) * room / (whole - without + 1))
    while True:
        shorter = _cut_at_word(document_text, cut)
        tokens = _tokens(model, template, shorter, candidates) or 0
        if tokens + decoding.max_new_tokens <= limit:
            break
        cut = int(cut * 0.95)
    kept = len(shorter) - len(CUT_MARK)
    return shorter, (
        f"The text was cut to fit the model: it read the first {kept:,} of "
        f"{len(document_text):,} characters."
    )


def _tokens(
    model: LanguageModel, template: str, text: str, candidates: Sequence[Candidate]
) -> int | None:
    return model.count_tokens(model.render(build_prompt(template, text, candidates)))


def _cut_at_word(text: str, length: int) -> str:
    head = text[:length]
    space = max(head.rfind(" "), head.rfind("\n"))
    return (head[:space] if space > length * 0.8 else head).rstrip() + CUT_MARK
