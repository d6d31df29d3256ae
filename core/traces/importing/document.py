"""The document that a trace is of: the dataset's own by its id or its text, else one of the row's.

A text in a column of its own (`text`) is the document's, also where it is another than the
dataset's. A prompt is not: it is looked up, and taken only where nothing else is known.
"""

import hashlib
from typing import Any

from core.datasets.base import Document
from core.importing.lines import is_text
from core.importing.problems import Kind
from core.importing.values import UnusableError, id_of, text_of
from core.traces.importing.known import KnownDataset
from core.traces.importing.notes import Notes, cleaned
from core.traces.importing.prompt import Prompt, prompt_of

LOOKED_FOR = 200  # characters of a document that its prompt should hold: prompts cut long ones


def document_of(
    dataset: KnownDataset,
    given: Any,
    text: Any,
    prompt: Any,
    gold: list[str],
    max_chars: int,
    notes: Notes,
) -> tuple[Document, bool]:
    """The document, and whether it is the dataset's own. Raises UnusableError where there is none;
    no text or prompt costs a row whose id the dataset has."""
    name = cleaned(id_of(given)) if given not in (None, "") else ""
    found = dataset.document(name) if name else None
    if found is not None:
        return _known(found, text, prompt_of(prompt), gold, max_chars, notes)
    own = cleaned(text_of(text, max_chars))
    if not own:
        return _asked(dataset, name, prompt_of(prompt).asked, gold, max_chars, notes)
    found = None if name else dataset.document_of(own)
    return (_of_its_own(name, own, gold), False) if found is None else (found, True)


def _known(
    found: Document, given: Any, prompt: Prompt, gold: list[str], max_chars: int, notes: Notes
) -> tuple[Document, bool]:
    """The dataset's document, or what a row has for its text."""
    theirs = found.text.strip()
    if isinstance(given, str) and given.strip() == theirs:
        return found, True
    try:
        text = cleaned(text_of(given, max_chars))
    except UnusableError as error:
        notes.append((Kind.UNUSED_TEXT, f"{found.id}: {error.kind}"))
        return found, True
    if text and text != theirs:
        notes.append((Kind.OTHER_TEXT, found.id))
        return Document(found.id, text, tuple(gold) or found.gold, found.split), False
    if not text and prompt.whole.strip() and not _holds(prompt.whole, theirs):
        notes.append((Kind.OTHER_PROMPT, found.id))
    return found, True


def _asked(
    dataset: KnownDataset, name: str, asked: str, gold: list[str], max_chars: int, notes: Notes
) -> tuple[Document, bool]:
    """The dataset's document that a prompt is word for word, else the prompt as a document."""
    plain = asked.strip()
    found = dataset.document_of(plain) if plain and is_text(plain) else None
    if found is not None:
        return found, True
    text = cleaned(text_of(asked, max_chars))
    if not text:
        raise UnusableError(Kind.UNKNOWN_DOCUMENT, name)
    document = _of_its_own(name, text, gold)
    notes.append((Kind.PROMPT, document.id))
    return document, False


def _of_its_own(name: str, text: str, gold: list[str]) -> Document:
    name = name or f"text-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return Document(name, text, tuple(gold))


def _holds(prompt: str, document: str) -> bool:
    start = " ".join(document[: 4 * LOOKED_FOR].split())[:LOOKED_FOR]
    return start in " ".join(prompt.split())
