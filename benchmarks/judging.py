"""From the press of a verdict's key to the next task on the screen, in a real browser:
`python -m benchmarks.judging [--tasks 100000] [--keys 60] [--chromium PATH]`.

A throw-away store gets that many traces and a queue of as many shortlists for two annotators, half
of which the annotator at the browser has judged already. Then headless Chromium presses verdict
keys, a moment after the screen has settled, and the next task's number is waited for. Milliseconds:
median, 95th percentile and largest, after five keys that are not counted; beside them the same for
a page that does next to nothing (Settings to Jobs), which is what Streamlit itself takes.
"""

import argparse
import json
import re
import shutil
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from benchmarks.pages import LINKED
from benchmarks.screens import PATIENCE_MS, SETTLED, running
from benchmarks.store_growth import fill
from core.annotation.people import local_person
from core.annotation.verdicts import TaskKind
from core.config import Settings, load_settings
from db.annotation_models import JudgementRow, TaskRow, TaskStateRow
from db.clock import now
from db.queues import DONE, Queue, add_queue
from db.session import Store, open_store

ME = local_person("Ada")
UNCOUNTED = 5
AT_ONCE = 5_000
# Looked for every 10 ms: a locator's own wait looks again after 20, 50, 100, 100 and then 500 ms.
SHOWS = """([desk, words]) => {
  const about = desk.querySelector(".about")
  return !desk.classList.contains("sent") && about !== null && about.textContent.startsWith(words)
}"""
ON_JOBS = "() => document.body.innerText.includes('Running and waiting')"


def half_judged(store: Store, traces: list[str]) -> Queue:
    """A queue of these traces; the first half was judged once, by the annotator at the browser."""
    with store.write() as session:
        queue = add_queue(
            session, ME, name="many", kind=TaskKind.SHORTLIST, overlap=2,
            traces=[(trace, None) for trace in traces],
        )  # fmt: skip
    done = len(traces) // 2
    with store.write() as session:
        moment = now(session)
        tasks = session.query(TaskRow.id, TaskRow.position, TaskRow.trace_id).where(
            TaskRow.queue_id == queue.id, TaskRow.position < done
        )
        rows = list(tasks)
        for start in range(0, done, AT_ONCE):
            some = rows[start : start + AT_ONCE]
            session.execute(
                insert(TaskStateRow),
                [{"task_id": task, "person": ME.id, "queue_id": queue.id, "position": position,
                  "state": DONE, "expires_at": None, "changed_at": moment}
                 for task, position, _ in some],
            )  # fmt: skip
            session.execute(
                insert(JudgementRow),
                [{"id": uuid.uuid4().hex, "kind": "judgement", "subject": f"task:{task}",
                  "task_id": task, "trace_id": trace, "person": ME.id, "annotator": ME.name,
                  "after": "", "undoes": None, "value": {"shortlist": "good"}, "guideline": 1,
                  "seconds": 2.0, "shown": {}, "client_token": None, "created_at": moment}
                 for task, _, trace in some],
            )  # fmt: skip
        session.execute(
            update(TaskRow)
            .where(TaskRow.queue_id == queue.id, TaskRow.position < done)
            .values(judged=1)
        )
    return queue


def measure(url: str, queue: Queue, chromium: str, keys: int) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    found: list[float] = []
    bare: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": "phaselens_annotator", "value": ME.name, "url": url}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)

        def settle() -> None:
            page.wait_for_function(SETTLED, polling=10)
            page.wait_for_timeout(300)

        page.goto(f"{url}/annotate?view=Judge&queue={queue.id}")
        about = page.locator(".judge:not(.sent) .about")
        about.wait_for()
        desk = page.locator(".judge").element_handle()
        for at in range(keys + UNCOUNTED):
            settle()
            number = int(re.sub(r"\D", "", about.inner_text().split(" of ")[0]))
            began = time.perf_counter()
            page.keyboard.press("123"[at % 3])
            page.wait_for_function(SHOWS, arg=[desk, f"Task {number + 1:,} of"], polling=10)
            found.append((time.perf_counter() - began) * 1000)
        for _ in range(12):
            page.goto(f"{url}/settings")
            settle()
            began = time.perf_counter()
            page.get_by_role("link", name="Jobs").first.click()
            page.wait_for_function(ON_JOBS, polling=10)
            page.wait_for_function(SETTLED, polling=10)
            bare.append((time.perf_counter() - began) * 1000)
        browser.close()
    return {"key_to_next_task": told(found[UNCOUNTED:]), "the_jobs_page": told(bare[2:])}


def told(milliseconds: list[float]) -> dict[str, int]:
    """Median, 95th percentile (the nearest rank) and largest."""
    ranked = sorted(milliseconds)
    return {
        "p50_ms": round(statistics.median(ranked)),
        "p95_ms": round(ranked[max(0, -(-95 * len(ranked) // 100) - 1)]),
        "max_ms": round(ranked[-1]), "count": len(ranked),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "")
    asked = parser.parse_args()
    settings = load_settings()
    with tempfile.TemporaryDirectory(prefix="phaselens-bench-") as folder:
        home = Path(folder)
        for name in LINKED:
            if (settings.home / name).exists():
                (home / name).symlink_to(settings.home / name)
        store = open_store(Settings(home=home, database_url=""))
        queue = half_judged(store, fill(store, asked.tasks))
        store.close()
        with running(home) as url:
            found = measure(url, queue, asked.chromium, asked.keys)
    print(json.dumps({**found, "tasks": asked.tasks}, indent=1))


if __name__ == "__main__":
    main()
