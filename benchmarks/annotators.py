"""Annotators who submit at once: `python -m benchmarks.annotators [--seconds 300]`.

Each annotator is a process of its own on one store (SQLite, or `--database URL`). It claims a task,
judges it and goes on; now and then it sends the same click twice, judges again from a window that
has not seen its last word, or takes a judgement back. It writes down what was acknowledged. At the
end the store is asked: every acknowledged event is there, none twice, each task has as many
judgements as it says, and at most as many as were asked for.
"""

import argparse
import json
import multiprocessing
import random
import statistics
import tempfile
import time
import traceback
import uuid
from collections import Counter
from pathlib import Path
from queue import Empty
from typing import Any

from sqlalchemy import func, select

from benchmarks.store_growth import fill
from core.annotation.judgement import Judgement
from core.annotation.people import local_person
from core.annotation.verdicts import ShortlistVerdict, TaskKind
from core.config import Settings
from core.errors import ConflictError
from db.annotation_models import JudgementRow, TaskRow
from db.judgements import (
    Submission,
    judge_task,
    judgements_of,
    newest,
    undo_judgement,
)
from db.queues import Queue, add_queue
from db.session import Store, open_store
from db.tasks import next_task

LEAD = local_person("lead")
VERDICTS = list(ShortlistVerdict)
LOOK_S = 1.0
TWICE, UNSEEN, UNDONE = 0.1, 0.05, 0.05  # how often


def annotate(
    settings: Settings, queue_id: str, number: int, seconds: float, ready: Any, told: Any
) -> None:
    """One annotator, who begins when all are there; puts {"acknowledged", "undone", "conflicts",
    "milliseconds"} into `told`."""
    chance = random.Random(number)
    me = local_person(f"annotator {number}")
    store = open_store(settings)
    acknowledged, undone, conflicts, milliseconds = [], [], 0, []
    ready.wait()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        with store.write() as session:
            task = next_task(session, me, queue_id)
        if task is None:
            break
        with store.read() as session:
            after = newest(session, me, task.subject)
        sent = Submission(
            Judgement(shortlist=chance.choice(VERDICTS)), after, 1.0, None, uuid.uuid4().hex
        )
        for _ in range(2 if chance.random() < TWICE else 1):
            with store.write() as session:
                event = judge_task(session, me, task.id, sent)
        milliseconds.append((time.perf_counter() - began) * 1000)
        acknowledged.append(event)
        if chance.random() < UNSEEN:
            try:
                with store.write() as session:
                    judge_task(session, me, task.id, Submission(sent.judgement, after))
            except ConflictError:
                conflicts += 1
        if chance.random() < UNDONE:
            with store.write() as session:
                undone.append((event, undo_judgement(session, me, event)))
    store.close()
    told.put({"acknowledged": acknowledged, "undone": undone, "conflicts": conflicts,
              "milliseconds": milliseconds})  # fmt: skip


def _annotate(
    settings: Settings, queue_id: str, number: int, seconds: float, ready: Any, told: Any
) -> None:
    try:
        annotate(settings, queue_id, number, seconds, ready, told)
    except Exception:
        told.put({"failed": traceback.format_exc()})
        raise


def crowd(
    settings: Settings, queue: Queue, annotators: int, seconds: float
) -> list[dict[str, Any]]:
    """What each of them was told. Raises RuntimeError where one has failed or died."""
    context = multiprocessing.get_context("spawn")
    told, ready = context.Queue(), context.Barrier(annotators)
    processes = [
        context.Process(target=_annotate, args=(settings, queue.id, number, seconds, ready, told))
        for number in range(annotators)
    ]
    for process in processes:
        process.start()
    found: list[dict[str, Any]] = []
    while len(found) < annotators:
        try:
            found.append(told.get(timeout=LOOK_S))
            why = found[-1].get("failed")
        except Empty:
            codes = [process.exitcode for process in processes if process.exitcode]
            why = f"exit status {codes}" if codes else None
        if why is not None:
            for process in processes:
                process.terminate()
            raise RuntimeError(f"An annotator has failed: {why}")
    for process in processes:
        process.join()
    return found


def check(store: Store, queue: Queue, told: list[dict[str, Any]]) -> dict[str, int]:
    """Counts, and what is wrong: `lost` (acknowledged and not in the store), `doubled` (one click,
    two events), `miscounted` (tasks whose count of judgements is wrong), `beyond` (judged by more
    than asked for)."""
    acknowledged = {event for one in told for event in one["acknowledged"]}
    acknowledged |= {event for one in told for pair in one["undone"] for event in pair}
    with store.read() as session:
        stored = Counter(session.execute(select(JudgementRow.id)).scalars())
        tokens = select(JudgementRow.client_token, func.count()).where(
            JudgementRow.client_token.is_not(None)
        )
        clicks = session.execute(tokens.group_by(JudgementRow.client_token)).all()
        touched = select(TaskRow).where(TaskRow.queue_id == queue.id, TaskRow.judged > 0)
        rows = session.execute(touched).scalars().all()
        wrong = [t for t in rows if len(judgements_of(session, f"task:{t.id}")) != t.judged]
    return {
        "annotators": len(told),
        "acknowledged": sum(len(one["acknowledged"]) for one in told),
        "undone": sum(len(one["undone"]) for one in told),
        "conflicts": sum(one["conflicts"] for one in told),
        "events": sum(stored.values()),
        "lost": len(acknowledged - stored.keys()),
        "doubled": sum(count > 1 for _, count in clicks),
        "miscounted": len(wrong),
        "beyond": sum(task.judged > queue.overlap for task in rows),
    }


def prepare(settings: Settings, tasks: int, overlap: int) -> tuple[Store, Queue]:
    """A store with traces, and a queue of them."""
    store = open_store(settings)
    ids = fill(store, tasks)
    with store.write() as session:
        queue = add_queue(
            session, LEAD, name="all", kind=TaskKind.SHORTLIST, overlap=overlap,
            traces=[(trace, None) for trace in ids],
        )  # fmt: skip
    return store, queue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotators", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--overlap", type=int, default=2)
    parser.add_argument("--database", default="", help="an SQLAlchemy URL; default: SQLite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="phaselens-bench-") as folder:
        settings = Settings(home=Path(folder), database_url=asked.database)
        store, queue = prepare(settings, asked.tasks, asked.overlap)
        told = crowd(settings, queue, asked.annotators, asked.seconds)
        found = check(store, queue, told)
        times = sorted(ms for one in told for ms in one["milliseconds"])
        store.close()
    print(json.dumps({
        **found, "per_second": round(found["acknowledged"] / asked.seconds, 1),
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(0.95 * len(times))], 1), "seconds": asked.seconds,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
