"""In what else than their system runs differ: a difference of scores may be one of settings."""

from collections.abc import Callable, Sequence

from core.systems import RunConfig

_SETTINGS: dict[str, Callable[[RunConfig], str]] = {
    "how labels are found": lambda c: c.method or "the dataset's default",
    "k": lambda c: f"{c.k:,}",
    "n": lambda c: f"{c.n:,}",
    "ef": lambda c: "the index's own" if c.ef is None else f"{c.ef:,}",
    "mode": lambda c: c.decoding.mode.value,
    "guided": lambda c: "yes" if c.decoding.guided else "no",
    "temperature": lambda c: f"{c.decoding.temperature:g}",
    "longest trace": lambda c: f"{c.decoding.max_new_tokens:,} tokens",
    "scores after the trace": lambda c: "yes" if c.use_scorer else "no",
}


def differing(configs: Sequence[RunConfig]) -> dict[str, tuple[str, ...]]:
    """Settings that are not the same in all runs, by name: each run's, in their order. Prompts are
    only said to differ, in no words."""
    found = {name: tuple(value(one) for one in configs) for name, value in _SETTINGS.items()}
    prompts = list(dict.fromkeys(one.prompt for one in configs))
    found["prompt"] = tuple(f"no. {prompts.index(one.prompt) + 1}" for one in configs)
    return {name: values for name, values in found.items() if len(set(values)) > 1}
