"""A small ready index, and the pieces it is made of."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from core.config import Settings
from core.datasets.base import Dataset
from core.shortlist import build
from core.shortlist.index import LabelIndex
from core.shortlist.manifest import Manifest, index_folder
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of


@dataclass
class Built:
    settings: Settings
    dataset: Dataset
    encoder: HashEncoder
    manifest: Manifest

    @property
    def folder(self) -> Path:
        return index_folder(self.settings, self.dataset.name)

    def open(self) -> LabelIndex:
        return LabelIndex.open(self.settings, self.dataset, self.encoder.identity)

    def build(self, encoder: HashEncoder | None = None) -> Manifest | None:
        return build.build_index(self.settings, self.dataset, encoder or self.encoder)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "BLOCK_ROWS", 32)


@pytest.fixture
def built(home: Path) -> Built:
    settings, dataset, encoder = settings_of(home), make_dataset(home), HashEncoder()
    manifest = build.build_index(settings, dataset, encoder)
    assert manifest is not None
    return Built(settings, dataset, encoder, manifest)
