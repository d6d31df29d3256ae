"""Full-text search: what the user typed, as a query that is always valid, and what it found.

Words are letters and digits of any script; everything else separates them. Each word matches the
start of a word; "words in quotes" match whole, in that order. All must be found. Case and accents
of Latin letters do not count. FTS5 (SQLite) and tsvector (PostgreSQL) are asked for the same thing,
and the marks in a snippet are placed here, so both databases show the same. PostgreSQL has the
first 100,000 characters of each text in its index, SQLite all.
"""

import re
import unicodedata
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, column, func, select, table
from sqlalchemy.orm import Session

from db.models import TraceRow

MARK_START, MARK_END = "\ue000", "\ue001"  # private use: no text of ours contains them
SNIPPET_CHARS = 160
SEARCHED_FIRST = 20_000  # characters in which a snippet is looked for before the whole text
FEW = 1_000  # matches that PostgreSQL is given one by one
MAX_WORDS = 16  # more words than this narrow nothing down, and cost time
_ACCENTS = ("\u0300", "\u036f")  # the first and the last

TRACE_SEARCH = table("trace_search", column("rowid"), column("trace_seq"), column("words"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Words, as typed, that must stand in this order; `whole`: the last one must not go on."""

    words: tuple[str, ...]
    whole: bool


def wanted_from(typed: str) -> tuple[Wanted, ...]:
    """What a person's search asks for; () where it holds no word at all."""
    found: list[Wanted] = []
    composed = unicodedata.normalize("NFC", typed)
    for quoted, plain in re.findall(r'"([^"]*)"|([^\s"]+)', composed):
        words = tuple(re.findall(r"[^\W_]+", quoted or plain))
        if words:
            found.append(Wanted(words, bool(quoted)))
    return tuple(found[:MAX_WORDS])


def fold(text: str) -> str:
    """`text` as the index of FTS5 has it: in lower case, and Latin letters without their accents.
    Character for character, so offsets stay right."""
    return text.lower() if text.isascii() else text.translate(_FOLDED)


class _Folded(dict[int, str]):
    """What each character becomes, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        return self.setdefault(code, _fold_character(chr(code)))


_FOLDED = _Folded()


def _fold_character(character: str) -> str:
    """Other letters keep their marks: without them a syllable of Hangul is one of its parts, a kana
    another one, and "й" another letter, none of which the index has."""
    parts = unicodedata.normalize("NFD", character)
    accents = all(_ACCENTS[0] <= mark <= _ACCENTS[1] for mark in parts[1:])
    if len(parts) > 1 and accents and parts[0].isascii():
        return parts[0].lower()
    plain = character.casefold()  # and "ς" is "σ"
    plain = plain if len(plain) == 1 else character.lower()
    return plain if len(plain) == 1 else character


def _decomposed(word: str) -> str:
    """A word as the index of PostgreSQL has it (phaselens_words in the migrations)."""
    parts = unicodedata.normalize("NFKD", word.lower())
    return "".join(part for part in parts if not _ACCENTS[0] <= part <= _ACCENTS[1])


def matching(wanted: tuple[Wanted, ...], dialect: str) -> Select[tuple[int]]:
    """Selects the `seq` of every trace that has all of `wanted`, by the index."""
    if dialect == "sqlite":
        condition = column("trace_search").op("MATCH")(_fts5(wanted))
        return select(TRACE_SEARCH.c.rowid).where(condition)
    return select(TRACE_SEARCH.c.trace_seq).where(_tsquery(wanted))


def matches(
    session: Session, wanted: tuple[Wanted, ...], *, for_count: bool
) -> ColumnElement[bool]:
    """The condition that a trace has all of `wanted`, for a count or for the first of a list.

    SQLite walks both the same way. PostgreSQL cannot tell a rare word from a common one ("ab:*"
    is always thought to be in 2% of all texts), and either plan is slow for the other kind. So it
    is asked first: few matches are named one by one; of many, a list looks at its own rows in
    order until it is full, and a count goes by the index.
    """
    dialect = session.get_bind().dialect.name
    every = matching(wanted, dialect)
    if dialect == "sqlite":
        return TraceRow.seq.in_(every)
    some = session.execute(every.limit(FEW + 1)).scalars().all()
    if len(some) <= FEW:
        return TraceRow.seq.in_(some)
    if for_count:
        return TraceRow.seq.in_(every)
    found: ColumnElement[bool] = (
        select(_tsquery(wanted))
        .where(TRACE_SEARCH.c.trace_seq == TraceRow.seq)
        .correlate(TraceRow)
        .scalar_subquery()
    )
    return found


def count_matches(session: Session, wanted: tuple[Wanted, ...]) -> int:
    """How many traces have all of `wanted`."""
    every = matching(wanted, session.get_bind().dialect.name).subquery()
    return session.execute(select(func.count()).select_from(every)).scalar_one()


def _fts5(wanted: tuple[Wanted, ...]) -> str:
    """Each part in quotes, where FTS5 knows no operators; `*` after it means "starts with"."""
    return " AND ".join(f'"{fold(" ".join(w.words))}"{"" if w.whole else "*"}' for w in wanted)


def _tsquery(wanted: tuple[Wanted, ...]) -> ColumnElement[bool]:
    parts = [
        " <-> ".join(f"'{_decomposed(word)}'" for word in w.words) + ("" if w.whole else ":*")
        for w in wanted
    ]
    query = func.to_tsquery("simple", " & ".join(parts))
    condition: ColumnElement[bool] = TRACE_SEARCH.c.words.op("@@")(query)
    return condition


def snippet(texts: tuple[str, ...], wanted: tuple[Wanted, ...]) -> str:
    """A stretch of the first text that has any of `wanted`, the found words between marks.

    The text is as written by a model or a stranger: escape it before it is shown as HTML.
    """
    pattern = re.compile("|".join(_pattern(w) for w in wanted))
    for text in texts:
        at = _first(text, pattern)
        if at is not None:
            text = text.replace(MARK_START, "\ufffd").replace(MARK_END, "\ufffd")
            return _cut(text, at, pattern)
    return texts[0][:SNIPPET_CHARS] if texts else ""


def _first(text: str, pattern: re.Pattern[str]) -> int | None:
    """Where a text first has what is looked for. Most have it near their start."""
    found = pattern.search(fold(text[:SEARCHED_FIRST]))
    if found is None or found.end() == SEARCHED_FIRST:  # there a word may be cut
        found = pattern.search(fold(text)) if len(text) > SEARCHED_FIRST else found
    return None if found is None else found.start()


def _pattern(wanted: Wanted) -> str:
    inside = r"[\W_]+".join(re.escape(fold(word)) for word in wanted.words)
    return rf"(?<![^\W_]){inside}" + (r"(?![^\W_])" if wanted.whole else r"[^\W_]*")


def _cut(text: str, at: int, pattern: re.Pattern[str]) -> str:
    start = max(0, at - SNIPPET_CHARS // 3)
    if start:  # begin at a word
        space = text.find(" ", start, at)
        start = space + 1 if space >= 0 else start
    end = min(len(text), start + SNIPPET_CHARS)
    part = text[start:end]
    out, last = [], 0
    for found in pattern.finditer(fold(part)):
        out += [part[last : found.start()], MARK_START, part[found.start() : found.end()], MARK_END]
        last = found.end()
    marked = "".join(out) + part[last:]
    return ("… " if start else "") + " ".join(marked.split()) + (" …" if end < len(text) else "")
