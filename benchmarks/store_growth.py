"""How the store's queries hold up: fills 100,000 traces and times every query of the app.

    .venv/bin/python benchmarks/store_growth.py [--traces N] [--url URL] [--json]

The traces are synthetic but of real size (about 20 kB each: a shortlist of 50, a prompt, a
trace of 320 tokens). Without --url, a throw-away SQLite file is used (2.1 GB for 100,000);
--keep FOLDER keeps it, and measures it again the next time.
"""

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import linear_regression
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from core.annotation.people import local_person
from core.annotation.verdicts import ShortlistVerdict
from core.config import Settings
from core.rerank.base import Bucket, Candidate, Fate
from core.shortlist.base import Shortlist, ShortlistRow
from core.systems import RunConfig
from core.traces.base import BoundarySource, FinishReason, Trace
from db.annotations import flag, flag_counts, flags_of
from db.models import RunRow, TraceBodyRow, TraceFateRow, TraceRow, TraceTextRow
from db.runs import done_documents, list_runs
from db.session import Store, open_store
from db.traces import (
    TraceFilter,
    TraceOrder,
    count_of,
    filter_choices,
    load_trace,
    neighbours,
    page_of,
    previous_of,
)

BATCH = 2_000
RUNS = 40
START = datetime(2026, 1, 1, tzinfo=UTC)
COMMON = """
    acute chronic unspecified disorder of the with without left right initial encounter fracture
    heart failure disease injury other pain kidney liver lung
""".split()  # noqa: SIM905  # words are easier to read than a list
FATES = list(Fate)
Query = Callable[[Session], object]


def words(rng: random.Random, count: int) -> str:
    """Text of common and rare words (a vocabulary of about 20,000)."""
    return " ".join(
        rng.choice(COMMON) if rng.random() < 0.6 else f"w{rng.randrange(20_000)}x"
        for _ in range(count)
    )


def fill(store: Store, count: int) -> list[str]:
    """Writes `count` finished traces in 40 runs and flags some; returns all ids."""
    rng = random.Random(7)
    config = RunConfig("icd", "base", "{document}{candidates}").to_json()
    with store.write() as session:
        session.execute(
            insert(RunRow),
            [
                {
                    "id": f"run{i:013d}",
                    "dataset": ("icd", "mesh")[i % 2],
                    "system": ("base", "teacher", "student")[i % 3],
                    "split": "dev",
                    "origin": "batch" if i else "live",
                    "created_at": START + timedelta(hours=i),
                    "config": config,
                    "identity": {"config": config, "i": i},
                }
                for i in range(RUNS)
            ],
        )
    body = wide_parts(rng, config)
    ids = [f"{rng.getrandbits(64):016x}" for _ in range(count)]
    for first in range(0, count, BATCH):
        rows = range(first + 1, min(count, first + BATCH) + 1)
        with store.write() as session:
            session.execute(insert(TraceRow), [narrow(rng, seq, ids[seq - 1]) for seq in rows])
            session.execute(insert(TraceTextRow), [texts(rng, seq) for seq in rows])
            session.execute(insert(TraceBodyRow), [{"trace_seq": seq, **body} for seq in rows])
            session.execute(insert(TraceFateRow), [f for seq in rows for f in fates(rng, seq)])
        print(f"\r{rows[-1]:,} traces written", end="", file=sys.stderr)
    with store.write() as session:
        for trace_id in rng.sample(ids, min(2_000, count)):
            verdict = rng.choice(list(ShortlistVerdict))
            flag(session, local_person("a"), trace_id=trace_id, verdict=verdict)
    print(file=sys.stderr)
    return ids


