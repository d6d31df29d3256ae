"""Judged documents with their texts and shortlists: what a golden set and hard negatives are made
of."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.annotation.golden import GoldenDocument
from core.datasets.base import Split
from core.errors import InputError
from db.judged_gold import Key, judged_documents, judged_keys
from db.models import TraceBodyRow, TraceRow, TraceTextRow

AT_A_TIME = 100


def golden_datasets(session: Session, queue_id: str | None = None) -> dict[str, int]:
    """Dataset -> its judged documents, the most first."""
    counts: dict[str, int] = {}
    for dataset, _ in judged_keys(session, queue_id):
        counts[dataset] = counts.get(dataset, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def the_dataset(session: Session, queue_id: str | None, dataset: str | None) -> str:
    """The dataset asked for, or the only one that was judged. Raises InputError."""
    there = golden_datasets(session, queue_id)
    if dataset is not None and dataset in there:
        return dataset
    if not there or dataset is not None:
        raise InputError(
            "No shortlist has been judged yet." if not there
            else f"No shortlist of {dataset!r} has been judged.",
            "Judge shortlists first (the Annotate page)." if not there
            else f"Judged are: {', '.join(there)}.",
        )  # fmt: skip
    if len(there) > 1:
        raise InputError(
            f"Documents of several datasets were judged: {', '.join(there)}.",
            "Say which one (--dataset).",
        )
    return next(iter(there))


def golden_documents(
    session: Session, dataset: str, queue_id: str | None = None
) -> Iterator[GoldenDocument]:
    """The judged documents of a dataset, a few at a time. Use it inside the `store.read()` that
    made the session. Raises UnknownNameError and InputError for the queue."""
    judged = judged_documents(session, queue_id)
    keys = [key for key in judged if key[0] == dataset]
    for start in range(0, len(keys), AT_A_TIME):
        some = keys[start : start + AT_A_TIME]
        of_trace: dict[str, Key] = {judged[key].trace_id: key for key in some}
        found = session.execute(
            select(TraceRow, TraceTextRow.document, TraceBodyRow)
            .join(TraceTextRow, TraceTextRow.trace_seq == TraceRow.seq)
            .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
            .where(TraceRow.id.in_(of_trace))
        ).all()
        rows = {of_trace[row.id]: (row, text, body) for row, text, body in found}
        for key in some:
            row, text, body = rows[key]
            one = judged[key]
            shortlist = (body.shortlist or {}).get("rows") or []
            yield GoldenDocument(
                dataset=row.dataset, id=row.document_id, text=text,
                split=Split(row.split) if row.split else None, own=one.own, revised=one.revised,
                verdicts=one.verdicts, unresolved=one.unresolved, settled=one.final is not None,
                retrieved=tuple((r["label_id"], r["name"]) for r in shortlist),
                names={g["label_id"]: g["name"] for g in body.gold_ranks or ()},
                annotators=len(one.people), judgements=len(one.said),
                guidelines=tuple(sorted(one.guidelines)), queues=tuple(sorted(one.queues)),
                trace_id=row.id,
            )  # fmt: skip
        session.expunge_all()  # a large set must not gather in memory
