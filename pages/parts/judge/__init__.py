"""One task of a queue, judged by keys: a component of our own, so that a key answers at once.

What is said lives in the browser until it is sent; a draft goes to the store a moment after each
change. Texts reach the browser as data and are put there as text, never as HTML.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.annotation.guidelines import Guidelines
from core.annotation.judgement import Judgement
from core.annotation.keys import ACTIONS, CHOICES
from core.annotation.verdicts import LABEL_CHOICES, Choice, TaskKind

_HERE = Path(__file__).parent
_PARTS = ("elements.js", "panes.js", "bar.js", "search.js", "judge.js")
_COMPONENT = st.components.v2.component(
    "phaselens_judge",
    html='<div class="judge"></div>',
    css=(_HERE / "judge.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / part).read_text(encoding="utf-8") for part in _PARTS),
)
EVENTS = ("sent", "skip", "undo", "missing", "drop")


def judge(
    kind: TaskKind,
    view: Mapping[str, Any],
    *,
    task: str,
    after: str,
    said: Judgement,
    seconds: float,
    missing: Sequence[tuple[str, str]],
    keys: Mapping[str, str],
    guidelines: Guidelines,
    votes: Mapping[str, Any] | None,
    asked: int,
    searching: bool,
    on: Mapping[str, Callable[[], None]],
    key: str,
) -> None:
    """Draws the task. `view`: core/task_view.py; `said`, `seconds`: so far; `missing`:
    (id, name) of the labels added; `votes`: who said what, where that is to be settled;
    `asked`: how often the search for a missing label was asked for here, `searching`: whether it is
    there or will be; `on`: what to do with each of EVENTS and with "draft"; the event itself is
    `st.session_state[key][name]`."""
    data: dict[str, Any] = {
        **view,
        "task": task,
        "after": after,
        "said": said.to_json(),
        "revision": after,
        "seconds": seconds,
        "votes": votes,
        "asked": asked,
        "searching": searching,
        "missing": [label for label, _ in missing],
        "missing_names": [{"id": label, "name": name} for label, name in missing],
        "choices": _plain(CHOICES[kind]),
        "label_choices": _plain(LABEL_CHOICES) if kind is TaskKind.SHORTLIST else [],
        "reasons": [
            {"id": one.id, "name": one.name, "meaning": one.meaning}
            for one in guidelines.reasons_of(kind)
        ],
        "keys": dict(keys),
        "help": help_of(kind, keys),
    }
    changes = {f"on_{name}_change": on[name] for name in (*EVENTS, "draft")}
    _COMPONENT(key=key, data=data, **changes)


def help_of(kind: TaskKind, keys: Mapping[str, str]) -> list[tuple[str, str]]:
    """(verdict or action, what its key does), in the order of the help sheet."""
    said = {choice.verdict: f"{choice.name}: {choice.meaning}" for choice in CHOICES[kind]}
    if kind is TaskKind.SHORTLIST:
        said |= {
            f"label.{choice.verdict}": f"this label: {choice.name.lower()}"
            for choice in LABEL_CHOICES
        }
    said |= {name: what for name, (_, what) in ACTIONS.items()}
    return [(name, said[name]) for name in keys]


def _plain(choices: Sequence[Choice]) -> list[dict[str, str]]:
    return [{"verdict": c.verdict, "name": c.name, "meaning": c.meaning} for c in choices]