def settle(store: Store) -> None:
    """What PostgreSQL's autovacuum does by itself within a minute of such a flood of rows."""
    if not store.is_sqlite:
        engine = store.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def narrow(rng: random.Random, seq: int, trace_id: str) -> dict[str, Any]:
    run = min(RUNS - 1, int(rng.expovariate(0.15)))
    when = START + timedelta(seconds=30 * seq)
    return {
        "seq": seq,
        "id": trace_id,
        "run_id": f"run{run:013d}",
        "origin": "batch" if run else "live",
        "dataset": ("icd", "mesh")[run % 2],
        "document_id": f"doc{seq % 14_088 if run == 0 else seq}",
        "document_start": words(rng, 14)[:160],
        "split": "dev",
        "system": ("base", "teacher", "student")[run % 3],
        "state": rng.choices(("done", "failed", "cancelled"), (0.97, 0.02, 0.01))[0],
        "attempt": 1,
        "created_at": when,
        "updated_at": when,
        "finished_at": when + timedelta(seconds=9),
        "k": 50,
        "n": 10,
        "gold": 3,
        "selected": 2,
        "bucket": rng.choice(list(Bucket)),
        "finish_reason": "stop",
        "has_phases": rng.random() < 0.3,
        "boundary": rng.random(),
        "boundary_source": rng.choice(list(BoundarySource)),
        "tokens": rng.randrange(320),
        "chars": int(rng.expovariate(1 / 4_000)),
        "seconds": rng.random() * 9,
        "example_f1": rng.choice((None, 0.0, 0.33, 0.5, 1.0)),
        "recall_at_k": rng.random(),
    }


def texts(rng: random.Random, seq: int) -> dict[str, Any]:
    return {
        "trace_seq": seq,
        "document": words(rng, 20),
        "labels": words(rng, 30),
        "trace": words(rng, 180),
    }


def fates(rng: random.Random, seq: int) -> Iterator[dict[str, Any]]:
    for position in range(3):
        yield {
            "trace_seq": seq,
            "position": position,
            "label_id": f"L{rng.randrange(70_000)}",
            "name": words(rng, 6),
            "fate": rng.choice(FATES),
            "rank": 1,
            "exact_rank": 1,
        }


def wide_parts(rng: random.Random, config: dict[str, Any]) -> dict[str, Any]:
    rows = tuple(ShortlistRow(f"L{i}", words(rng, 8), i, 0.5, i) for i in range(1, 51))
    shortlist = Shortlist(rows, 50, 100, "minilm", "abcd", 74_044, 74_044, 6.0, 0.7)
    offsets = tuple((i * 4, i * 4 + 4) for i in range(320))
    trace = Trace("", FinishReason.STOP, 600, 320, 8.0, 0.7, offsets, boundary=0.4).to_json()
    del trace["text"]
    ranking = [
        {
            "label_id": r.label_id,
            "name": r.name,
            "rank": r.rank,
            "placed_by": "score",
            "score": 0.5,
            "cosine": 0.5,
        }
        for r in rows[:10]
    ]
    return {
        "gold": ["L1", "L2", "L3"],
        "prediction": {"ranking": ranking, "selected": ["L1"], "bucket": "ok", "bucket_why": ""},
        "stages": [["Embed the text", 6.0, ""]],
        "gold_ranks": [],
        "candidates": [asdict(Candidate(i, f"L{i}", words(rng, 8))) for i in range(1, 11)],
        "config": config,
        "rendered": words(rng, 350),
        "shortlist": shortlist.to_json(),
        "trace": trace,
    }


