"""The `wordnet` datasets: from the gloss of a synset to the synsets that it is related to.

A see-also task over a graph that lexicographers made (WordNet 3.0).

1. Labels: the 117,659 synsets. A name is the lemmas and the definition; the examples are the
   description. The id is the sense key of the first lemma, as in WordNet's index.sense
   ("dog%1:05:00::"): it does not move when an offset in a file does.
2. Documents: the gloss of a synset (definition and examples), without its lemmas.
3. Gold: the synsets that it points to by any relation (`wordnet`), or by any but hypernym,
   hyponym and their instance forms (`wordnet-other`). A synset without one is no document.
4. A synset's own label contains its gloss, so it is excluded: never retrieved for it.
5. Relations are partly symmetric. A gloss names no link and neither does a label's text, so no
   inverse link is in the input.

The same files come in two packages. Debian's corrects one hypernym and one gloss; the correction
is made here for the other, so that both give the same dataset.
"""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from core.datasets.base import Document, Label
from core.datasets.files import LABELS_FILE, About
from core.datasets.packages import (
    WORDNET_DEBIAN,
    WORDNET_NPM,
    Need,
    debian_members,
    fetched,
    reading,
)
from core.datasets.tables import document_table, label_table, write_tables
from core.errors import DataError

NEED: Need = (WORDNET_NPM, WORDNET_DEBIAN)

_FILES = {"n": "data.noun", "v": "data.verb", "a": "data.adj", "r": "data.adv"}
_NUMBER = {"n": 1, "v": 2, "a": 3, "r": 4, "s": 5}  # of a part of speech in a sense key
_HYPERNYMS = frozenset({"@", "@i"})
_TAXONOMY = _HYPERNYMS | {"~", "~i"}
_SIMILAR = "&"  # from a satellite adjective to the head of its cluster

# Debian's corrections: (synset, relation, wrong target, right target; None: no such pointer).
_INHIBIT, _RESTRAIN, _SUPPRESS = (
    "inhibit%2:41:00::", "restrain%2:41:01::", "suppress%2:31:00::",
)  # fmt: skip
_CORRECTIONS: tuple[tuple[str, str, str | None, str | None], ...] = (
    (_INHIBIT, "@", _RESTRAIN, _SUPPRESS),
    (_RESTRAIN, "~", _INHIBIT, None),
    (_SUPPRESS, "~", None, _INHIBIT),
)

_WHAT = (
    "A see-also task: each document is the gloss of one synset (its definition and examples, "
    "without its words), and its gold labels are the synsets that WordNet relates it to"
)
ABOUT = About(
    name="wordnet",
    title="WordNet glosses to related synsets",
    what=f"{_WHAT}. The synset itself is never retrieved.",
    kind="lexical graph",
    licence="WordNet 3.0 licence (Princeton University): free to use, copy and pass on, with its "
    "notice",
    source=f"WordNet 3.0 with Debian's corrections ({WORDNET_NPM} or {WORDNET_DEBIAN}: the same "
    "content)",
)
ABOUT_OTHER = replace(
    ABOUT,
    name="wordnet-other",
    title="WordNet glosses to related synsets, without hypernyms and hyponyms",
    what=f"{_WHAT}, other than its hypernyms and hyponyms. The synset itself is never retrieved.",
)

Address = tuple[str, str]  # part of speech and offset in its file


@dataclass(frozen=True, slots=True)
class _Synset:
    """One line of a data file. `kind`: n, v, a, r, or s for a satellite adjective."""

    kind: str
    lexicographer_file: int
    lemmas: tuple[str, ...]
    lex_id: int  # of the first lemma
    pointers: tuple[tuple[str, Address], ...]
    gloss: str


def build(folder: Path, packages: Path) -> None:
    """Writes `wordnet` to `folder` (about ten seconds).

    Raises DataError when the package is missing or damaged.
    """
    synsets, keys, relations = _graph(packages)
    labels = (_label(keys[at], synset, relations) for at, synset in synsets.items())
    documents = _documents(synsets, keys, relations, without=frozenset())
    about = replace(ABOUT, dropped=_without(synsets, documents))
    write_tables(folder, about, label_table(labels), document_table(documents))


def build_other(folder: Path, packages: Path) -> None:
    """Writes `wordnet-other` to `folder`; `wordnet` lies beside it and its labels are shared."""
    synsets, keys, relations = _graph(packages)
    documents = _documents(synsets, keys, relations, without=_TAXONOMY)
    about = replace(ABOUT_OTHER, dropped=_without(synsets, documents))
    labels = folder.parent / "wordnet" / LABELS_FILE
    write_tables(folder, about, labels, document_table(documents), "wordnet")


def _without(
    synsets: dict[Address, _Synset], documents: list[Document]
) -> tuple[tuple[str, int], ...]:
    return (("synsets without a related one", len(synsets) - len(documents)),)


