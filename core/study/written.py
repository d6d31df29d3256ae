"""The finished traces of a run, as the measures of a study read them."""

from collections.abc import Iterable, Mapping

from core.rerank.parser import parse
from core.study.likeness import Written
from core.study.simulatability import Answer
from db.runs import RunRecord
from db.session import Store
from db.traces import load_trace


def written_in(store: Store, records: Iterable[RunRecord]) -> dict[str, Written]:
    """By document. `records`: those of a run."""
    found = {}
    with store.read() as session:
        for record in records:
            stored = load_trace(session, record.trace_id)
            if stored.trace is not None:
                trace, candidates = stored.trace, stored.candidates
                parsed = parse(trace.text, candidates, trace.finish_reason)
                chosen = stored.prediction.selected if stored.prediction else ()
                found[record.document_id] = Written(
                    stored.document.text, trace, parsed, candidates, frozenset(chosen)
                )
    return found


def answers_in(written: Mapping[str, Written]) -> list[Answer]:
    """What a simulator is to predict."""
    return [
        Answer(document, one.text, one.candidates, one.trace.text, one.selected)
        for document, one in written.items()
    ]