def queries(ids: list[str]) -> dict[str, Query]:
    """Every query of the Traces, Jobs and Explore pages, by what the user did."""
    middle, rare = ids[len(ids) // 2], "w123x"
    last = max(0, len(ids) - 50)
    filters = {
        "everything": TraceFilter(),
        "a system": TraceFilter(system="teacher"),
        "a bucket": TraceFilter(bucket=Bucket.CUT_OFF),
        "a fate": TraceFilter(fate=Fate.INDEX_MISS),
        "failed": TraceFilter(state="failed"),
        "a run": TraceFilter(run_id=f"run{3:013d}"),
        "no phases": TraceFilter(has_phases=False),
        "a flag": TraceFilter(flag="good"),
        "any flag": TraceFilter(flag="any"),
        "last day": TraceFilter(since=START + timedelta(seconds=30 * len(ids) - 86_400)),
        "rare word": TraceFilter(text=rare),
        "common word": TraceFilter(text="heart"),
        "two words": TraceFilter(text="heart fail"),
        "a phrase": TraceFilter(text='"heart failure"'),
        "one letter": TraceFilter(text="a"),
        "no such word": TraceFilter(text="zzzzqq"),
        "many at once": TraceFilter(
            dataset="icd", bucket="ok", fate="selected", text="heart", has_phases=True
        ),
    }
    found: dict[str, Query] = {}
    for name, chosen in filters.items():
        found[f"page: {name}"] = partial(page_of, filter=chosen)
        found[f"count: {name}"] = partial(count_of, filter=chosen)
        found[f"beside: {name}"] = partial(neighbours, filter=chosen, trace_id=middle)
    for order in TraceOrder:
        found[f"sorted: {order}"] = partial(page_of, filter=TraceFilter(), order=order)
        found[f"last page: {order}"] = partial(
            page_of, filter=TraceFilter(), offset=last, order=order
        )
        found[f"beside: {order}"] = partial(
            neighbours, filter=TraceFilter(), trace_id=middle, order=order
        )
    found["filter choices"] = filter_choices
    found["one trace"] = lambda s: load_trace(s, middle)
    found["its flags"] = lambda s: flags_of(s, middle)
    found["earlier trace"] = lambda s: previous_of(s, middle)
    found["flag counts"] = flag_counts
    found["runs"] = list_runs
    found["finished documents"] = lambda s: done_documents(s, f"run{3:013d}")
    return found


def measure(store: Store, query: Query, repeats: int) -> tuple[float, float]:
    """(p50, p95) in milliseconds, each in a session of its own as in the app."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        with store.read() as session:
            query(session)
        seconds.append(time.perf_counter() - begin)
    seconds.sort()
    return seconds[len(seconds) // 2] * 1e3, seconds[int(len(seconds) * 0.95)] * 1e3


def growth(traces: int, repeats: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Times every query in four throw-away SQLite stores, the largest of `traces` traces.

    `curves`: query -> points [{traces, p50_ms, p95_ms}] and `exponent`, the least-squares slope
    of log p50 over log traces: 0 = takes the same time, 1 = in proportion to the traces.
    """
    points: dict[str, list[dict[str, float]]] = {}
    for count in (traces // 8, traces // 4, traces // 2, traces):
        say(f"writing {count:,} traces, then timing every query {repeats} times")
        with tempfile.TemporaryDirectory(prefix="phaselens-bench-") as folder:
            store = open_store(Settings(home=Path(folder), database_url=""))
            ids = fill(store, count)
            for name, query in queries(ids).items():
                p50, p95 = measure(store, query, repeats)
                points.setdefault(name, []).append({"traces": count, "p50_ms": p50, "p95_ms": p95})
            store.close()
    curves = {name: {"points": found, "exponent": slope(found)} for name, found in points.items()}
    return {"curves": curves, "traces": traces, "repeats": repeats}


def slope(points: list[dict[str, float]]) -> float:
    """The exponent of growth of p50."""
    logs = [(math.log(point["traces"]), math.log(point["p50_ms"])) for point in points]
    return linear_regression(*zip(*logs, strict=True)).slope


def growth_table(data: dict[str, Any]) -> list[str]:
    """Lines of Markdown."""
    sizes = [point["traces"] for point in next(iter(data["curves"].values()))["points"]]
    heads = [f"p50 ms at {size:,.0f}" for size in sizes]
    lines = [
        "| query | " + " | ".join(heads) + " | p95 ms | exponent |",
        "| --- |" + " ---: |" * (len(sizes) + 2),
    ]
    for name, curve in data["curves"].items():
        times = " | ".join(f"{point['p50_ms']:.2f}" for point in curve["points"])
        last = curve["points"][-1]["p95_ms"]
        lines.append(f"| {name} | {times} | {last:.2f} | {curve['exponent']:.2f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--url", default="", help="an EMPTY database to fill, e.g. postgresql://")
    parser.add_argument("--keep", type=Path, help="folder to keep the SQLite file in")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.keep or Path(folder)
        store = open_store(Settings(home=home, database_url=options.url))
        begin = time.perf_counter()
        with store.read() as session:
            ids = list(session.execute(select(TraceRow.id).order_by(TraceRow.seq)).scalars())
        if not ids:
            ids = fill(store, options.traces)
            settle(store)
        filled = time.perf_counter() - begin
        times = {n: measure(store, query, options.repeats) for n, query in queries(ids).items()}
        store.close()
    if options.as_json:
        result = {n: {"p50_ms": round(a, 2), "p95_ms": round(b, 2)} for n, (a, b) in times.items()}
        print(json.dumps({"traces": len(ids), "seconds_fill": round(filled, 1), "queries": result}))
        return
    print(f"{len(ids):,} traces ({filled:.0f} s to write)\n{'query':34} p50 ms   p95 ms")
    for name, (p50, p95) in times.items():
        print(f"{name:34} {p50:7.1f}  {p95:7.1f}{'   <-- slow' if p95 > 150 else ''}")


if __name__ == "__main__":
    main()
