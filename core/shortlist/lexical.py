"""Finding labels by their words: BM25 over names and descriptions, by bm25s.

1. Text becomes words: accents folded, lower case, split at everything that is no letter or digit
   (so "Aspirin/adverse effects" is three words); a number keeps its point, and so does a code
   ("E11.9"); English stop words go, and endings are cut by the Snowball stemmer.
2. bm25s scores every word of every label once; what it gives is kept by columns, one a word.
3. A query adds the columns of its words. Only labels that share a word are ever found; of equal
   scores the lower row comes first, so that a list is the same on every machine.

The files lie beside the label index, with a manifest that names the labels and the settings they
were made from. They are made in seconds, so a folder that does not match is made anew.
"""

import hashlib
import json
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from core.atomic import new_folder
from core.config import Settings
from core.datasets.base import Dataset, LabelSpace
from core.errors import StoreError

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

FOLDER = "lexical"
MANIFEST = "lexical.json"
FORMAT = 1
_WORD = re.compile(r"[^\W_]+(?:\.[0-9]+)*")
_POSSESSIVE = re.compile(r"'s\b")
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Words:
    """How text becomes words, and BM25's three constants (Robertson and Zaragoza, 2009).

    `k1`: how soon a word that a label repeats stops counting; `b` in [0, 1]: how much long labels
    are held back; `k3`: how soon a word that the query repeats stops counting (0: at once).
    Labels are short, so what counts is how much of a label the text covers: a large k1 with b = 1
    says that. docs/shortlisting.md has what was measured on dev.
    """

    stem: bool = True
    stop: bool = True
    k1: float = 6.0
    b: float = 1.0
    k3: float = 1.0

    @property
    def identity(self) -> str:
        """Equal for equal settings; part of a run's identity."""
        parts = ",".join(f"{name}={value}" for name, value in asdict(self).items())
        return f"bm25/{FORMAT}:{parts}"


WORDS = Words()


class Tokenizer:
    """Text to words, as `Words` says."""

    def __init__(self, words: Words) -> None:
        import Stemmer
        from bm25s.stopwords import STOPWORDS_EN

        self._stem = Stemmer.Stemmer("english") if words.stem else None
        self._stop = frozenset(STOPWORDS_EN) if words.stop else frozenset()

    def words(self, text: str) -> list[str]:
        """The words of a text in their order, stop words left out."""
        found = [word for word in _WORD.findall(folded(text)) if word not in self._stop]
        return list(self._stem.stemWords(found)) if self._stem else found


