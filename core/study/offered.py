"""Which runs of a study stand side by side before anybody has chosen any."""

import re
from collections.abc import Iterable

from core.datasets.base import Split

SIDES = ("standard-0", "mechanistic-0", "teacher")  # the first is what the others are measured by
_SYSTEM = re.compile(rf"(?P<study>.+)-(?P<side>{'|'.join(SIDES)})")


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
