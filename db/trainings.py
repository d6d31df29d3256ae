"""How trained systems learned: the losses of every step, by the name of their term."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.models import TrainingRow


@dataclass(frozen=True, slots=True)
class TrainingView:
    """One stage of a system's training. `curves`: a row a step: step, tokens, seconds, "total" and
    each term of the loss by its name."""

    system: str
    stage: str
    steps: int
    tokens: int
    seconds: float
    plan: Mapping[str, Any]
    curves: Sequence[Mapping[str, float]]
    finished_at: datetime


def save_training(
    session: Session,
    *,
    system: str,
    stage: str,
    plan: Mapping[str, Any],
    curves: Sequence[Mapping[str, float]],
) -> None:
    """Saves a finished stage, in the place of an earlier training of the same system."""
    last = curves[-1] if curves else {}
    session.merge(
        TrainingRow(
            system=system,
            stage=stage,
            steps=len(curves),
            tokens=int(last.get("tokens", 0)),
            seconds=float(last.get("seconds", 0.0)),
            plan=dict(plan),
            curves=[dict(row) for row in curves],
            finished_at=now(session),
        )
    )
    session.flush()


def trainings_of(session: Session, systems: Sequence[str]) -> list[TrainingView]:
    """The stages of some systems, in the order in which they were finished."""
    rows = session.execute(
        select(TrainingRow)
        .where(TrainingRow.system.in_(systems))
        .order_by(TrainingRow.finished_at, TrainingRow.system, TrainingRow.stage)
    ).scalars()
    return [
        TrainingView(
            row.system, row.stage, row.steps, row.tokens, row.seconds, row.plan, row.curves,
            row.finished_at,
        )
        for row in rows
    ]  # fmt: skip
