"""Flat and two-step retrieval on dev documents by exact search, and what bounds their recall.

    python -m benchmarks.recall_bounds [mesh] [--documents 300] [--json]

1. The first dev documents by a hash of their id, in two halves: constants were chosen on the first,
   the second had no part in it. Each is searched once by each method, exactly, and held against
   its gold labels in the dataset and in the others that share its labels (mesh-major).
2. The bounds, over all these documents. A gold label's heading is its parent among the labels, or
   itself where it has none; a family is a heading and its pairs. Frequent headings are those of
   more than 2% of the training documents.

Needs labels with parents. The rows found are kept under <home>/bench/bounds, as benchmarks.recall
keeps its cells, so that a stopped measurement goes on.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.atomic import new_file
from core.config import Settings, load_settings
from core.datasets.base import Dataset, Document, Split
from core.datasets.catalogue import TRAIN, open_dataset, sharing
from core.encoders import Encoder
from core.errors import InputError
from core.shortlist.base import Method
from core.shortlist.lexical import WORDS
from core.shortlist.recall import CUTS, Sample, recall_at
from core.shortlist.retriever import NO_ROWS, Retriever
from core.shortlist.sentences import DenseQuery, sentences
from core.shortlist.two_step import FAMILIES, Families, best_leaders
from core.shortlist.version import retrieval_identity

DATASET, DOCUMENTS, K = "mesh", 300, max(CUTS)
FREQUENT = 0.02
_AT_ONCE = 25

Rows = npt.NDArray[np.int64]
Gold = dict[str, list[Rows]]  # dataset -> the gold rows of each document, known ones only


@dataclass(frozen=True)
class Measured:
    """The documents asked, their gold labels by dataset, and how these name their headings."""

    retriever: Retriever
    families: Families
    sample: Sample
    gold: Gold

    def headings(self, rows: Rows) -> Rows:
        """The heading of each of some labels."""
        parent = self.families.parent[rows]
        return np.where(parent >= 0, parent, rows)


def measure(name: str = DATASET, documents: int = DOCUMENTS) -> dict[str, Any]:
    """`rows` [{half, method, recall {dataset: {cut: mean}}}] and `bounds` {figure: share in [0, 1],
    or a count}. Raises InputError where labels have no parents, IndexFileError without an index."""
    settings = load_settings()
    dataset, encoder = open_dataset(settings, name), Encoder.load(settings)
    retriever = Retriever.open(settings, dataset, encoder)
    if retriever.families is None:
        raise InputError(f"The labels of {name} have no parents.", "Use mesh.")
    sample = Sample.of(dataset, encoder, Split.DEV, documents)
    gold = {name: _gold_of(dataset, sample.documents)}
    for other in sharing(settings, dataset.info.index_name):
        if other != name:
            gold[other] = _gold_of(open_dataset(settings, other), sample.documents)
    measured = Measured(retriever, retriever.families, sample, gold)
    found = {method: _found(settings, measured, method) for method in Method}
    return {
        "dataset": name,
        "documents": len(sample.documents),
        "rows": _recalls(measured, found),
        "bounds": bounds(measured, found[Method.TWO_STEP]),
    }


def _gold_of(dataset: Dataset, documents: tuple[Document, ...]) -> list[Rows]:
    """Gold rows of documents by their ids; empty where this dataset lacks the document."""
    ids = {document_id: row for row, document_id in enumerate(dataset.table["id"].to_pylist())}
    out = []
    for document in documents:
        at = ids.get(document.id)
        gold = () if at is None else dataset.document_at(at).gold
        rows = [row for row in map(dataset.labels.row, gold) if row is not None]
        out.append(np.array(rows, np.int64))
    return out


def _found(settings: Settings, measured: Measured, method: Method) -> Rows:
    """Rows `(documents, 100)` by exact search, from the cell where it was kept."""
    retriever, sample = measured.retriever, measured.sample
    parts = []
    for start in range(0, len(sample.documents), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        documents = sample.documents[some]
        path = _cell(settings, retriever, method, [document.id for document in documents])
        if not path.exists():
            print(f"{method.value}: from document {start}", file=sys.stderr, flush=True)
            rows = retriever.search_many(
                [document.text for document in documents], sample.vectors[some],
                min(K, len(retriever.index.labels)), method=method, exact=True,
                excluded=[document.excluded for document in documents],
            )  # fmt: skip
            path.parent.mkdir(parents=True, exist_ok=True)
            with new_file(path) as temporary, temporary.open("wb") as file:
                np.save(file, rows)
        parts.append(np.load(path))
    return np.concatenate(parts)


def _cell(settings: Settings, retriever: Retriever, method: Method, ids: list[str]) -> Path:
    decides = [
        retriever.dataset.info.fingerprint, retriever.index.identity, retriever.encoder.identity,
        WORDS.identity, retrieval_identity(), method.value, *ids,
    ]  # fmt: skip
    key = hashlib.sha256("\n".join(decides).encode()).hexdigest()[:16]
    return settings.home / "bench" / "bounds" / f"{retriever.dataset.name}-{key}.npy"


def _recalls(measured: Measured, found: dict[Method, Rows]) -> list[dict[str, Any]]:
    half = (len(measured.sample.documents) + 1) // 2
    rows = []
    for which, some in (("first", slice(0, half)), ("other", slice(half, None))):
        for method, lists in found.items():
            recall: dict[str, dict[str, float]] = {}
            for name, gold in measured.gold.items():
                able = [
                    (line, g) for line, g in zip(lists[some], gold[some], strict=True) if len(g)
                ]
                if able:
                    lines, golds = zip(*able, strict=True)
                    means = recall_at(np.stack(lines), golds, [len(g) for g in golds]).mean(axis=0)
                    recall[name] = dict(zip(map(str, CUTS), means.tolist(), strict=True))
            rows.append({"half": which, "method": method.value, "recall": recall})
    return rows


def bounds(measured: Measured, two_step: Rows) -> dict[str, Any]:
    """The figures behind "What bounds recall" (docs/shortlisting.md); shares are in [0, 1]."""
    families, own = measured.families, measured.gold[measured.retriever.dataset.name]
    leaders = [_leaders_of(measured, at) for at in range(len(own))]
    sizes = np.diff(families.starts)[families.leaders]
    known = [rows for rows in own if len(rows)]
    out: dict[str, Any] = {
        "gold labels that are pairs": float((families.parent[np.concatenate(known)] >= 0).mean()),
        "pairs of a heading, mean": float(sizes.mean()),
        "gold pairs whose qualifier stands in the text": _qualifiers_named(measured, own),
    }
    for name, gold in measured.gold.items():
        able = [at for at in range(len(gold)) if len(gold[at])]
        within = [np.isin(measured.headings(gold[at]), leaders[at]).mean() for at in able]
        reached = [np.isin(gold[at], two_step[at, :50]).mean() for at in able]
        out[f"{name}: recall if the best {FAMILIES} families gave all members"] = _mean(within)
        out[f"{name}: recall@50 of two-step"] = _mean(reached)
    return out | _frequent(measured, own, leaders)


def _leaders_of(measured: Measured, at: int) -> Rows:
    """The best 50 headings for a document, as two-step retrieval ranks them."""
    retriever, text = measured.retriever, measured.sample.documents[at].text
    parts = sentences(text)
    vectors = retriever.encoder.encode(parts, cache=False) if parts else measured.sample.vectors[:0]
    query = DenseQuery(retriever.index, measured.sample.vectors[at], vectors)
    shared, by_words = retriever.lexical.scored(text)
    return best_leaders(measured.families, query, shared, by_words, NO_ROWS)[:FAMILIES]


def _qualifiers_named(measured: Measured, own: list[Rows]) -> float:
    """The share of gold pairs of which what the name adds to its heading's stands in the text."""
    labels, parent = measured.retriever.index.labels, measured.families.parent
    named = []
    for document, rows in zip(measured.sample.documents, own, strict=True):
        for row in (row for row in rows.tolist() if parent[row] >= 0):
            added = labels.name(row).removeprefix(labels.name(int(parent[row]))).strip(" /")
            named.append(added.lower() in document.text.lower())
    return _mean(named)