def folded(text: str) -> str:
    """Lower case without accents and possessive endings: "Ménière's" becomes "meniere"."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(mark for mark in parts if not unicodedata.combining(mark))
        text = text.replace("\u2019", "'")
    return _POSSESSIVE.sub("", text.casefold()).replace("'", "")


class LexicalIndex:
    """BM25 over the labels of a dataset. Safe to search from several threads."""

    def __init__(self, scores: Any, vocabulary: dict[str, int], words: Words) -> None:
        self._data: Scores = scores["data"]
        self._rows: npt.NDArray[np.int32] = scores["indices"]
        self._starts = np.asarray(scores["indptr"])
        self._labels = int(scores["num_docs"])
        self._vocabulary = vocabulary
        self._tokenizer = Tokenizer(words)
        self.words = words

    def __len__(self) -> int:
        return self._labels

    @property
    def identity(self) -> str:
        return self.words.identity

    @classmethod
    def open(cls, settings: Settings, dataset: Dataset, words: Words = WORDS) -> "LexicalIndex":
        """The index of a dataset's labels, memory-mapped; made first where it is missing, was made
        from other labels, or is damaged (seconds). Raises StoreError when it cannot be written."""
        folder = lexical_folder(settings, dataset)
        expected = _about(dataset.labels, words)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_suffix(".lock")):
                if not _intact(folder, expected):
                    _write(folder, cls.build(dataset.labels, words), expected)
                return cls._load(folder, words)
        except OSError as error:
            raise StoreError(
                f"The word index cannot be kept in {folder} ({error.strerror or error}).",
                "Make room on the disk, or mend the folder's rights, and try again.",
            ) from error

    @classmethod
    def build(cls, labels: LabelSpace, words: Words = WORDS) -> "LexicalIndex":
        """Makes the index in memory."""
        import bm25s

        tokenizer = Tokenizer(words)
        vocabulary: dict[str, int] = {}
        ids = [
            [vocabulary.setdefault(word, len(vocabulary)) for word in tokenizer.words(text)]
            for text in texts_of(labels)
        ]
        if not vocabulary:  # bm25s wants at least one word
            nothing = {"data": np.empty(0, "f4"), "indices": np.empty(0, "i4"), "indptr": [0]}
            return cls({**nothing, "num_docs": len(ids)}, {}, words)
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG
        bm25 = bm25s.BM25(k1=words.k1, b=words.b, method="lucene")
        bm25.index((ids, vocabulary), create_empty_token=False, show_progress=False)
        return cls(bm25.scores, vocabulary, words)

    @classmethod
    def _load(cls, folder: Path, words: Words) -> "LexicalIndex":
        arrays: dict[str, Any] = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ("data", "indices", "indptr")
        }
        arrays["num_docs"] = json.loads((folder / MANIFEST).read_text("utf-8"))["labels"]
        text = (folder / "vocabulary.txt").read_text("utf-8")
        return cls(arrays, {word: at for at, word in enumerate(text.split())}, words)

    def search_rows(self, text: str, k: int, without: Rows | None = None) -> tuple[Rows, Scores]:
        """The best k rows and their BM25 scores (> 0, higher = better), best first.

        Fewer than k when fewer labels share a word with the text. `without`: rows never given.
        """
        rows, scores = self.scored(text)
        if without is not None and len(without):
            keep = ~np.isin(rows, without)
            rows, scores = rows[keep], scores[keep]
        if len(rows) > k:
            least = np.partition(scores, len(scores) - k)[len(scores) - k]
            keep = scores >= least
            rows, scores = rows[keep], scores[keep]
        order = np.lexsort((rows, -scores))[:k]
        return rows[order], scores[order]

    def scored(self, text: str) -> tuple[Rows, Scores]:
        """All rows that share a word with the text, in row order, and their scores."""
        columns = self._columns(text)
        if not columns:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        total = np.zeros(self._labels, np.float32)
        k3 = self.words.k3
        for column, times in columns:
            at = slice(self._starts[column], self._starts[column + 1])
            weight = np.float32((k3 + 1) * times / (k3 + times))
            total[self._rows[at]] += self._data[at] * weight  # a row comes once a column
        rows = np.flatnonzero(total)
        return rows, total[rows]

    def ranks(self, text: str, rows: Sequence[int], without: Rows | None = None) -> list[int]:
        """The rank of each row from 1, in the order of `search_rows`. All labels that share no
        word with the text are last: their rank is the number of labels."""
        found, scores = self.scored(text)
        if without is not None and len(without):
            keep = ~np.isin(found, without)
            found, scores = found[keep], scores[keep]
        at = np.searchsorted(found, np.asarray(rows, np.int64))
        return [
            _rank(found, scores, int(place), row) or self._labels
            for place, row in zip(at, rows, strict=True)
        ]

    def _columns(self, text: str) -> list[tuple[int, int]]:
        """(column, how often it counts) of the known words of a text."""
        counts = Counter(self._tokenizer.words(text))
        known = [(self._vocabulary[w], n) for w, n in counts.items() if w in self._vocabulary]
        return sorted(known)


def _rank(found: Rows, scores: Scores, place: int, row: int) -> int | None:
    if place == len(found) or found[place] != row:
        return None
    better = np.count_nonzero(scores > scores[place])
    return int(better + np.count_nonzero(scores[:place] == scores[place])) + 1


def texts_of(labels: LabelSpace) -> Iterator[str]:
    """What words are taken from: each label's name, and its description where it has one."""
    for batch in labels.table.select(["name", "description"]).to_batches(_ROWS_AT_ONCE):
        names, descriptions = (column.to_pylist() for column in batch.columns)
        for name, description in zip(names, descriptions, strict=True):
            yield f"{name} {description}" if description else name


def lexical_folder(settings: Settings, dataset: Dataset) -> Path:
    return settings.indexes_dir / dataset.info.index_name / FOLDER


def _about(labels: LabelSpace, words: Words) -> dict[str, Any]:
    """What a folder must say of itself to be believed."""
    import bm25s

    return {
        "format": FORMAT,
        "labels": len(labels),
        "texts": _fingerprint(labels.table.column("name"), labels.table.column("description")),
        "words": words.identity,
        "bm25s": bm25s.__version__,
    }


def _fingerprint(*columns: Iterable[Any]) -> str:
    """SHA-256 over text columns as they lie in memory; unlike that of the label space, it covers
    the descriptions."""
    digest = hashlib.sha256()
    for column in columns:
        for chunk in column.chunks:  # type: ignore[attr-defined]  # pyarrow has no types
            for buffer in chunk.buffers():
                if buffer is not None:
                    digest.update(buffer)
    return digest.hexdigest()


def _intact(folder: Path, expected: dict[str, Any]) -> bool:
    """Whether a folder holds the whole index that is expected."""
    try:
        said = json.loads((folder / MANIFEST).read_text("utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in said.pop("bytes")}
        written = json.loads((folder / MANIFEST).read_text("utf-8"))["bytes"]
    except (FileNotFoundError, ValueError, KeyError, AttributeError, TypeError):
        return False
    return bool(said == expected and sizes == written)


def _write(folder: Path, index: LexicalIndex, about: dict[str, Any]) -> None:
    with new_folder(folder) as temporary:
        np.save(temporary / "data.npy", index._data)
        np.save(temporary / "indices.npy", index._rows)
        np.save(temporary / "indptr.npy", index._starts)
        words = sorted(index._vocabulary, key=index._vocabulary.__getitem__)
        (temporary / "vocabulary.txt").write_text("\n".join(words), "utf-8")
        sizes = {file.name: file.stat().st_size for file in sorted(temporary.iterdir())}
        (temporary / MANIFEST).write_text(json.dumps({**about, "bytes": sizes}), "utf-8")
