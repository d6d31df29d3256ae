"""A store filled for the page tests, through the same functions that the app writes with."""

import dataclasses

from core.config import load_settings
from core.datasets.base import Document, Split
from core.rerank.base import Bucket, Fate
from core.traces.base import FinishReason
from core.traces.importing.base import ImportedTrace
from db.runs import ensure_run
from db.session import Store, open_store
from db.trace_imports import add_imported
from db.traces import begin_trace, fail_trace, finish_trace, save_partial
from tests.db.examples import CONFIG, record

NASTY = '<img src=x onerror="alert(1)"> :material/bug_report: **bold** https://evil.example $x$'
IDENTITY = {
    "config": CONFIG.to_json(),
    "dataset_fingerprint": "f" * 64,
    "encoder": "minilm@1234",
    "index": "abcd",
    "model": {"name": "base", "dtype": "bfloat16", "weights_sha256": "a" * 64},
    "code": "0.1.0",
}


def store() -> Store:
    return open_store(load_settings())


def save(
    document_id: str = "4280",
    text: str = "Congestive heart failure, unspecified",
    *,
    trace_text: str | None = None,
    bucket: Bucket = Bucket.OK,
    fates: tuple[Fate, ...] = (Fate.SELECTED, Fate.ENCODER_MISS),
    finish_reason: FinishReason = FinishReason.STOP,
    origin: str = "live",
    system: str = "base",
) -> str:
    """Saves one finished trace and returns its id."""
    document = Document(document_id, text, ("I50.9", "I50.20"), Split.DEV)
    config = dataclasses.replace(CONFIG, system=system)
    parts = {} if trace_text is None else {"text": trace_text}
    with store().write() as session:
        identity = {**IDENTITY, "config": config.to_json()}
        run = ensure_run(session, identity, config, "dev", origin)
        trace_id = begin_trace(session, run_id=run, config=config, document=document, origin=origin)
        finish_trace(
            session,
            trace_id,
            record(document, bucket=bucket, fates=fates, finish_reason=finish_reason, **parts),
        )
    return trace_id


def save_running(
    document_id: str = "7777", so_far: str = "Shortlist:\n1. Heart", owner: str | None = None
) -> str:
    """Saves a trace that is still being written, by this very process or another `owner`."""
    document = Document(document_id, "A text in the making", (), Split.DEV)
    with store().write() as session:
        trace_id = begin_trace(
            session, run_id=None, config=CONFIG, document=document, origin="live", owner=owner
        )
        save_partial(session, trace_id, so_far, 4)
    return trace_id


def save_failed(document_id: str = "8888") -> str:
    """Saves a trace that an error ended."""
    trace_id = save_running(document_id, "half a")
    with store().write() as session:
        fail_trace(session, trace_id, "The model ran out of memory.", "Choose a smaller one.")
    return trace_id


def save_imported(text: str, document_id: str = "9999") -> str:
    """Saves a trace of another program, as an import leaves it."""
    document = Document(document_id, "A text", ("I50.9",), Split.DEV)
    trace = ImportedTrace(
        "imported", "icd", document, "llama-70b", text, None, (), (), (), 0, None,
        FinishReason.STOP, {},
    )  # fmt: skip
    with store().write() as session:
        add_imported(session, [trace])
    return trace.id
