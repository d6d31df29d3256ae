"""Saved traces for the inside view, written by hand, as the packaged model would be given them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.datasets.base import Document, Split
from core.rerank.base import Bucket, Fate, GoldFate, Prediction
from core.rerank.prompts import DEFAULT_PROMPT
from core.shortlist.base import GoldRank
from core.systems import RunConfig
from core.traces.base import Curves, NearMiss, Trace
from db.runs import ensure_run
from db.session import Store
from db.trace_views import TraceRecord
from db.traces import begin_trace, finish_trace
from tests.db.examples import shortlist
from tests.mechanism.example import CANDIDATES, DOCUMENT, TRACE, example


def save_example(
    store: Store,
    render: Callable[[str], str],
    trace: str = TRACE,
    *,
    system: str = "base",
    gold: tuple[str, ...] = ("A000",),
    identity: dict[str, Any] | None = None,
) -> str:
    """Saves a finished trace of the handwritten document, of the run of that identity; returns
    its id."""
    one = example(render, trace)
    config = RunConfig("icd", system, DEFAULT_PROMPT)
    document = Document("hand", DOCUMENT, gold, Split.DEV)
    names = {c.label_id: c.name for c in CANDIDATES}
    near: tuple[NearMiss, ...] = one.near_misses
    written: Trace = replace(
        one.trace,
        tokens=len(trace.split()),
        prompt_tokens=300,
        curves=Curves((), near, "gold"),
    )
    record = TraceRecord(
        document=document,
        gold=tuple(GoldRank(g, names[g], True, 1) for g in gold),
        shortlist=shortlist(),
        candidates=CANDIDATES,
        rendered=one.rendered,
        trace=written,
        prediction=Prediction((), ("A000",), Bucket.OK),
        fates=tuple(GoldFate(g, names[g], Fate.SELECTED, 1, 1) for g in gold),
    )
    with store.write() as session:
        run = ensure_run(session, identity, config, "dev", "live") if identity else None
        trace_id = begin_trace(session, run_id=run, config=config, document=document, origin="live")
        finish_trace(session, trace_id, record)
    return trace_id
