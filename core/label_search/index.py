"""What search-as-you-type reads: which labels have a word, and the labels by name and by id.

1. Labels get places: the one with the shortest name is at place 0. A list in the order of places is
   in the order in which labels are shown.
2. All words of all names are sorted. Each word has the places of its labels, one word after the
   other: the labels of all words that start alike are one slice.
3. The places sorted by name and the rows sorted by id find names and ids that start alike, by
   binary search; the names themselves are read from the dataset.

The files lie beside the label index, with a manifest that names the labels they were made from. A
folder that is missing, was made from other labels or is damaged is made anew (seconds).
"""

import json
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock

from core.atomic import new_folder
from core.config import Settings
from core.datasets.base import Dataset, LabelSpace
from core.errors import StoreError
from core.label_search.words import id_key, id_tail, words_to_find

FOLDER = "label-search"
MANIFEST = "label-search.json"
FORMAT = 1
_ROWS_AT_ONCE = 8_192
_WORDS_FILE = "words.arrow"
_ARRAYS = ("row_at", "by_name", "places", "starts", "by_id", "id_length")

Ints = npt.NDArray[np.int32]
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """Read-only arrays, in memory or memory-mapped; any number of threads may read them.

    `row_at` `(labels,)`: the row of a place. `by_name` `(labels,)`: places, sorted by the name's
    key. `words`: all words, sorted; `starts` `(words + 1,)` and `places`: the labels of word w are
    `places[starts[w]:starts[w + 1]]`, ascending. `by_id` `(ids,)`: rows sorted by the id's key, or,
    as ~row, by its key without namespace; `id_length` `(ids,)`: the lengths of those keys.
    """

    words: pa.Array
    row_at: Ints
    by_name: Ints
    places: Ints
    starts: npt.NDArray[np.int64]
    by_id: Ints
    id_length: npt.NDArray[np.uint16]


def quiet(done: int, total: int) -> None:
    """Reports nothing."""


def search_folder(settings: Settings, dataset: Dataset) -> Path:
    return settings.indexes_dir / dataset.info.index_name / FOLDER


def is_made(settings: Settings, dataset: Dataset) -> bool:
    """Whether the files for a dataset's labels are there; looks at sizes, reads no array."""
    return _intact(search_folder(settings, dataset), _about(dataset.labels))


def open_index(settings: Settings, dataset: Dataset, report: Report = quiet) -> SearchIndex:
    """The index of a dataset's labels, memory-mapped; made first where there is none.

    Of several processes one makes it, and the others wait. Raises StoreError when it cannot be
    written.
    """
    folder, about = search_folder(settings, dataset), _about(dataset.labels)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not _intact(folder, about):
                _write(folder, build_index(dataset.labels, report), about)
            return _load(folder)
    except OSError as error:
        raise StoreError(
            f"The search over labels cannot be kept in {folder} ({error.strerror or error}).",
            "Make room on the disk, or mend the folder's rights, and try again.",
        ) from error


def build_index(labels: LabelSpace, report: Report = quiet) -> SearchIndex:
    """Makes the index in memory. `report(done, total)` counts labels.

    The labels are read in batches; kept are four bytes for each word of each name, the sorted
    names (Arrow, as large as they are) and the words.
    """
    number: dict[str, int] = {}
    word_of, words_in, keys = array("i"), array("i"), []
    for start in range(0, len(labels), _ROWS_AT_ONCE):
        report(start, len(labels))
        batch = labels.table["name"].slice(start, _ROWS_AT_ONCE)
        found = [words_to_find(name) for name in batch.to_pylist()]
        for _, words in found:
            distinct = set(words)
            words_in.append(len(distinct))
            word_of.extend(number.setdefault(word, len(number)) for word in distinct)
        keys.append(pa.array([key for key, _ in found], pa.large_string()))
    report(len(labels), len(labels))
    row_at, by_name = _orders(pa.chunked_array(keys, pa.large_string()))
    place_of = np.empty(len(labels), np.int32)
    place_of[row_at] = np.arange(len(labels), dtype=np.int32)
    words, starts, places = _postings(number, word_of, words_in, place_of)
    by_id, id_length = _ids(labels)
    return SearchIndex(
        words=words,
        row_at=row_at,
        by_name=place_of[by_name],
        places=places,
        starts=starts,
        by_id=by_id,
        id_length=id_length,
    )


