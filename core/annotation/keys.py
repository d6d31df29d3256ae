"""Keys of the Annotate page: what each does, and which ones a person may choose instead."""

from collections.abc import Mapping

from core.annotation.verdicts import (
    LABEL_CHOICES,
    PHASE_CHOICES,
    PREFERENCE_CHOICES,
    SHORTLIST_CHOICES,
    Choice,
    TaskKind,
)
from core.errors import InputError

TAKEN = frozenset("CR")  # by Streamlit: clear caches, run again
ACTIONS = {
    "next": ("J", "next label or sentence"),
    "before": ("K", "the one before"),
    "skip": ("S", "skip this task"),
    "undo": ("U", "undo the last judgement"),
    "comment": ("M", "write a comment"),
    "missing": ("A", "add a missing label"),
    "boundary": ("B", "reasoning begins at this sentence"),
    "no_boundary": ("X", "the trace has no phases"),
    "help": ("H", "show all keys"),
}
CHOICES: dict[TaskKind, tuple[Choice, ...]] = {
    TaskKind.SHORTLIST: SHORTLIST_CHOICES,
    TaskKind.TRACE: PHASE_CHOICES,
    TaskKind.PREFERENCE: PREFERENCE_CHOICES,
}
_OF_KIND = {
    TaskKind.SHORTLIST: ("next", "before", "missing"),
    TaskKind.TRACE: ("next", "before", "boundary", "no_boundary"),
    TaskKind.PREFERENCE: (),
}
_ALWAYS = ("skip", "undo", "comment", "help")


def keys_of(kind: TaskKind, own: Mapping[str, str]) -> dict[str, str]:
    """Action or verdict -> key, for one kind of task. `own`: a person's, by "kind.name"."""
    verdicts = {choice.verdict: choice.key for choice in CHOICES[kind]}
    if kind is TaskKind.SHORTLIST:
        verdicts |= {f"label.{choice.verdict}": choice.key for choice in LABEL_CHOICES}
    actions = {name: ACTIONS[name][0] for name in (*_OF_KIND[kind], *_ALWAYS)}
    found = {**verdicts, **actions}
    return {name: own.get(f"{kind}.{name}", key) for name, key in found.items()}


def checked_keys(kind: TaskKind, keys: Mapping[str, str]) -> dict[str, str]:
    """Keys as "kind.name" -> key, ready to be kept. Raises InputError for a name that is none, a
    key that is not one letter or digit, one that is taken, or two that are the same."""
    known = keys_of(kind, {})
    found: dict[str, str] = {}
    for name, given in keys.items():
        key = given.strip().upper()
        if name not in known:
            raise InputError(f"There is no action {name!r}.", "Reload the page.")
        if len(key) != 1 or not key.isalnum() or not key.isascii():
            raise InputError(f"{given!r} is not a key.", "Choose one letter or digit.")
        if key in TAKEN:
            raise InputError(f"The key {key} is taken by the page itself.", "Choose another.")
        found[name] = key
    whole = {**known, **found}
    for name, key in whole.items():
        twice = [other for other, same in whole.items() if same == key and other != name]
        if twice:
            raise InputError(
                f"The key {key} would do two things: {name} and {twice[0]}.", "Choose another."
            )
    return {f"{kind}.{name}": key for name, key in found.items()}
