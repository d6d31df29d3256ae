"""What the Annotate page shows of one task, as plain data for the browser; every text is harmless.

Blind, nothing tells what the dataset calls right, how sure the retriever was, or which system it
was; of a preference the sides are swapped by chance.
"""

from collections.abc import Sequence
from typing import Any

from core.annotation.verdicts import Compared, TaskKind
from core.traces.inert import neutralise, one_line
from core.traces.reading import reading_of
from db.trace_views import StoredTrace

MOST_ROWS = 200  # labels of a shortlist that are shown


def task_view(
    kind: TaskKind,
    traces: Sequence[StoredTrace],
    *,
    blind: bool,
    swapped: bool,
    compared: Compared = Compared.TRACE,
) -> dict[str, Any]:
    """`traces`: one, or the two of a preference in their true order; `compared`: what of these is
    shown."""
    first = traces[0]
    found: dict[str, Any] = {
        "kind": str(kind),
        "document": neutralise(first.document.text),
        "about": _about(first, blind=blind),
        "gold": [] if blind else _gold(first),
        "blind": blind,
        "swapped": swapped,
    }
    if kind is TaskKind.SHORTLIST:
        found["rows"] = _rows(first, blind=blind)
    elif kind is TaskKind.TRACE:
        found["steps"] = _steps(first)
    else:
        shortlists = compared is Compared.SHORTLIST
        side = _shortlist_side if shortlists else _side
        sides = [side(trace, blind=blind) for trace in traces]
        found["sides"] = sides[::-1] if swapped else sides
    return found


def on_screen(view: dict[str, Any]) -> dict[str, Any]:
    """What of it is kept with a judgement, besides what the store knows of the trace."""
    kept: dict[str, Any] = {"blind": view["blind"]}
    if "rows" in view:
        kept["shown"] = [row["id"] for row in view["rows"]]
    if "sides" in view:
        kept["swapped"] = view["swapped"]
    return kept


def _about(trace: StoredTrace, *, blind: bool) -> str:
    where = f"{trace.summary.dataset} / {one_line(trace.document.id, 60)}"
    return where if blind else f"{where} · {one_line(trace.summary.system, 60)}"


def _gold(trace: StoredTrace) -> list[dict[str, str]]:
    names = {one.label_id: one.name for one in trace.gold or ()}
    return [
        {"id": one_line(label, 60), "name": one_line(names.get(label, ""), 120)}
        for label in trace.document.gold
    ]


def _rows(trace: StoredTrace, *, blind: bool) -> list[dict[str, Any]]:
    if trace.shortlist is None:
        return []
    gold = set(trace.document.gold)
    return [
        {
            "id": row.label_id,
            "code": one_line(row.label_id, 40),
            "name": one_line(row.name, 200),
            "rank": row.rank,
            "cosine": None if blind else round(row.cosine, 3),
            "gold": not blind and row.label_id in gold,
        }
        for row in trace.shortlist.rows[:MOST_ROWS]
    ]


def _steps(trace: StoredTrace) -> list[dict[str, Any]]:
    if trace.trace is None:
        return []
    reading = reading_of(trace.trace, trace.document.text, trace.candidates, None)
    return [
        {
            "at": step.start,
            "text": neutralise(reading.trace.text[step.start : step.end].rstrip("\n")),
            "phase": str(phase or "outside"),
        }
        for step, phase in zip(reading.steps, reading.step_phase, strict=True)
    ]


def _shortlist_side(trace: StoredTrace, *, blind: bool) -> dict[str, Any]:
    return {
        "title": "" if blind else one_line(trace.summary.system, 60),
        "numbered": True,
        "labels": _rows(trace, blind=blind),
        "steps": [],
    }


def _side(trace: StoredTrace, *, blind: bool) -> dict[str, Any]:
    gold = set(trace.document.gold)
    found = trace.prediction
    names = {r.label_id: r.name for r in found.ranking} if found else {}
    return {
        "title": "" if blind else one_line(trace.summary.system, 60),
        "numbered": False,
        "labels": [
            {
                "id": one_line(label, 40),
                "name": one_line(names.get(label, ""), 160),
                "gold": not blind and label in gold,
            }
            for label in (found.selected if found else ())
        ],
        "steps": _steps(trace),
    }
