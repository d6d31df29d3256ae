"""Tiny packages in the formats of the real ones, made by the tests themselves."""

import gzip
import io
import sqlite3
import tarfile
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from core.atomic import sha256_of
from core.datasets.packages import Package

VOCABULARY = """id,scheme,subject
https://id.nlm.nih.gov/mesh/D000002,MeSH,"Pain, Chronic"
https://id.nlm.nih.gov/mesh/D000001,MeSH,Heart
https://id.nlm.nih.gov/mesh/D000001Q000009,MeSH,Heart/adverse effects
https://id.nlm.nih.gov/mesh/D000001Q000008,MeSH,Heart/drug effects
"""
RECORD = """<PubmedArticle><MedlineCitation Status="MEDLINE"{method}><PMID Version="1">{id}</PMID>
<Article><ArticleTitle>On <i>hearts</i>.</ArticleTitle>{abstract}<Language>{language}</Language>
</Article>{topics}</MedlineCitation></PubmedArticle>"""
ABSTRACT = (
    '<Abstract><AbstractText Label="AIM">To see H<sub>2</sub>O.</AbstractText>'
    "<AbstractText>We saw.</AbstractText></Abstract>"
)
TOPICS = """<MeshHeadingList>
<MeshHeading><DescriptorName UI="D000001" MajorTopicYN="N">Heart</DescriptorName>
<QualifierName UI="Q000009" MajorTopicYN="Y">adverse effects</QualifierName>
<QualifierName UI="Q000008" MajorTopicYN="N">drug effects</QualifierName></MeshHeading>
<MeshHeading><DescriptorName UI="D000002" MajorTopicYN="N">Pain</DescriptorName></MeshHeading>
<MeshHeading><DescriptorName UI="D005260" MajorTopicYN="Y">Female</DescriptorName></MeshHeading>
</MeshHeadingList>"""


def record(
    number: int, *, abstract: str = ABSTRACT, language: str = "eng", method: str = "",
    topics: str = TOPICS,
) -> str:  # fmt: skip
    return RECORD.format(
        id=number, abstract=abstract, language=language, topics=topics,
        method=f' IndexingMethod="{method}"' if method else "",
    )  # fmt: skip


def wheel(folder: Path, package: Package, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / package.file
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def installable(folder: Path, package: Package, files: dict[str, bytes]) -> Package:
    """A wheel that pip accepts, in `folder`, and the package pinned to it."""
    base = f"{package.file.split('-')[0]}-{package.version}.dist-info"
    metadata = (
        f"Metadata-Version: 2.1\nName: {package.name}\nVersion: {package.version}\n"
        "Requires-Dist: not-there-at-all\n"
    )
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    path = wheel(
        folder,
        package,
        files
        | {
            f"{base}/METADATA": metadata.encode(),
            f"{base}/WHEEL": tags.encode(),
            f"{base}/RECORD": b"",
        },
    )
    return replace(package, sha256=sha256_of(path), bytes=path.stat().st_size)


def medline(*records: str) -> bytes:
    text = f"<?xml version='1.0'?><PubmedArticleSet>{''.join(records)}</PubmedArticleSet>"
    return gzip.compress(text.encode())


def crosswalk(rows: list[tuple[str, str, int]], path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as store:
        store.execute("CREATE TABLE gems_i9_to_pcs (icd9 TEXT, pcs_code TEXT, no_map INTEGER)")
        store.executemany("INSERT INTO gems_i9_to_pcs VALUES (?, ?, ?)", rows)
        store.commit()
    return path.read_bytes()


def tar(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def debian(files: dict[str, bytes]) -> bytes:
    """An ar archive as dpkg writes it: odd members are padded."""
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": b"odd",
        "data.tar.xz": tar(files, "w:xz"),
    }
    data = b"!<arch>\n"
    for name, content in members.items():
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
        data += head.encode() + content + b"\n" * (len(content) % 2)
    return data


LICENCE = "  1 This software and database is being provided to you\n"
WORDNET = {
    "noun": LICENCE
    + "00000060 03 n 02 entity 0 thing 0 001 ~ 00000200 n 0000 | what is; "
    '"it exists"  \n'
    "00000200 05 n 01 hot_dog 1 002 @ 00000060 n 0000 + 00000060 a 0101 | a sausage:\"hot\"  \n",
    "verb": LICENCE + "00000060 29 v 01 breathe 0 000 01 + 02 00 | draw air  \n",
    "adj": LICENCE
    + "00000060 00 a 01 hot(p) 0 002 & 00000160 a 0000 + 00000200 n 0101 | warm  \n"
    "00000160 00 s 01 warmish 2 001 & 00000060 a 0000 | a bit warm  \n",
    "adv": LICENCE + "00000060 02 r 01 hotly 0 001 \\ 00000060 a 0101 | in a hot way  \n",
}  # fmt: skip


def wordnet_files(folder: str) -> dict[str, bytes]:
    return {f"{folder}/data.{part}": text.encode() for part, text in WORDNET.items()}
