"""Small kinds of job, and the process that does them: `python -m tests.jobs.worker JOB_ID`.

The process is the app's own (core.jobs.__main__ with other kinds), so what is killed here is
what users kill.
"""

import errno
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from core.config import Settings
from core.datasets.base import Document
from core.errors import ModelError
from core.jobs.__main__ import main
from core.jobs.kinds import Cancelled, Kind, Report
from db.runs import done_documents, ensure_run
from db.session import open_store
from db.traces import begin_trace, finish_trace
from tests.db.examples import CONFIG, record

COMMAND = (sys.executable, "-m", "tests.jobs.worker")
Params = Mapping[str, Any]


def answer_documents(
    settings: Settings, params: Params, report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Like a batch run: one trace a document, finished ones are skipped."""
    store = open_store(settings)
    total = int(params["total"])
    with store.write() as session:
        run = ensure_run(session, {"test": 1}, CONFIG, "dev", "batch")
        done = done_documents(session, run)
    report("Answering", len(done), total)
    for number in range(total):
        document = Document(f"d{number}", "heart", ("I50.9",))
        if document.id in done:
            continue
        if cancelled():
            break
        with store.write() as session:
            trace_id = begin_trace(
                session, run_id=run, config=CONFIG, document=document, origin="batch"
            )
        time.sleep(float(params["pause"]))
        with store.write() as session:
            finish_trace(session, trace_id, record(document))
            _note(settings, document.id)
        done.add(document.id)
        report("Answering", len(done), total)
    return {"answered": len(done)}


def _note(settings: Settings, line: str) -> None:
    """Written inside the transaction, so it may be ahead of the store, but never behind."""
    with (settings.home / "answered.txt").open("a") as notes:
        notes.write(line + "\n")


def fail(
    settings: Settings, params: Params, report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    print("about to fail")
    if (settings.home / "mended").exists():
        return {"mended": True}
    raise ModelError("The model is broken.", "Mend it.")


def crash(
    settings: Settings, params: Params, report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    raise RuntimeError("nobody foresaw this")


def die(settings: Settings, params: Params, report: Report, cancelled: Cancelled) -> dict[str, Any]:
    os._exit(9)


def disk_full(
    settings: Settings, params: Params, report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/vectors")


def deaf(
    settings: Settings, params: Params, report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Never asks whether it is cancelled, and finishes."""
    report("Working", 1, 2)
    time.sleep(float(params["pause"]))
    report("Working", 2, 2)
    return {"finished": True}


def wait_for_cancel(
    settings: Settings, params: Params, report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    (settings.home / "working").touch()
    while not cancelled():
        time.sleep(0.05)
    (settings.home / "stopped").touch()
    return {"stopped": True}


KINDS: dict[str, Kind] = {
    "answer": answer_documents,
    "fail": fail,
    "crash": crash,
    "die": die,
    "disk full": disk_full,
    "deaf": deaf,
    "wait": wait_for_cancel,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], kinds=KINDS))
