"""Which datasets there are; listing, opening, summing up and searching them."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.config import Settings
from core.datasets.base import Dataset, DatasetInfo, Split
from core.datasets.builtin import BUILTIN
from core.datasets.files import INFO_FILE, read_dataset, read_info
from core.datasets.getting import build, bytes_to_fetch, is_ready
from core.errors import DataError, UnknownNameError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

TRAIN = (Split.TRAIN_TEACHER, Split.TRAIN_STUDENT)
HEAD_FROM = 10  # training documents that make a label part of the head
TORSO_FROM = 3


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """Counts of a dataset.

    `head_torso_tail` counts labels by how many training documents have them as gold:
    head 10 or more, torso 3-9, tail 1-2, and "unseen" none.
    """

    documents_by_split: dict[str, int]
    mean_gold: float
    median_gold: float
    head_torso_tail: dict[str, int]
    documents_by_gold: dict[int, int]  # number of gold labels -> documents


@dataclass(frozen=True, slots=True)
class Listed:
    """A dataset in a list, ready or not; nothing of it was opened.

    `ready`: it can be opened; one that is not needs `get_dataset` first. Counts of one that is
    not built are those of its pinned packages. `download_bytes`: what is still to be fetched.
    `problem`: why a folder that is there cannot be used.
    """

    name: str
    title: str
    kind: str
    licence: str
    labels: int | None
    documents: int | None
    ready: bool
    builtin: bool
    download_bytes: int = 0
    problem: str = ""

    @property
    def state(self) -> str:
        """In a few words."""
        if self.problem:
            return "damaged"
        if self.ready:
            return "ready"
        if self.download_bytes:
            return f"to fetch, {self.download_bytes / 1e6:.0f} MB"
        return "to build"


def names(settings: Settings | None = None) -> list[str]:
    """Names of the datasets that can be opened: the built-in ones that need no fetching; with
    settings, also those that were fetched or added to the home folder.

    Built-in ones first, in their own order, then the others by name.
    """
    found = {name for name, builtin in BUILTIN.items() if builtin.builds_itself}
    if settings is not None and settings.datasets_dir.is_dir():
        found |= {path.parent.name for path in settings.datasets_dir.glob(f"*/{INFO_FILE}")}
    others = sorted(name for name in found - BUILTIN.keys() if _NAME.fullmatch(name))
    return [*(name for name in BUILTIN if name in found), *others]


def listing(settings: Settings) -> list[Listed]:
    """All datasets, also those that are not fetched yet; builds and fetches nothing.

    Built-in ones first, in their own order, then the others by name.
    """
    others = [name for name in names(settings) if name not in BUILTIN]
    return [_listed(settings, name) for name in (*BUILTIN, *others)]


def _listed(settings: Settings, name: str) -> Listed:
    if is_ready(settings, name):
        try:
            info = read_info(settings.datasets_dir / name)
        except DataError as error:
            return Listed(name, name, "", "", None, None, False, name in BUILTIN, 0, error.what)
        return Listed(
            name, info.title, info.kind, info.licence, info.labels, info.documents, True,
            name in BUILTIN,
        )  # fmt: skip
    builtin = BUILTIN[name]
    about = builtin.about
    return Listed(
        name, about.title, about.kind, about.licence, builtin.labels, builtin.documents,
        builtin.builds_itself, True, bytes_to_fetch(settings, name),
    )  # fmt: skip


def open_dataset(settings: Settings, name: str) -> Dataset:
    """Opens a dataset, memory-mapped; never fetches. One that needs no fetching is built at its
    first use.

    Raises UnknownNameError, and DataError when it is not fetched, its package is missing or a
    file is damaged.
    """
    return read_dataset(_ready_folder(settings, name))


def dataset_info(settings: Settings, name: str) -> DatasetInfo:
    """As `open_dataset`, but reads dataset.json only."""
    return read_info(_ready_folder(settings, name))


def sharing(settings: Settings, index: str) -> list[str]:
    """Names of the ready datasets that one label index serves (`DatasetInfo.index_name`)."""
    found = []
    for name in names(settings):
        if is_ready(settings, name):
            try:
                info = read_info(settings.datasets_dir / name)
            except DataError:
                continue  # damaged: its own card says so, and it has no index to speak of
            if info.index_name == index:
                found.append(name)
    return found


def _ready_folder(settings: Settings, name: str) -> Path:
    folder = settings.datasets_dir / name
    if name not in names(settings):
        if name in BUILTIN:
            size = bytes_to_fetch(settings, name) / 1e6
            raise DataError(
                f"The dataset {name} is not here yet ({size:.0f} MB to fetch).",
                f"Run `phaselens data get {name}`, or fetch it on the Data page.",
            )
        raise UnknownNameError(
            f"There is no dataset {name!r}.", f"There are: {', '.join(names(settings))}."
        )
    if is_ready(settings, name):
        return folder
    try:
        build(settings, name)
    except OSError as error:
        raise DataError(
            f"The dataset {name} cannot be written to {folder} ({error}).",
            "Check that the disk has room and the folder can be written, or set PHASELENS_HOME.",
        ) from error
    return folder


def label_frequencies(dataset: Dataset) -> dict[str, int]:
    """Label id -> training documents (both train splits) that have it as gold.

    Labels that are unseen, and gold ids that are no label of the dataset, are left out.
    """
    train = pc.is_in(dataset.table["split"], pa.array([str(split) for split in TRAIN]))
    gold = dataset.table["gold"].filter(train)
    counts = pc.value_counts(pc.list_flatten(gold))
    # Looks every label up among the few that were met: no table of all labels is made.
    at = pc.index_in(dataset.labels.table["id"], value_set=counts.field("values")).drop_null()
    counts = counts.take(at.combine_chunks())
    return dict(
        zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    )


def summary(dataset: Dataset) -> DatasetSummary:
    """Counts for the Data page and `data info` (milliseconds)."""
    sizes = pc.list_value_length(dataset.table["gold"]).to_numpy()
    splits = {one["values"]: one["counts"] for one in
              pc.value_counts(dataset.table["split"]).to_pylist()}  # fmt: skip
    seen = np.fromiter(label_frequencies(dataset).values(), dtype=np.int64)
    head, torso = int((seen >= HEAD_FROM).sum()), int((seen >= TORSO_FROM).sum())
    values, counts = np.unique(sizes, return_counts=True)
    return DatasetSummary(
        documents_by_split={str(split): splits.get(str(split), 0) for split in Split},
        mean_gold=float(sizes.mean()) if len(sizes) else 0.0,
        median_gold=float(np.median(sizes)) if len(sizes) else 0.0,
        head_torso_tail={
            "head": head,
            "torso": torso - head,
            "tail": len(seen) - torso,
            "unseen": len(dataset.labels) - len(seen),
        },
        documents_by_gold={int(v): int(c) for v, c in zip(values, counts, strict=True)},
    )


def search_documents(
    dataset: Dataset, query: str, split: Split | None = None, limit: int = 50
) -> list[int]:
    """Rows whose id starts with the query or whose text has all its words, case ignored.

    Ids first, then file order; at most `limit`. An empty query gives the first rows. A dot in
    the query is ignored for ids, as people write ICD codes with one and the files without.
    """
    query = query.strip()
    ids, texts = dataset.table["id"], dataset.table["text"]
    wanted = [query, query.replace(".", "")]
    by_id = pc.starts_with(ids, wanted[0], ignore_case=True)
    by_id = pc.or_(by_id, pc.starts_with(ids, wanted[1], ignore_case=True))
    by_text = pa.chunked_array([pa.array(np.ones(len(dataset), dtype=bool))])
    for word in query.split():
        by_text = pc.and_(by_text, pc.match_substring(texts, word, ignore_case=True))
    allowed = np.ones(len(dataset), dtype=bool)
    if split is not None:
        allowed = np.asarray(pc.equal(dataset.table["split"], str(split)))
    ids_hit = np.asarray(by_id) & allowed
    text_hit = np.asarray(by_text) & allowed & ~ids_hit
    return [int(row) for row in (*np.flatnonzero(ids_hit), *np.flatnonzero(text_hit))][:limit]
