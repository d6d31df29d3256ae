"""Lessons of a split: documents as the shortlister shows them, each with its trace from gold.

They are kept in the home (`distill/lessons/`), for other people's texts may stand in them: nothing
of them is shipped. A file is named by the hash of what decides it most
(dataset, index, numbers, and the text of evidence.py and supervision.py), and written document by
document, so a stopped collection goes on.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from core.datasets.base import Dataset, Document, Split
from core.distill import evidence, supervision
from core.distill.decisions import Decided
from core.distill.supervision import Lesson, lesson
from core.errors import InputError
from core.metrics.sets import best_f1
from core.rerank.base import Candidate, nearness_of
from core.run_request import documents_of
from core.shortlist.base import Method
from core.toolbox import Toolbox

K, SHOWN, METHOD = 50, 10, Method.DENSE

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Taught:
    """One document with the labels it was shown and the trace to learn."""

    dataset: str
    document: Document
    candidates: tuple[Candidate, ...]
    cosines: tuple[float, ...]  # of the candidates to the text
    lesson: Lesson


def collect(
    toolbox: Toolbox,
    dataset_name: str,
    split: Split,
    count: int | None,
    on_progress: OnProgress = lambda done, total: None,
) -> list[Taught]:
    """Lessons for the first `count` documents of a split (in the order of their ids' hashes; None:
    all).

    Raises UnknownNameError, DataError, IndexFileError, and InputError where there is none.
    """
    dataset = toolbox.dataset(dataset_name)
    documents = documents_of(dataset, split, count)
    if not documents:
        raise InputError(
            f"{dataset_name} has no document in {split.value}, so nothing can be learned there.",
            "Choose a dataset with documents in every split.",
        )
    name = _key(toolbox, dataset_name)
    path = toolbox.settings.home / "distill" / "lessons" / f"{name}.jsonl"
    known = {taught.document.id: taught for taught in _read(path, dataset.document)}
    found = []
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for done, document in enumerate(documents):
            taught = known.get(document.id)
            if taught is None:
                taught = _teach(toolbox, dataset_name, document)
                file.write(json.dumps(_row(taught)) + "\n")
            found.append(taught)
            on_progress(done + 1, len(documents))
    return found


def _teach(toolbox: Toolbox, dataset_name: str, document: Document) -> Taught:
    dataset, encoder = toolbox.dataset(dataset_name), toolbox.encoder()
    retriever = toolbox.retriever(dataset)
    vector = encoder.encode([document.text])[0]
    k = min(K, len(dataset.labels))
    shortlist = retriever.search(
        document.text, vector, k, method=METHOD, excluded=document.excluded
    )
    rows = shortlist.rows[:SHOWN]
    candidates = tuple(
        Candidate(number, row.label_id, row.name, nearness_of(row.cosine))
        for number, row in enumerate(rows, start=1)
    )
    made = _lesson(toolbox, dataset, document, candidates)
    cosines = tuple(round(row.cosine, 4) for row in rows)
    return Taught(dataset_name, document, candidates, cosines, made)


def _lesson(
    toolbox: Toolbox,
    dataset: Dataset,
    document: Document,
    candidates: Sequence[Candidate],
    decided: Decided | None = None,
) -> Lesson:
    encode = partial(toolbox.encoder().encode, cache=False)
    return lesson(
        document.id, document.text, candidates, document.gold, dataset.labels,
        toolbox.retriever(dataset).index.vectors, encode, decided,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rewriter:
    """Writes the trace of a lesson anew, so that it says what was decided
    (core/distill/supervision.py); the document and what is right stay."""

    toolbox: Toolbox

    def decided(self, one: Taught, decided: Decided) -> Taught:
        dataset = self.toolbox.dataset(one.dataset)
        made = _lesson(self.toolbox, dataset, one.document, one.candidates, decided)
        return replace(one, lesson=made)


def _key(toolbox: Toolbox, dataset_name: str) -> str:
    dataset = toolbox.dataset(dataset_name)
    deciding = [
        dataset.info.fingerprint,
        toolbox.index(dataset).identity,
        K,
        SHOWN,
        *(Path(str(module.__file__)).read_text("utf-8") for module in (evidence, supervision)),
    ]
    digest = hashlib.sha256(json.dumps(deciding).encode()).hexdigest()[:12]
    return f"{dataset_name}-{digest}"


def _row(taught: Taught) -> dict[str, Any]:
    return {
        "document": taught.document.id,
        "dataset": taught.dataset,
        "candidates": [asdict(candidate) for candidate in taught.candidates],
        "cosines": taught.cosines,
        "lesson": asdict(taught.lesson),
    }


def _read(path: Path, document: Callable[[str], Document]) -> Iterator[Taught]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        try:
            data = json.loads(line)
        except ValueError:
            continue  # a line that a killed collection left unfinished
        made = data["lesson"]
        for name in ("right", "shortlisted", "kept"):
            made[name] = tuple(made[name])
        for name in ("choices", "verdicts", "copied"):
            made[name] = tuple(tuple(span) for span in made[name])
        yield Taught(
            data["dataset"],
            document(data["document"]),
            tuple(Candidate(**candidate) for candidate in data["candidates"]),
            tuple(data["cosines"]),
            Lesson(**made),
        )


def ceiling(taught: Sequence[Taught]) -> float:
    """The best example-based F1 that an answer among the shown labels can have, a mean in [0, 1]:
    what retrieval allows."""
    scores = [best_f1(len(one.lesson.right), len(set(one.document.gold))) for one in taught]
    return sum(scores) / len(scores) if scores else 0.0
