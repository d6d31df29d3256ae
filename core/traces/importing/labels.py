"""Labels as a row names them: its answer, the candidates its model was shown, gold.

Each by id or by name, in a list (also one written as text, as pandas and numpy do), or in a text
that is one label or several with | ; or , between. A name may hold a comma: what is a label as a
whole is one.
"""

import math
import re
from typing import Any

from core.importing.lines import is_text
from core.importing.problems import Kind
from core.importing.values import MAX_ID, SEPARATORS, UnusableError, listed, text_of
from core.rerank.base import Candidate
from core.traces.importing.known import KnownDataset
from core.traces.importing.notes import Notes, cleaned

SHOWN_AT_MOST = 1000  # candidates of one trace
LONGEST_NAME = 6  # parts of a text, between separators, that may be one name

_NONE = re.compile(
    r"none|(?:none|not any) of (?:them|these|those|the above|the labels|the candidates)"
    r"|none (?:fits?|appl(?:y|ies)|match(?:es)?)|no labels?",
    re.IGNORECASE,
)


def answer_of(
    given: Any, dataset: KnownDataset, row: dict[str, Any], notes: Notes
) -> tuple[str, ...] | None:
    """Label ids of an answer; one that is no label stays as it is. () where it says that none
    fits, by an empty list or in words; None where the row has no answer: an empty cell is none."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    said = list(dict.fromkeys(one for one in said_of(given, dataset) if one))
    if len(said) == 1 and _NONE.fullmatch(said[0].rstrip(".")) and dataset.label(said[0]) is None:
        said = []
    row["answer"] = said
    found = []
    for one in said:
        label = dataset.label(one)
        if label is None:
            notes.append((Kind.UNKNOWN_ANSWER, one))
        found.append(label or one)
    return tuple(dict.fromkeys(found))


def candidates_of(
    given: Any, dataset: KnownDataset, row: dict[str, Any], notes: Notes
) -> tuple[Candidate, ...]:
    """The labels that the model was shown. Each has its place for a number, as the prompt had: a
    place that is empty, or has a label again, counts as well."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return ()
    said = said_of(given, dataset)
    while said and not said[-1]:
        said.pop()
    if len(said) > SHOWN_AT_MOST:
        notes.append((Kind.CANDIDATES, f"{len(said):,}, of which {SHOWN_AT_MOST:,} are kept"))
        said = said[:SHOWN_AT_MOST]
    row["candidates"] = said
    labels = [(dataset.label(one) or one, one) for one in said]
    return tuple(
        Candidate(number, label, dataset.name_of(label) or one)
        for number, (label, one) in enumerate(labels, start=1)
        if one
    )


def gold_of(given: Any, dataset: KnownDataset) -> list[str]:
    """Label ids without repeats; one that is no label stays as it is."""
    said = said_of(given, dataset)
    return list(dict.fromkeys(dataset.label(one) or one for one in said if one))


def said_of(given: Any, dataset: KnownDataset) -> list[str]:
    """Labels as they are said, each at its place; "" for an empty one. Raises UnusableError."""
    if isinstance(given, str):
        text = given.strip()
        found = None if _is_label(text, dataset) else listed(text)
        given = _apart(text, dataset) if found is None else found
    elif given is None:
        given = []
    elif not isinstance(given, list):
        given = [given]
    return [_said(one) for one in given]


def _said(one: Any) -> str:
    if isinstance(one, dict):  # {"id": ..., "name": ...}
        one = one.get("id") or one.get("name")
    if isinstance(one, float) and math.isnan(one):  # pandas' empty cell
        return ""
    return cleaned(text_of(one, MAX_ID))


def _apart(text: str, dataset: KnownDataset) -> list[str]:
    """A text cut at the first of | ; , that is in it, but for names that hold that themselves: of
    several parts that are one label together, the most are taken."""
    if not is_text(text):
        raise UnusableError(Kind.ENCODING, text)
    if not text or _is_label(text, dataset):
        return [text] if text else []
    if text[0] == "[" and text[-1] == "]" and not set("[]") & set(text[1:-1]):
        text = text[1:-1]  # a list without quotes: [J45, E11]
    separator = next((one for one in SEPARATORS if one in text), None)
    parts = [text] if separator is None else text.split(separator)
    if separator is None or all(_is_label(part.strip(), dataset) for part in parts):
        return parts
    found, at = [], 0
    while at < len(parts):
        joined = (
            (end, separator.join(parts[at:end]).strip())
            for end in range(min(at + LONGEST_NAME, len(parts)), at + 1, -1)
        )
        whole = next(((end, one) for end, one in joined if _is_label(one, dataset)), None)
        end, one = whole or (at + 1, parts[at])
        found.append(one)
        at = end
    return found


def _is_label(text: str, dataset: KnownDataset) -> bool:
    known = 0 < len(text) <= MAX_ID and is_text(text)
    return known and dataset.label(text) is not None
