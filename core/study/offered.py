"""Runs of a study among others: which stand side by side before anybody has chosen any."""

import re
from collections.abc import Iterable

from core.datasets.base import Split
from core.distill.arm import HEADLINE, TEACHER, Arm
from core.models.catalogue import BASE

SIDES = (*(f"{arm}-0" for arm in HEADLINE), TEACHER)  # the first is what the others are measured by
_OF_A_STUDY = re.compile(rf"(?P<study>.+?)-(?:{TEACHER}|(?:{'|'.join(Arm)})-\d+)")
_SYSTEM = re.compile(rf"(?P<study>.+)-(?P<side>{'|'.join(SIDES)})")


def study_of(systems: Iterable[str]) -> str | None:
    """The study that all these systems are of, the untuned model aside; None without one."""
    found = {_study_in(name) for name in systems if name != BASE}
    return found.pop() if len(found) == 1 else None


def _study_in(system: str) -> str | None:
    found = _OF_A_STUDY.fullmatch(system)
    return found["study"] if found else None


def offered(runs: Iterable[tuple[str, str, str | None]]) -> list[str]:
    """`runs`: (id, system, split). The test runs of the first study that has all of SIDES, in
    their order; none where there is no such study."""
    studies: dict[str, dict[str, str]] = {}
    for run, system, split in runs:
        found = _SYSTEM.fullmatch(system)
        if found and split == Split.TEST:
            studies.setdefault(found["study"], {}).setdefault(found["side"], run)
    for sides in studies.values():
        if sides.keys() == set(SIDES):
            return [sides[side] for side in SIDES]
    return []
