"""Which runs have answered judged documents, and what the judgements change of their scores."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.annotation.effects import CUTS, Effect, effect_of
from db.annotation_models import AnnotationEventRow, JudgementRow, ShortlistFlagRow
from db.judged_gold import Key, flagged_documents, judged_documents, with_flags
from db.models import RunRow, TraceBodyRow, TraceRow
from db.runs import load_run
from db.trace_views import TraceState

AT_A_TIME = 200
MOST_IN = 10_000  # documents of one condition


@dataclass(frozen=True, slots=True)
class RunEffect:
    """A run with what the judgements change of it."""

    run: str
    dataset: str
    system: str
    split: str | None
    effect: Effect

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Answer:
    document_id: str
    ranking: tuple[str, ...]
    retrieved: tuple[str, ...]
    selected: tuple[str, ...]
    gold: tuple[str, ...]


def effects(
    session: Session,
    queue_id: str | None = None,
    runs: Sequence[str] = (),
    *,
    cuts: Sequence[int] = CUTS,
    most: int | None = None,
) -> list[RunEffect]:
    """Of these runs (ids or their unique beginnings), or of all that have answered judged or
    flagged documents, newest first and at most `most`. With a queue, only its documents count.
    Raises UnknownNameError and InputError."""
    judged = judged_documents(session, queue_id)
    flagged = flagged_documents(session)
    sure = with_flags(judged, flagged, only_judged=True)
    every = sure if queue_id is not None else with_flags(judged, flagged, only_judged=False)
    found = []
    for run in _runs(session, runs, every):
        of_run = {document: one for (dataset, document), one in sure.items()
                  if dataset == run.dataset}  # fmt: skip
        also = {document: one for (dataset, document), one in every.items()
                if dataset == run.dataset}  # fmt: skip
        effect = effect_of(_answers(session, run.id, also), of_run, also, cuts)
        if effect is not None:
            found.append(RunEffect(run.id, run.dataset, run.system, run.split, effect))
        if most is not None and len(found) >= most:
            break
    return found


def _runs(session: Session, asked: Sequence[str], keys: Collection[Key]) -> list[RunRow]:
    ids = [load_run(session, run).summary.id for run in asked]
    query = select(RunRow).where(RunRow.origin != "live").order_by(RunRow.created_at.desc())
    if ids:
        query = query.where(RunRow.id.in_(ids))
    datasets = {dataset for dataset, _ in keys}
    return list(session.execute(query.where(RunRow.dataset.in_(datasets))).scalars())


def _answers(session: Session, run: str, documents: Collection[str]) -> Iterator[_Answer]:
    """Finished answers of a run to these documents; of several to one, the last."""
    wanted = sorted(documents)
    for start in range(0, len(wanted), MOST_IN):
        some = wanted[start : start + MOST_IN]
        last = 0
        while True:
            rows = session.execute(
                select(TraceRow.seq, TraceRow.document_id, TraceBodyRow.gold,
                       TraceBodyRow.prediction, TraceBodyRow.shortlist)
                .join(TraceBodyRow, TraceBodyRow.trace_seq == TraceRow.seq)
                .where(
                    TraceRow.run_id == run, TraceRow.origin != "live",
                    TraceRow.state == TraceState.DONE, TraceRow.has_phases.is_not(None),
                    TraceRow.document_id.in_(some), TraceRow.seq > last,
                )
                .order_by(TraceRow.seq)
                .limit(AT_A_TIME)
            ).all()  # fmt: skip
            if not rows:
                break
            for _, document, gold, prediction, shortlist in rows:
                yield _Answer(
                    document,
                    tuple(r["label_id"] for r in prediction["ranking"]),
                    tuple(r["label_id"] for r in shortlist["rows"]),
                    tuple(prediction["selected"]), tuple(gold),
                )  # fmt: skip
            last = rows[-1].seq


def newest_word(session: Session) -> tuple[int, int, int]:
    """Changes with every judgement and flag: what was worked out before is then out of date."""
    judgement = session.execute(select(func.max(JudgementRow.seq))).scalar_one() or 0
    flags = session.execute(select(func.count()).select_from(AnnotationEventRow)).scalar_one()
    others = session.execute(select(func.count()).select_from(ShortlistFlagRow)).scalar_one()
    return judgement, flags, others
