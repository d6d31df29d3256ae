"""Systems and runs: a named way to answer, and the identity of what it answered.

A run is identified by the SHA-256 of everything that decides its output; two runs with one
id would write the same text, so finished documents are never done twice.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from core.code_version import code_version
from core.errors import InputError, UnknownNameError
from core.models.base import ModelSpec
from core.rerank.base import Decoding
from core.rerank.prompts import DEFAULT_PROMPT
from core.shortlist.base import Method

LARGEST_EF = 1_000_000


@dataclass(frozen=True, slots=True)
class System:
    """A named way to answer: base, an adapter, or any model the user added. `prompt`,
    `max_new_tokens` and `method`: the template that it is asked with, how long its traces may be,
    and how its shortlists are retrieved ("": as is best for the dataset), unless others are
    chosen."""

    name: str
    title: str
    model: ModelSpec
    prompt: str = DEFAULT_PROMPT
    max_new_tokens: int = Decoding().max_new_tokens
    method: str = ""

    def asked(
        self,
        dataset: str,
        *,
        prompt: str | None = None,
        max_new_tokens: int | None = None,
        method: str = "",
        decoding: Decoding | None = None,
        **others: Any,
    ) -> "RunConfig":
        """The choices of a run of this system: what is not chosen is its own. `others`: further
        fields of RunConfig."""
        longest = self.max_new_tokens if max_new_tokens is None else max_new_tokens
        return RunConfig(
            dataset,
            self.name,
            self.prompt if prompt is None else prompt,
            decoding=replace(decoding or Decoding(), max_new_tokens=longest),
            method=method or self.method,
            **others,
        )


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What the user chooses. `prompt` is the template with {document} and {candidates}.

    k labels are retrieved by `method` ("": the dataset's default); the first n of them are shown
    to the model; `ef` is the size of HNSW's dynamic candidate list (None: the index's own).
    """

    dataset: str
    system: str
    prompt: str
    k: int = 50
    n: int = 10
    ef: int | None = None
    decoding: Decoding = field(default_factory=Decoding)
    use_scorer: bool = True
    method: str = ""

    def check(self, labels: int) -> None:
        """Raises InputError for a k, n or ef that cannot be searched among `labels` labels, for an
        unknown method, and for decoding that no model does."""
        if self.method:
            parse_method(self.method)
        if not 1 <= self.k <= labels:
            raise InputError(
                f"k is {self.k}, but must be between 1 and the {labels:,} labels of "
                f"{self.dataset}.",
                "Choose another k.",
            )
        if not 1 <= self.n <= self.k:
            raise InputError(
                f"n is {self.n}, but must be between 1 and k = {self.k}: only retrieved labels "
                "can be shown to the model.",
                "Choose another n, or a larger k.",
            )
        if self.ef is not None and self.ef < self.k:
            raise InputError(
                f"ef is {self.ef}, but HNSW needs at least k = {self.k}.",
                "Raise ef, or leave it empty for the index's own.",
            )
        if self.ef is not None and self.ef > LARGEST_EF:
            raise InputError(
                f"ef is {self.ef:,}, but may be {LARGEST_EF:,} at most.",
                "Lower ef, or leave it empty for the index's own.",
            )
        self.decoding.check()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RunConfig":
        return cls(**{**data, "decoding": Decoding.from_json(data["decoding"])})


def parse_method(name: str) -> Method:
    """The method of retrieval of that name. Raises UnknownNameError."""
    try:
        return Method(name)
    except ValueError:
        raise UnknownNameError(
            f"There is no method named {name!r}.", f"Choose one of: {', '.join(Method)}."
        ) from None


def run_identity(
    config: RunConfig,
    *,
    dataset_fingerprint: str,
    encoder: str,
    index: str,
    model: Mapping[str, Any],
    words: str | None = None,
) -> dict[str, Any]:
    """Everything that decides a run's output, as plain data (shown as provenance).

    `words`: the settings of the word index, where the method asks it.
    """
    return {
        "config": config.to_json(),
        "words": words,
        "dataset_fingerprint": dataset_fingerprint,
        "encoder": encoder,
        "index": index,
        "model": dict(model),
        "code": code_version(),
    }


def run_id(identity: Mapping[str, Any]) -> str:
    """16 hex digits of the SHA-256 of an identity; equal identities give equal ids."""
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