def _orders(keys: pa.ChunkedArray) -> tuple[Ints, Ints]:
    """Rows from the shortest key to the longest (then by key, then by row), and rows by key."""
    by_key = pc.sort_indices(keys).to_numpy().astype(np.int32)  # stable
    lengths = pc.utf8_length(keys).to_numpy()
    shortest = by_key[np.argsort(lengths[by_key], kind="stable")]
    return shortest, by_key


def _postings(
    number: dict[str, int], word_of: "array[int]", words_in: "array[int]", place_of: Ints
) -> tuple[pa.Array, npt.NDArray[np.int64], Ints]:
    ordered = sorted(number)
    rank = np.empty(len(number), np.int32)
    rank[[number[word] for word in ordered]] = np.arange(len(number), dtype=np.int32)
    places = np.repeat(place_of, np.frombuffer(words_in, np.int32) if words_in else 0)
    ranks = rank[np.frombuffer(word_of, np.int32)] if word_of else np.empty(0, np.int32)
    starts = np.zeros(len(ordered) + 1, np.int64)
    np.cumsum(np.bincount(ranks, minlength=len(ordered)), out=starts[1:])
    return pa.array(ordered, pa.large_string()), starts, places[np.lexsort((places, ranks))]


def _ids(labels: LabelSpace) -> tuple[Ints, npt.NDArray[np.uint16]]:
    keys, tails, rows = [], [], array("i")
    at = count()
    for start in range(0, len(labels), _ROWS_AT_ONCE):
        batch = labels.table["id"].slice(start, _ROWS_AT_ONCE).to_pylist()
        keys.append(pa.array([id_key(one) for one in batch], pa.large_string()))
        some = [(tail, row) for one in batch for row in [next(at)] if (tail := id_tail(one))]
        tails.append(pa.array([tail for tail, _ in some], pa.large_string()))
        rows.extend(~row for _, row in some)
    every = pa.chunked_array([*keys, *tails], pa.large_string())
    own = np.arange(len(labels), dtype=np.int32)
    both = np.concatenate([own, np.frombuffer(rows, np.int32)]) if rows else own
    order = pc.sort_indices(every).to_numpy()
    lengths = np.minimum(pc.utf8_length(every).to_numpy(), np.iinfo(np.uint16).max)
    return both[order], lengths[order].astype(np.uint16)


def _about(labels: LabelSpace) -> dict[str, Any]:
    """What a folder must say of itself to be believed."""
    return {"format": FORMAT, "labels": len(labels), "fingerprint": labels.fingerprint}


def _intact(folder: Path, about: dict[str, Any]) -> bool:
    try:
        said = json.loads((folder / MANIFEST).read_text("utf-8"))
        written = said.pop("bytes")
        sizes = {name: (folder / name).stat().st_size for name in written}
    except (FileNotFoundError, ValueError, KeyError, AttributeError, TypeError):
        return False
    return bool(said == about and sizes == written)


def _write(folder: Path, index: SearchIndex, about: dict[str, Any]) -> None:
    with new_folder(folder) as temporary:
        for name in _ARRAYS:
            np.save(temporary / f"{name}.npy", getattr(index, name))
        table = pa.table({"word": index.words})
        with (
            pa.OSFile(str(temporary / _WORDS_FILE), "wb") as sink,
            pa.ipc.new_file(sink, table.schema) as writer,
        ):
            writer.write_table(table)
        sizes = {file.name: file.stat().st_size for file in sorted(temporary.iterdir())}
        (temporary / MANIFEST).write_text(json.dumps({**about, "bytes": sizes}), "utf-8")


def _load(folder: Path) -> SearchIndex:
    arrays: dict[str, Any] = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS
    }
    with pa.memory_map(str(folder / _WORDS_FILE)) as source:
        words = pa.ipc.open_file(source).read_all()["word"].combine_chunks()
    return SearchIndex(words=words, **arrays)
