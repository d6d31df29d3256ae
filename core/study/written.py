"""The finished traces of a run, as the measures of a study read them."""

from collections.abc import Mapping

from core.study.likeness import Written
from core.study.simulability import Answer
from db.runs import run_records
from db.session import Store
from db.traces import load_trace


def written_in(store: Store, run: str) -> dict[str, Written]:
    """By document."""
    found = {}
    with store.read() as session:
        ids = [(record.document_id, record.trace_id) for record in run_records(session, run)]
        for document, trace_id in ids:
            stored = load_trace(session, trace_id)
            if stored.trace is not None:
                chosen = stored.prediction.selected if stored.prediction else ()
                found[document] = Written(
                    stored.document.text, stored.trace, stored.candidates, frozenset(chosen)
                )
    return found


def answers_in(written: Mapping[str, Written]) -> list[Answer]:
    """What a simulator is to predict."""
    return [
        Answer(document, one.text, one.candidates, one.trace.text, one.selected)
        for document, one in written.items()
    ]