def _graph(
    packages: Path,
) -> tuple[dict[Address, _Synset], dict[Address, str], dict[str, list[tuple[str, str]]]]:
    """Synsets and their sense keys by address, and (relation, key) by key."""
    package = fetched(packages, NEED) or NEED[0]
    with reading(packages, package) as path:
        synsets = dict(_synsets(path))
    keys = {address: _sense_key(synset, synsets) for address, synset in synsets.items()}
    relations = {
        keys[address]: [(symbol, keys[target]) for symbol, target in synset.pointers]
        for address, synset in synsets.items()
    }
    _correct(relations)
    return synsets, keys, relations


def _documents(
    synsets: dict[Address, _Synset],
    keys: dict[Address, str],
    relations: dict[str, list[tuple[str, str]]],
    *,
    without: frozenset[str],
) -> list[Document]:
    documents = []
    for address, synset in synsets.items():
        own = keys[address]
        gold = {target for symbol, target in relations[own] if symbol not in without} - {own}
        if gold:
            document = Document(own, synset.gloss, tuple(sorted(gold)), excluded=(own,))
            documents.append(document)
    return documents


def _label(key: str, synset: _Synset, relations: dict[str, list[tuple[str, str]]]) -> Label:
    definition, mark, examples = synset.gloss.partition('; "')
    lemmas = ", ".join(dict.fromkeys(synset.lemmas))
    parents = sorted({target for symbol, target in relations[key] if symbol in _HYPERNYMS})
    return Label(key, f"{lemmas}: {definition}", mark[2:] + examples, tuple(parents))


def _correct(relations: dict[str, list[tuple[str, str]]]) -> None:
    for key, symbol, wrong, right in _CORRECTIONS:
        pointers = relations.get(key, [])
        if wrong is not None and (symbol, wrong) in pointers:
            pointers.remove((symbol, wrong))
        if right is not None and right in relations and (symbol, right) not in pointers:
            pointers.append((symbol, right))


def _sense_key(synset: _Synset, synsets: dict[Address, _Synset]) -> str:
    """lemma%part:file:id:head:head id, as the manual page senseidx(5WN) defines it."""
    head = ""
    head_id = ""
    if synset.kind == "s":
        for symbol, target in synset.pointers:
            if symbol == _SIMILAR:
                head = _in_key(synsets[target].lemmas[0])
                head_id = f"{synsets[target].lex_id:02}"
                break
    number = _NUMBER[synset.kind]
    lemma = _in_key(synset.lemmas[0])
    return f"{lemma}%{number}:{synset.lexicographer_file:02}:{synset.lex_id:02}:{head}:{head_id}"


def _in_key(lemma: str) -> str:
    return lemma.replace(" ", "_").lower()


def _synsets(path: Path) -> Iterator[tuple[Address, _Synset]]:
    """Every synset of the four data files, in their order."""
    for part, name in _FILES.items():
        for number, line in enumerate(_lines(path, name), start=1):
            if line.startswith("  "):  # the licence, at the top of each file
                continue
            try:
                yield (part, line[:8]), _synset(line)
            except (ValueError, IndexError, KeyError) as error:
                raise DataError(
                    f"Line {number} of {name} in {path.name} is no synset.",
                    f"Delete {path} and fetch the dataset again.",
                ) from error


def _synset(line: str) -> _Synset:
    """A line as the manual page wndb(5WN) defines it."""
    data, _, gloss = line.partition("|")
    fields = data.split()
    words = int(fields[3], 16)
    at = 4 + 2 * words
    pointers = range(at + 1, at + 1 + 4 * int(fields[at]), 4)
    return _Synset(
        kind=fields[2],
        lexicographer_file=int(fields[1]),
        lemmas=tuple(_lemma(fields[4 + 2 * word]) for word in range(words)),
        lex_id=int(fields[5], 16),
        pointers=tuple((fields[p], (fields[p + 2], fields[p + 1])) for p in pointers),
        gloss=" ".join(gloss.replace(':"', ': "').split()),
    )


def _lemma(word: str) -> str:
    """A word as people write it: "hot_dog" has a space, "galore(ip)" loses its marker."""
    for marker in ("(a)", "(p)", "(ip)"):
        word = word.removesuffix(marker)
    return word.replace("_", " ")


def _lines(path: Path, name: str) -> Iterator[str]:
    """The lines of a data file, from a Debian package or an archive that holds WordNet's own."""
    if path.suffix == ".deb":
        with debian_members(path) as archive:
            yield from _text(archive, name)
        return
    with tarfile.open(path) as outer:
        inner = _member(outer, "WNdb-3.0.tar.gz").read()
    with tarfile.open(fileobj=io.BytesIO(inner)) as archive:
        yield from _text(archive, name)


def _text(archive: tarfile.TarFile, name: str) -> Iterator[str]:
    yield from io.TextIOWrapper(_member(archive, name), encoding="ascii")


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """A file of an archive, in whichever folder. Raises KeyError."""
    for member in archive:
        if member.isfile() and Path(member.name).name == name:
            file = archive.extractfile(member)
            if file is not None:
                return file
    raise KeyError(name)
