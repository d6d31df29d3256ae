"""What a process has loaded: one encoder, one retriever a dataset, the models last used.

The live worker keeps one for its life; a batch run keeps one for its documents.
"""

from collections import OrderedDict
from dataclasses import replace

from core.config import Settings
from core.datasets.base import Dataset
from core.datasets.catalogue import dataset_info, open_dataset
from core.encoders import Encoder
from core.errors import UnknownNameError
from core.models.base import LanguageModel, ModelKind, ModelSpec
from core.models.catalogue import check_spec, load_model, systems_from
from core.models.chat_stream import Asked, never
from core.rerank.base import Mode
from core.shortlist.index import LabelIndex
from core.shortlist.retriever import Retriever
from core.systems import RunConfig, System
from core.tools import Tools
from db.models_added import added_models
from db.session import Store, open_store

KEPT_MODELS = 2  # loaded language models kept; the least recently used goes first
KEPT_ADAPTERS = 8  # they share the weights of their base


def find_system(settings: Settings, store: Store, name: str) -> System:
    """The system of that name: base, an adapter's, or a model the user added. Raises
    UnknownNameError."""
    with store.read() as session:
        systems = systems_from(settings, added_models(session))
    for system in systems:
        if system.name == name:
            return system
    raise UnknownNameError(
        f"There is no system named {name!r}.",
        f"Choose one of: {', '.join(s.name for s in systems)}; Settings adds models.",
    )


def in_mode(spec: ModelSpec, mode: Mode) -> ModelSpec:
    """The spec as a mode loads it: reference is float32 where the format is left to the machine."""
    if mode is not Mode.REFERENCE or spec.kind is ModelKind.ENDPOINT or spec.dtype != "auto":
        return spec
    from core.models.precision import device_name, dtype_of

    plain = dtype_of("auto", device_name()) is dtype_of("float32", device_name())
    return spec if plain else replace(spec, dtype="float32")  # one model loaded is enough


class Toolbox:
    """Opens what a configuration needs and keeps it for the next one."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self.settings = settings
        self.store = store or open_store(settings)
        self._encoder: Encoder | None = None
        self._datasets: dict[str, Dataset] = {}
        self._retrievers: dict[str, Retriever] = {}
        self._models: OrderedDict[ModelSpec, LanguageModel] = OrderedDict()

    def tools(self, config: RunConfig, cancelled: Asked = never) -> Tools:
        """Raises UnknownNameError, DataError, IndexFileError, ModelError, and Cancelled while a
        server is waited for."""
        system = find_system(self.settings, self.store, config.system)
        dataset = self.dataset(config.dataset)
        return Tools(
            self.settings,
            dataset,
            self.encoder(),
            self.retriever(dataset),
            self.model(in_mode(system.model, config.decoding.mode), cancelled),
            system,
        )

    def encoder(self) -> Encoder:
        if self._encoder is None:
            self._encoder = Encoder.load(self.settings)
        return self._encoder

    def dataset(self, name: str) -> Dataset:
        """Opened again, with its indexes, when its files were written anew meanwhile."""
        info = dataset_info(self.settings, name)
        if name not in self._datasets or self._datasets[name].info != info:
            self._datasets[name] = open_dataset(self.settings, name)
            self._retrievers.pop(name, None)
        return self._datasets[name]

    def retriever(self, dataset: Dataset) -> Retriever:
        if dataset.name not in self._retrievers:
            self._retrievers[dataset.name] = Retriever.open(self.settings, dataset, self.encoder())
        return self._retrievers[dataset.name]

    def index(self, dataset: Dataset) -> LabelIndex:
        return self.retriever(dataset).index

    def model(self, spec: ModelSpec, cancelled: Asked = never) -> LanguageModel:
        """Raises ModelError, and Cancelled while a server is waited for."""
        if spec not in self._models:
            if spec.kind is not ModelKind.ENDPOINT:  # which says what is wrong when it is opened
                check_spec(spec, self.settings)
            self._models[spec] = load_model(spec, self.settings, cancelled, self.model)
            self._drop_models()
        self._models.move_to_end(spec)
        return self._models[spec]

    def _drop_models(self) -> None:
        adapters = [spec for spec in self._models if spec.kind is ModelKind.ADAPTER]
        whole = [spec for spec in self._models if spec.kind is not ModelKind.ADAPTER]
        for spec in (*adapters[:-KEPT_ADAPTERS], *whole[:-KEPT_MODELS]):
            del self._models[spec]
