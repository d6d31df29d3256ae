"""The golden set: documents with the gold that annotators and leads have settled on, as a dataset
that `phaselens data add` takes and as TREC qrels.

    documents.jsonl   a document a line: id, text, gold, split, and `provenance`
    gold.qrels        1 for gold, 0 for what was judged and is none: `phaselens eval --trec-qrels`
    graded.qrels      2 for gold, 1 for a near miss, 0 for the rest: for nDCG, and P(rel=2)
    labels.jsonl      the dataset's labels, where they are asked for
    golden-set.json   what it was made of, when, by which PhaseLens

A label on which as many say yes as no stays as the dataset has it, is listed as disputed, and has
no line in the qrels unless it is gold. Documents of which is said that gold is wrong or missing,
but not which label, are left out and counted.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from core.annotation.cells import json_line
from core.annotation.gold import Revised
from core.annotation.verdicts import LabelVerdict
from core.atomic import new_file, write_text
from core.code_version import code_version
from core.datasets.base import LabelSpace, Split
from core.errors import InputError
from core.trec import escape

DOCUMENTS, LABELS, ABOUT = "documents.jsonl", "labels.jsonl", "golden-set.json"
QRELS, GRADED = "gold.qrels", "graded.qrels"


@dataclass(frozen=True)
class GoldenDocument:
    """A judged document. `own`: gold as the dataset has it; `verdicts`: what holds of each label
    that was judged, ties left out; `retrieved`: (label id, name) of the shortlist that was judged,
    best first; `names`: of other labels, as far as the trace knows them; `unresolved`: annotators
    say that gold is wrong or missing, and name no label; `settled`: a lead had the last word."""

    dataset: str
    id: str
    text: str
    split: Split | None
    own: tuple[str, ...]
    revised: Revised
    verdicts: Mapping[str, LabelVerdict]
    retrieved: tuple[tuple[str, str], ...]
    names: Mapping[str, str]
    unresolved: bool
    settled: bool
    annotators: int
    judgements: int
    guidelines: tuple[int, ...]
    queues: tuple[str, ...]
    trace_id: str

    @property
    def gold(self) -> tuple[str, ...]:
        """Revised gold: the dataset's own in its order, then what was added."""
        kept = [label for label in dict.fromkeys(self.own) if label in self.revised.gold]
        return (*kept, *sorted(self.revised.added))

    def row(self) -> dict[str, Any]:
        """Its line of documents.jsonl."""
        changed = self.revised
        return {
            "id": self.id,
            "text": self.text,
            "gold": list(self.gold),
            **({"split": str(self.split)} if self.split else {}),
            "provenance": {
                "dataset": self.dataset, "own_gold": list(self.own),
                "added": sorted(changed.added), "removed": sorted(changed.removed),
                "disputed": sorted(changed.disputed), "settled": self.settled,
                "annotators": self.annotators, "judgements": self.judgements,
                "guidelines": list(self.guidelines), "queues": list(self.queues),
                "trace": self.trace_id, "phaselens": code_version(),
            },
        }  # fmt: skip

    def grades(self) -> dict[str, int]:
        """Label -> grade: 2 gold, 1 near miss, 0 judged and not gold."""
        found = dict.fromkeys(self.gold, 2)
        for label, verdict in self.verdicts.items():
            if label not in found:
                found[label] = int(verdict is LabelVerdict.NEAR_MISS)
        return found


@dataclass(frozen=True, slots=True)
class GoldenReport:
    """`changed`: documents whose gold is not the dataset's own; `disputed`: those with a label that
    is; `unresolved`: left out; `added`, `removed`: labels."""

    documents: int
    changed: int
    disputed: int
    unresolved: int
    settled: int
    added: int
    removed: int
    splits: Mapping[str, int]
    files: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def in_words(self) -> str:
        left = (
            f" Left out, as gold is wrong or missing but no label is named: {self.unresolved:,}."
            if self.unresolved
            else ""
        )
        return (
            f"Documents: {self.documents:,}. With changed gold: {self.changed:,} (labels added: "
            f"{self.added:,}, removed: {self.removed:,}). Settled by a lead: {self.settled:,}. "
            f"With disputed labels: {self.disputed:,}.{left}"
        )


