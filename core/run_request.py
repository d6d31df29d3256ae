"""What a batch run is asked for: checked before anything slow is loaded."""

import hashlib

import pyarrow as pa

from core.datasets.base import Dataset, Document, Split
from core.errors import InputError, UnknownNameError
from core.models.catalogue import check_spec
from core.models.chat_stream import Asked, never
from core.systems import RunConfig, run_id
from core.toolbox import Toolbox, find_system

BATCH_SIZE = 8  # documents written side by side
LARGEST_BATCH = 256


def check_request(
    toolbox: Toolbox,
    config: RunConfig,
    limit: int | None,
    cancelled: Asked = never,
    batch_size: int = BATCH_SIZE,
) -> Dataset:
    """The dataset asked for. Raises before anything slow is loaded: UnknownNameError, InputError,
    DataError, ModelError, EndpointError; and Cancelled while a server is waited for."""
    if limit is not None and limit < 1:
        raise InputError(f"The limit is {limit}, but must be at least 1.", "Choose another limit.")
    if not 1 <= batch_size <= LARGEST_BATCH:
        raise InputError(
            f"The batch size is {batch_size}, but must be 1 to {LARGEST_BATCH}.",
            "1 writes one document at a time.",
        )
    dataset = toolbox.dataset(config.dataset)
    system = find_system(toolbox.settings, toolbox.store, config.system)
    config.check(len(dataset.labels))
    check_spec(system.model, toolbox.settings, cancelled)
    return dataset


def request_key(
    config: RunConfig, split: Split | None, limit: int | None, batch_size: int = BATCH_SIZE
) -> str:
    """Equal for equal requests: an unfinished job of the same key does the same work."""
    asked = {"split": split, "limit": limit, "batch_size": batch_size}
    return f"run:{run_id({**config.to_json(), **asked})}"


def documents_of(dataset: Dataset, split: Split | None, limit: int | None) -> list[Document]:
    """The first documents of a split in the order of their ids' hashes."""
    return [dataset.document_at(row) for _, row in _sampled(dataset, split, limit)]


def ids_of(dataset: Dataset, split: Split | None, limit: int | None) -> list[str]:
    """Of those documents."""
    return [document for document, _ in _sampled(dataset, split, limit)]


def _sampled(dataset: Dataset, split: Split | None, limit: int | None) -> list[tuple[str, int]]:
    """Ids with their rows."""
    rows = dataset.rows_of(split)
    ids = dataset.table["id"].take(pa.array(rows, pa.int64())).to_pylist()  # maybe none
    return sorted(zip(ids, rows, strict=True), key=lambda pair: sample_order(pair[0]))[:limit]


def sample_order(document_id: str) -> bytes:
    """A sort key that scatters ids evenly and never changes; independent of the split's hash."""
    return hashlib.sha256(b"order:" + document_id.encode()).digest()


def parse_split(name: str) -> Split | None:
    """The split of that name; "all" is None. Raises UnknownNameError."""
    if name == "all":
        return None
    try:
        return Split(name)
    except ValueError:
        raise UnknownNameError(
            f"There is no split named {name!r}.",
            f"Choose one of: {', '.join(Split)}, all.",
        ) from None
