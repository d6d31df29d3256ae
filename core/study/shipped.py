"""The results that ship with the project: which of them are not in the store yet, and bringing
them there. A dataset's part waits until the dataset is there."""

from collections.abc import Callable, Sequence
from pathlib import Path

from core.config import Settings
from core.datasets.base import Split
from core.datasets.getting import is_ready
from core.errors import UnknownNameError
from core.study import pack
from core.study.pack import CELLS
from core.study.pack_loading import load_pack, not_loaded
from core.study.pack_parts import dataset_of, parts_of
from db.session import Store

SPLITS = (Split.TEST,)

Report = Callable[[str, int, int], None]


def shipped_packs() -> list[Path]:
    """Their folders, by name; one that is being written has a name that begins with a dot."""
    return sorted(folder.parent for folder in pack.SHIPPED.glob(f"[!.]*/{CELLS}"))


def shipped_pack(study: str) -> Path:
    """Raises UnknownNameError."""
    found = {folder.name: folder for folder in shipped_packs()}
    if study not in found:
        raise UnknownNameError(
            f"No results of a study {study!r} come with the project.",
            f"They are of: {', '.join(found)}. For others name their folder with --folder.",
        )
    return found[study]


def waiting(settings: Settings, store: Store) -> list[Path]:
    """Parts of datasets that are there, and whose traces are not in the store; none where the
    settings leave out what ships."""
    parts = _parts() if settings.shipped_results else []
    ready = {name for name in map(dataset_of, parts) if is_ready(settings, name)}
    return not_loaded(settings, store, [part for part in parts if dataset_of(part) in ready])


def ships(dataset: str) -> bool:
    """Whether results over a dataset come with the project."""
    return dataset in map(dataset_of, _parts())


def not_here(settings: Settings) -> list[str]:
    """Datasets that are not on this machine, and over which results come with the project."""
    shipped = set(map(dataset_of, _parts()))
    return sorted(name for name in shipped if not is_ready(settings, name))


def _parts() -> list[Path]:
    """What is loaded without being asked for: results on test, and not what students learned
    from."""
    return [part for folder in shipped_packs() for part in parts_of(folder, SPLITS)]


def get_them(datasets: Sequence[str]) -> str:
    """How to come by some datasets, as commands."""
    return ", ".join(f"`phaselens data get {name}`" for name in datasets)


def load_shipped(settings: Settings, store: Store, report: Report) -> dict[str, int]:
    """Traces that came into the store, by dataset. Raises InputError, DataError, StoreError."""
    counts: dict[str, int] = {}
    for folder in sorted({part.parents[2] for part in waiting(settings, store)}):
        report(f"Results of the study {folder.name}", 0, 0)
        for dataset, count in load_pack(settings, store, folder, SPLITS).traces.items():
            counts[dataset] = counts.get(dataset, 0) + count
    return counts
