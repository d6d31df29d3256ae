"""What an annotator says of one task, whole: what is submitted, stored and compared.

A judgement is plain data: it goes to JSON and back without loss, and is checked when it is made, so
that nothing half-said is ever stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from core.annotation.verdicts import (
    LabelVerdict,
    PhaseVerdict,
    Preference,
    ShortlistVerdict,
    TaskKind,
)
from core.errors import InputError
from core.traces.base import PhaseKind

Verdict = TypeVar("Verdict", bound=StrEnum)

MAX_COMMENT = 5_000  # characters
MAX_LABELS = 1_000  # of each kind, in one judgement
PHASES = (PhaseKind.SHORTLISTING, PhaseKind.REASONING)


@dataclass(frozen=True)
class Judgement:
    """`labels`: label id -> verdict; `missing`: ids of labels that fit and are not in the
    shortlist; `phases`: phase -> verdict; `reasons`: ids of the guidelines' reasons; `boundary`:
    the character at which reasoning begins, -1 for "no phases", None where nothing is said."""

    shortlist: ShortlistVerdict | None = None
    labels: Mapping[str, LabelVerdict] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    phases: Mapping[PhaseKind, PhaseVerdict] = field(default_factory=dict)
    boundary: int | None = None
    preference: Preference | None = None
    reasons: tuple[str, ...] = ()
    comment: str = ""

    def __post_init__(self) -> None:
        if len(self.comment) > MAX_COMMENT:
            raise InputError(
                f"The comment has {len(self.comment):,} characters, but may have {MAX_COMMENT:,}.",
                "Shorten it.",
            )
        if max(len(self.labels), len(self.missing)) > MAX_LABELS:
            raise InputError(
                f"More than {MAX_LABELS:,} labels were judged at once.", "Judge fewer of them."
            )
        if set(self.phases) - set(PHASES):
            raise InputError("Only shortlisting and reasoning are judged.", "Reload the page.")

    @property
    def empty(self) -> bool:
        """Whether nothing is said but, perhaps, a comment."""
        return not (
            self.shortlist or self.labels or self.missing or self.phases or self.preference
            or self.boundary is not None
        )  # fmt: skip

    def check(self, kind: TaskKind) -> None:
        """Raises InputError where it does not say what a task of that kind asks."""
        if kind is TaskKind.SHORTLIST and self.shortlist is None:
            raise InputError("No verdict on the shortlist is given.", "Choose one.")
        if kind is TaskKind.TRACE and not self.phases and self.boundary is None:
            raise InputError("No verdict on a phase is given.", "Choose one, or move the boundary.")
        if kind is TaskKind.PREFERENCE and self.preference is None:
            raise InputError("It is not said which side is better.", "Choose one.")

    def in_words(self) -> str:
        """What it says, in one line."""
        parts = [str(self.shortlist or ""), str(self.preference or "")]
        parts += [f"{phase} {verdict}" for phase, verdict in self.phases.items()]
        for labels, what in ((self.labels, "judged"), (self.missing, "missing")):
            parts += [f"{len(labels)} label{'s' * (len(labels) != 1)} {what}"] if labels else []
        parts += ["a boundary"] if self.boundary is not None else []
        return ", ".join(part.replace("_", " ") for part in parts if part) or "a comment"

    def to_json(self) -> dict[str, Any]:
        """Without what is not said."""
        data = {
            "shortlist": self.shortlist,
            "labels": dict(self.labels),
            "missing": list(self.missing),
            "phases": {str(phase): verdict for phase, verdict in self.phases.items()},
            "boundary": self.boundary,
            "preference": self.preference,
            "reasons": list(self.reasons),
            "comment": self.comment,
        }
        return {name: value for name, value in data.items() if value not in (None, {}, [], "")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Judgement":
        """Raises InputError for words that are no verdicts."""
        try:
            return cls(
                shortlist=_one(ShortlistVerdict, data.get("shortlist")),
                labels={
                    str(label): LabelVerdict(verdict)
                    for label, verdict in dict(data.get("labels", {})).items()
                },
                missing=tuple(str(label) for label in data.get("missing", ())),
                phases={
                    PhaseKind(phase): PhaseVerdict(verdict)
                    for phase, verdict in dict(data.get("phases", {})).items()
                },
                boundary=None if data.get("boundary") is None else int(data["boundary"]),
                preference=_one(Preference, data.get("preference")),
                reasons=tuple(str(reason) for reason in data.get("reasons", ())),
                comment=str(data.get("comment", "")),
            )
        except (ValueError, TypeError) as error:
            raise InputError(
                f"This is no judgement ({error}).", "Give the verdicts that the guidelines name."
            ) from error


def _one(kind: type[Verdict], value: str | None) -> Verdict | None:
    return None if value is None else kind(value)
