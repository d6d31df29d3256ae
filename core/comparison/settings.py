"""In what else than their system runs differ: a difference of scores may be one of settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.systems import RunConfig

_SETTINGS: dict[str, Callable[[RunConfig], str]] = {
    "how labels are found": lambda c: c.method or "the dataset's default",
    "k": lambda c: f"{c.k:,}",
    "n": lambda c: f"{c.n:,}",
    "ef": lambda c: "the index's own" if c.ef is None else f"{c.ef:,}",
    "mode": lambda c: c.decoding.mode.value,
    "guided": lambda c: "yes" if c.decoding.guided else "no",
    "temperature": lambda c: f"{c.decoding.temperature:g}",
    "seed": lambda c: f"{c.decoding.seed}" if c.decoding.temperature else "none is needed",
    "longest trace": lambda c: f"{c.decoding.max_new_tokens:,} tokens",
    "scores after the trace": lambda c: "yes" if c.use_scorer else "no",
}
_IDENTITY: dict[str, tuple[str, ...]] = {  # where a run's identity has it
    "the dataset's version": ("dataset_fingerprint",),
    "encoder": ("encoder",),
    "index": ("index",),
    "number format": ("model", "dtype"),
    "device": ("model", "device"),
    "written side by side": ("batch_size",),
}
_SHOWN = 8  # of a digest


@dataclass(frozen=True, slots=True)
class Made:
    """How a run was made: its settings, and the rest of its identity. Of imported traces nothing
    of it is known."""

    config: RunConfig
    identity: Mapping[str, Any] = field(default_factory=dict)
    imported: bool = False


def differing(runs: Sequence[Made]) -> dict[str, tuple[str, ...]]:
    """What is not the same in all runs of which it is known, by name: each one's, in their order;
    imported ones are left out. Prompts are only said to differ, in no words."""
    known = [run for run in runs if not run.imported]
    found = {name: tuple(value(one.config) for one in known) for name, value in _SETTINGS.items()}
    found |= {name: tuple(_in(one.identity, keys) for one in known)
              for name, keys in _IDENTITY.items()}  # fmt: skip
    prompts = list(dict.fromkeys(one.config.prompt for one in known))
    found["prompt"] = tuple(f"no. {prompts.index(one.config.prompt) + 1}" for one in known)
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def _in(identity: Mapping[str, Any], keys: Sequence[str]) -> str:
    value: Any = identity
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    text = "not known" if value is None else str(value)
    digest = len(text) >= 16 and all(sign in "0123456789abcdef" for sign in text)
    return text[:_SHOWN] if digest else text