def write_golden_set(
    folder: Path,
    documents: Iterable[GoldenDocument],
    *,
    labels: LabelSpace | None = None,
    about: Mapping[str, Any] | None = None,
    undisputed: bool = False,
) -> GoldenReport:
    """Writes the files into a folder, each whole or not at all. `undisputed`: without documents
    that have a disputed label; `about`: what else golden-set.json is to say. Raises InputError for
    no document, or a folder that cannot be written."""
    place = folder.expanduser().absolute()
    try:
        place.mkdir(parents=True, exist_ok=True)
        counts, splits = _write(place, documents, undisputed)
        names = [DOCUMENTS, QRELS, GRADED]
        if labels is not None:
            _write_labels(place / LABELS, labels)
            names.append(LABELS)
        report = GoldenReport(
            **{name: counts[name] for name in _COUNTED}, splits=dict(splits),
            files={name: str(place / name) for name in (*names, ABOUT)},
        )  # fmt: skip
        told = {
            **(about or {}), "made_at": datetime.now(UTC).isoformat(), "phaselens": code_version(),
            **report.to_json(),
        }  # fmt: skip
        write_text(place / ABOUT, json.dumps(told, indent=2) + "\n")
    except OSError as error:
        raise _unwritten(folder, error) from error
    return report


_COUNTED = ("documents", "changed", "disputed", "unresolved", "settled", "added", "removed")


def _write(
    place: Path, documents: Iterable[GoldenDocument], undisputed: bool
) -> tuple[Counter[str], Counter[str]]:
    counts, splits = Counter[str](), Counter[str]()
    with ExitStack() as files:
        rows, qrels, graded = (_open(files, place / name) for name in (DOCUMENTS, QRELS, GRADED))
        for one in documents:
            changed = one.revised
            counts["disputed"] += bool(changed.disputed)
            counts["unresolved"] += one.unresolved
            if one.unresolved or (undisputed and changed.disputed):
                continue
            counts["documents"] += 1
            counts["changed"] += bool(changed.added or changed.removed)
            counts["settled"] += one.settled
            counts["added"] += len(changed.added)
            counts["removed"] += len(changed.removed)
            splits[str(one.split or "none")] += 1
            rows.write(json_line(one.row()) + "\n")
            grades = one.grades()
            qrels.writelines(graded_lines(one.id, {label: g // 2 for label, g in grades.items()}))
            graded.writelines(graded_lines(one.id, grades))
        if not counts["documents"]:
            raise InputError(
                "No document has been judged so far that its gold could be told.",
                "Judge shortlists first: which labels fit, which do not, and what is missing.",
            )
    return counts, splits


def write_qrels(path: Path, documents: Iterable[GoldenDocument], *, graded: bool = False) -> int:
    """Writes the qrels alone, whole or not at all; gives the number of lines. Raises InputError."""
    count = 0
    place = path.expanduser().absolute()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with new_file(place) as new, new.open("w", encoding="utf-8", newline="\n") as file:
            for one in documents:
                if one.unresolved:
                    continue
                grades = {k: g if graded else g // 2 for k, g in one.grades().items()}
                count += len(grades)
                file.writelines(graded_lines(one.id, grades))
    except OSError as error:
        raise _unwritten(path, error) from error
    return count


def _unwritten(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path} cannot be written ({error.strerror or error}).",
        "Choose a folder with room that can be written.",
    )


def _open(files: ExitStack, path: Path) -> TextIO:
    temporary = files.enter_context(new_file(path))
    return files.enter_context(temporary.open("w", encoding="utf-8", newline="\n"))


def graded_lines(document: str, grades: Mapping[str, int]) -> Sequence[str]:
    """Lines of qrels: one a label that was judged."""
    return [f"{escape(document)} 0 {escape(label)} {grade}\n" for label, grade in grades.items()]


def _write_labels(path: Path, labels: LabelSpace) -> None:
    with new_file(path) as new, new.open("w", encoding="utf-8", newline="\n") as file:
        for label in labels:
            row: dict[str, Any] = {"id": label.id, "name": label.name}
            row |= {"description": label.description} if label.description else {}
            row |= {"parents": list(label.parents)} if label.parents else {}
            file.write(json_line(row) + "\n")
