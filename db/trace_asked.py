"""Filters of traces as people ask for them, in words: what an address, a form and a saved slice
hold. `filter_of` says what they mean.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from db.trace_views import TraceFilter

PHASES = {"with phases": True, "without phases": False}
SINCE = {
    "last hour": timedelta(hours=1),
    "last day": timedelta(days=1),
    "last week": timedelta(weeks=1),
    "last 30 days": timedelta(days=30),
}
LENGTHS: dict[str, tuple[int | None, int | None]] = {
    "under 1,000 characters": (None, 1_000),
    "1,000 to 10,000": (1_000, 10_000),
    "10,000 to 100,000": (10_000, 100_000),
    "100,000 and more": (100_000, None),
}
F1S: dict[str, tuple[float | None, float | None]] = {
    "0": (None, 0.0),
    "above 0, under 1": (1e-9, 1 - 1e-9),
    "at most 0.5": (None, 0.5),
    "1": (1.0, None),
}
PLAIN = {
    "dataset": "dataset", "system": "system", "state": "state", "bucket": "bucket",
    "fate": "fate", "run": "run_id", "flag": "flag", "text": "text", "origin": "origin",
    "boundary": "boundary_source",
}  # fmt: skip
NAMES = (*PLAIN, "phases", "since", "length", "f1")

Asked = Mapping[str, str]


def filter_of(asked: Asked, now: datetime | None = None) -> TraceFilter:
    """What is asked for, by the names in NAMES; words that mean nothing ask for nothing."""
    said = {field: asked.get(name) or None for name, field in PLAIN.items()}
    since = SINCE.get(asked.get("since", ""))
    chars = LENGTHS.get(asked.get("length", ""), (None, None))
    f1 = F1S.get(asked.get("f1", ""), (None, None))
    return TraceFilter(
        **said,
        has_phases=PHASES.get(asked.get("phases", "")),
        since=None if since is None else (now or datetime.now(UTC)) - since,
        chars_from=chars[0],
        chars_to=chars[1],
        f1_from=f1[0],
        f1_to=f1[1],
    )
