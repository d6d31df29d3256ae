"""Small label spaces for the tests of search-as-you-type."""

from collections.abc import Iterable
from pathlib import Path

from core.config import Settings
from core.datasets.base import Dataset, Document, Label, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset
from core.label_search.search import LabelSearch


def settings_of(home: Path) -> Settings:
    return Settings(home=home, database_url="")


def dataset(home: Path, names: Iterable[tuple[str, str]], name: str = "typed") -> Dataset:
    """A dataset of labels (id, name), written anew."""
    about = About(name, "Typed", "Labels for tests.", "synthetic", "CC0", "tests")
    labels = [Label(one, said) for one, said in names]
    write_dataset(home / "datasets" / name, about, labels, [Document("1", "", (), Split.DEV)])
    return open_dataset(settings_of(home), name)


def search_over(home: Path, *names: str) -> LabelSearch:
    """A search over names whose ids are "id-0", "id-1", ..."""
    data = dataset(home, [(f"id-{at}", name) for at, name in enumerate(names)])
    return LabelSearch.build(data.labels)


def names_of(search: LabelSearch, query: str, limit: int = 20) -> list[str]:
    return [found.name for found in search.search(query, limit)]
