"""What a document is answered with, opened once for many, and the identity that it gives a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.config import Settings
from core.datasets.base import Dataset
from core.encoders import Encoder
from core.models.base import LanguageModel, ManyAtOnce
from core.rerank.base import Mode
from core.shortlist.base import Found, Shortlist
from core.shortlist.index import LabelIndex
from core.shortlist.lexical import WORDS
from core.shortlist.retriever import Method, Retriever
from core.systems import RunConfig, System, run_identity


@dataclass(frozen=True)
class Tools:
    """What `answer` works with; opened once, used for many documents, by one caller at a time."""

    settings: Settings
    dataset: Dataset
    encoder: Encoder
    retriever: Retriever
    model: LanguageModel
    system: System
    found: Mapping[str, Found] = field(default_factory=dict)  # by document: not searched again

    @property
    def index(self) -> LabelIndex:
        return self.retriever.index

    def resolved(self, config: RunConfig) -> RunConfig:
        """The configuration with the method that an empty one stands for now, and in the mode
        that the model can do."""
        mode, _ = self.model.mode_for(config.decoding.mode)
        return replace(
            config,
            method=config.method or self.retriever.default.value,
            decoding=config.decoding.resolved(mode),
        )

    def mode_note(self, config: RunConfig) -> str:
        """Says why the mode is not the one asked for, or the trace not guided; or ""."""
        mode, why = self.model.mode_for(config.decoding.mode)
        if config.decoding.guided and mode is not Mode.FAST:
            why = f"{why} Not guided: only fast mode can give words.".strip()
        return why

    def side_by_side(self, config: RunConfig, most: int) -> int:
        """How many texts the model writes at a time where `most` are wanted: 1 where fast mode
        does not know it, or nothing is gained (reference mode above temperature 0)."""
        mode = self.resolved(config).decoding.mode
        known = self.model.mode_for(Mode.FAST)[0] is Mode.FAST
        drawn = mode is Mode.REFERENCE and config.decoding.temperature > 0
        return most if known and not drawn and isinstance(self.model, ManyAtOnce) else 1

    def identity(self, config: RunConfig, found: Shortlist | None = None) -> dict[str, Any]:
        """The identity of the run that `answer` would belong to, as the index stands now; with
        a shortlist, of the run in which it was found (a growing index may be further by now)."""
        config = self.resolved(config)
        return run_identity(
            config,
            dataset_fingerprint=self.dataset.info.fingerprint,
            encoder=self.encoder.identity,
            index=self.index.identity if found is None else index_of(found),
            model=self.model.identity(),
            words=None if config.method == Method.DENSE else WORDS.identity,
        )


def index_of(shortlist: Shortlist) -> str:
    """The `LabelIndex.identity` of the index that gave a shortlist."""
    return f"partial:{shortlist.searched}" if shortlist.index == "partial" else shortlist.index
