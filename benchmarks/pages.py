"""How long each page's script takes over a full store: `phaselens bench pages`.

1. A throw-away store is filled with traces of real size (benchmarks/store_growth.py); datasets,
   models and indexes are those of the home folder.
2. Each page is run by Streamlit's own AppTest, from app.py on: once unmeasured, as a server's
   first visitor would, then `repeats` times. The time is the script's, its reruns included: no
   network, no browser, and not the 0.3 s that AppTest itself takes around it.
"""

import logging
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from benchmarks.store_growth import fill, words
from core.config import Settings
from core.datasets.base import Document
from core.rerank.base import Bucket, Prediction
from core.shortlist.base import Shortlist
from core.traces.base import BoundarySource, FinishReason, Phase, PhaseKind, Trace
from core.traces.importing.base import ImportedTrace
from db.session import Store, open_store
from db.trace_imports import add_imported
from db.traces import TraceRecord, finish_trace

ROOT = Path(__file__).resolve().parents[1]
LONG_TOKENS, LONG_CHARS = 50_000, 220_000
LINKED = ("models", "datasets", "indexes", "surveys")


def visits(ids: list[str], long: str) -> dict[str, tuple[str, dict[str, str]]]:
    """What is opened: a name -> (page, address). `long`: a trace of 50,000 tokens."""
    middle = ids[len(ids) // 2]
    return {
        "Explore": ("explore", {}),
        "Explore, a saved trace": ("explore", {"trace": middle}),
        "Traces": ("traces", {}),
        "Traces, a search": ("traces", {"f_text": "heart failure"}),
        "Traces, filtered": (
            "traces",
            {"f_boundary": "human", "f_length": "1,000 to 10,000", "f_f1": "at most 0.5"},
        ),
        "Traces, one trace": ("traces", {"trace": middle}),
        "Traces, one of 50,000 tokens": ("traces", {"trace": long}),
        "Shortlist": ("shortlist", {}),
        "Data": ("data", {}),
        "Jobs": ("jobs", {}),
        "Settings": ("settings", {}),
    }


def measure(
    settings: Settings, traces: int, repeats: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """`pages`: name -> {p50_ms, p95_ms} of the page's script. Raises StoreError."""
    with tempfile.TemporaryDirectory(prefix="phaselens-bench-") as folder:
        home = Path(folder)
        for name in LINKED:
            if (settings.home / name).exists():
                (home / name).symlink_to(settings.home / name)
        say(f"writing {traces:,} traces")
        store = open_store(Settings(home=home, database_url=""))
        ids = fill(store, traces)
        long = add_long(store)
        store.close()
        pages = {}
        for name, (page, address) in visits(ids, long).items():
            say(f"timing {name}, {repeats} times")
            pages[name] = timed(home, page, address, repeats)
    return {"pages": pages, "traces": traces, "repeats": repeats}


def add_long(store: Store) -> str:
    """Saves a trace of 50,000 tokens, imported and worked out, and returns its id."""
    rng = random.Random(11)
    document = Document("long", words(rng, 120), ("A000",))
    text = "\n".join(f"The {words(rng, 9)} could fit. " for _ in range(3_400))[:LONG_CHARS]
    imported = ImportedTrace(
        "long", "icd", document, "long", text, None, (), (), (), LONG_TOKENS, None,
        FinishReason.STOP, {},
    )  # fmt: skip
    turn = text.index("\n", len(text) // 3) + 1
    trace = Trace(
        text, FinishReason.STOP, 0, LONG_TOKENS, 0.0, None,
        phases=(Phase(PhaseKind.SHORTLISTING, 0, turn, confidence=1.0),
                Phase(PhaseKind.REASONING, turn, len(text), confidence=0.8)),
        boundary=turn / len(text), boundary_source=BoundarySource.CHANGE_POINT,
    )  # fmt: skip
    shortlist = Shortlist((), 50, None, "", "", 1, 1, 0.0, 0.0)
    prediction = Prediction((), (), Bucket.WRONG_FORMAT)
    record = TraceRecord(document, (), shortlist, (), "", trace, prediction, ())
    with store.write() as session:
        add_imported(session, [imported])
        finish_trace(session, imported.id, record)
    return imported.id


def timed(home: Path, page: str, address: dict[str, str], repeats: int) -> dict[str, float]:
    """p50 and p95 of the script's milliseconds. Raises RuntimeError where the page has a fault."""
    from streamlit.testing.v1 import AppTest

    os.environ["PHASELENS_HOME"] = str(home)
    os.environ.pop("PHASELENS_DATABASE_URL", None)
    milliseconds = []
    with remembered_navigation(), script_seconds() as seconds:
        for number in range(repeats + 1):
            app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
            app.query_params.update(address)
            app.session_state["annotator_name"] = ""
            app.switch_page(f"pages/{page}.py")
            seconds.clear()
            app.run()
            if number:
                milliseconds.append(sum(seconds) * 1000)
            if app.exception:
                raise RuntimeError(f"{page}: {app.exception[0].value}")
    cuts = statistics.quantiles(milliseconds, n=20)
    return {"p50_ms": round(statistics.median(milliseconds), 1), "p95_ms": round(cuts[-1], 1)}


@contextmanager
def script_seconds() -> Iterator[list[float]]:
    """A list that grows by the seconds of each run of a script within the block."""
    seconds: list[float] = []
    run = ScriptRunner._run_script

    def counted(self: ScriptRunner, *args: Any, **options: Any) -> None:
        began = time.perf_counter()
        try:
            run(self, *args, **options)
        finally:
            seconds.append(time.perf_counter() - began)

    with patch.object(ScriptRunner, "_run_script", counted):
        yield seconds


@contextmanager
def remembered_navigation() -> Iterator[None]:
    """AppTest forgets before each run that the app calls st.navigation, and would run a page twice;
    a server remembers from its first run on. Its warnings of a missing context are its own."""
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").disabled = True
    begin = PagesManager.__init__

    def begun(self: PagesManager, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        PagesManager.uses_pages_directory = False

    with patch.object(PagesManager, "__init__", begun):
        yield


def pages_table(data: dict[str, Any]) -> list[str]:
    """Lines of Markdown."""
    lines = ["| page | p50 ms | p95 ms |", "| --- | ---: | ---: |"]
    for name, found in data["pages"].items():
        lines.append(f"| {name} | {found['p50_ms']:.0f} | {found['p95_ms']:.0f} |")
    return lines
