"""Which packages are installed, whether they are the locked ones and whole."""

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from core import __version__

SHOWN_VERSIONS = (
    "torch", "transformers", "sentence-transformers", "hnswlib", "numpy", "pandas", "streamlit",
    "sqlalchemy",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that stops or spoils the work, and the step that mends it."""

    what: str
    fix: str


def installed_versions() -> dict[str, str]:
    """Name -> version of Python, PhaseLens and the packages that decide results."""
    versions = {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "phaselens": __version__,
    }
    for name in SHOWN_VERSIONS:
        versions[name] = installed_version(name) or "missing"
    return versions


def installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def locked_versions(folder: Path) -> dict[str, str]:
    """Package -> locked version, for this interpreter and platform.

    From the lock files of a checkout; away from one, from the exact pins of PhaseLens's own
    package metadata.
    """
    locked: dict[str, str] = {}
    for requirement in lock_requirements(folder):
        marker = requirement.marker
        if marker is not None and not marker.evaluate({"extra": ""}):
            continue
        for specifier in requirement.specifier:
            if specifier.operator == "==":
                locked[requirement.name] = specifier.version
    return locked


def lock_requirements(folder: Path) -> Iterator[Requirement]:
    files = [folder / name for name in ("app.lock", "native.lock", "packaged.lock", "torch.in")]
    if not files[0].is_file():
        for line in importlib.metadata.requires("phaselens") or []:
            yield Requirement(line)
        return
    for file in files:
        if not file.is_file():
            continue
        for line in file.read_text(encoding="utf-8").splitlines():
            text = line.split("--hash")[0].split("#")[0].rstrip(" \\").strip()
            if not text:
                continue
            try:
                yield Requirement(text)
            except InvalidRequirement:  # an option line such as --index-url
                continue


def package_problems(locked: Mapping[str, str]) -> list[Problem]:
    """Packages that are missing or not at the locked version, in one problem each kind."""
    missing, other = [], []
    for name, wanted in sorted(locked.items()):
        found = installed_version(name)
        if found is None:
            missing.append(name)
        elif Version(found).public != Version(wanted).public:  # 2.13.0+cpu is 2.13.0
            other.append(f"{name} {found} instead of {wanted}")
    problems = []
    if missing:
        problems.append(Problem(f"Packages are missing: {', '.join(missing)}.", "Run `make app`."))
    if other:
        problems.append(
            Problem(
                f"Packages are not at their locked versions: {', '.join(other)}.",
                "Run `make app`, which installs the locked ones.",
            )
        )
    return problems


def whole_weights(package: str, suffix: str) -> bool:
    """Whether a package's weight files are there with the size that its record states."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return False
    weights = [file for file in files if str(file).endswith(suffix)]
    return bool(weights) and all(
        Path(str(file.locate())).is_file()
        and (file.size is None or Path(str(file.locate())).stat().st_size == file.size)
        for file in weights
    )