def _frequent(measured: Measured, own: list[Rows], leaders: list[Rows]) -> dict[str, Any]:
    """What frequent headings are of the gold headings, and of those that 50 headings miss; how
    many gold headings stand in the text as they are spelled."""
    labels, dataset = measured.retriever.index.labels, measured.retriever.dataset
    counts: Counter[int] = Counter()
    training = [row for split in TRAIN for row in dataset.rows_of(split)]
    for ids in dataset.table["gold"].take(training).to_pylist():
        rows = [row for row in map(labels.row, ids) if row is not None]
        counts.update(set(measured.headings(np.array(rows, np.int64)).tolist()))
    many = {row for row, count in counts.items() if count > FREQUENT * len(training)}
    frequent, hit, spelled = [], [], []
    for document, gold, found in zip(measured.sample.documents, own, leaders, strict=True):
        for heading in np.unique(measured.headings(gold)).tolist():
            frequent.append(heading in many)
            hit.append(bool((found == heading).any()))
            spelled.append(labels.name(heading).lower() in document.text.lower())
    of_many, found_ = np.array(frequent, bool), np.array(hit, bool)
    return {
        "frequent headings": len(many),
        "frequent headings among gold headings": _mean(of_many),
        f"frequent headings among gold headings that {FAMILIES} headings miss": _mean(
            of_many[~found_]
        ),
        f"frequent gold headings that {FAMILIES} headings find": _mean(found_[of_many]),
        f"other gold headings that {FAMILIES} headings find": _mean(found_[~of_many]),
        "gold headings that stand in the text as spelled": _mean(spelled),
    }


def _mean(values: Any) -> float:
    """The mean; nan of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")


def table(data: dict[str, Any]) -> str:
    """Both tables, in Markdown; recall in percent."""
    names = list(data["rows"][0]["recall"])
    heads = " | ".join(f"{name} @{cut}" for name in names for cut in CUTS)
    lines = [
        f"{data['dataset']}, {data['documents']} dev documents, exact search.",
        "",
        f"| half: method | {heads} |",
        "|---|" + "---|" * (len(names) * len(CUTS)),
    ]
    for row in data["rows"]:
        cells = " | ".join(
            f"{100 * row['recall'][name][str(cut)]:.1f}" if name in row["recall"] else ""
            for name in names
            for cut in CUTS
        )
        lines.append(f"| {row['half']}: {row['method']} | {cells} |")
    lines += ["", "| what bounds recall | |", "|---|---|"]
    for what, value in data["bounds"].items():
        whole = what in ("frequent headings", "pairs of a heading, mean")
        lines.append(f"| {what} | {f'{value:.4g}' if whole else f'{100 * value:.1f}%'} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("dataset", nargs="?", default=DATASET)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    data = measure(given.dataset, given.documents)
    print(json.dumps(data) if given.json else table(data))


if __name__ == "__main__":
    main()
