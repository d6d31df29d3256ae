"""Evaluates a stored run: ranking and set metrics, fates, parse buckets, tokens and seconds.

The records stream from the store and are read once; only counts and a few label ids are kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from core.datasets.base import Dataset
from core.errors import InputError
from core.metrics.at_k import CUTS
from core.metrics.propensity import Constants, Propensities, propensities_of
from core.metrics.ranking import Scored, evaluate
from core.rerank.base import Bucket, Fate
from core.trec import qrels_lines, read_qrels, read_run, run_lines, scored, trec_file

RANKING_METRICS = ("p", "r", "ndcg", "psp", "psndcg")


class RunRecord(Protocol):
    """One finished document of a run, as the store keeps it."""

    @property
    def document_id(self) -> str: ...
    @property
    def ranking(self) -> Sequence[str]: ...
    @property
    def retrieved(self) -> Sequence[str]: ...
    @property
    def selected(self) -> Sequence[str]: ...
    @property
    def gold(self) -> Sequence[str]: ...
    @property
    def fates(self) -> Sequence[str]: ...
    @property
    def bucket(self) -> str: ...
    @property
    def tokens(self) -> int: ...
    @property
    def seconds(self) -> float: ...


@dataclass
class Tally:
    """What is counted while the records pass by."""

    fates: Counter[str]
    buckets: Counter[str]
    documents: int = 0
    tokens: int = 0
    seconds: float = 0.0
    with_answer: int = 0  # documents with at least one selected label
    retrieval: list[Scored] = field(default_factory=list)  # the baseline: retrieval's own order

    def passing(self, records: Iterable[RunRecord]) -> Iterator[Scored]:
        """Counts each record and hands on what the metrics need of it."""
        for record in records:
            self.documents += 1
            self.tokens += record.tokens
            self.seconds += record.seconds
            self.with_answer += bool(record.selected)
            self.buckets[str(record.bucket)] += 1
            self.fates.update(str(fate) for fate in record.fates)
            gold = tuple(record.gold)
            first = tuple(record.retrieved[: max(CUTS)])  # no metric looks further
            self.retrieval.append(Scored(record.document_id, first, (), gold))
            yield Scored(
                record.document_id,
                tuple(record.ranking),
                tuple(record.selected),
                gold,
            )


def evaluate_run(
    run: str, records: Iterable[RunRecord], propensity: Mapping[str, float] | None
) -> dict[str, Any]:
    """Metrics of a run as plain data; all of p, r, ndcg, psp, psndcg and F1 are in [0, 1].

    `psp` and `psndcg` are None without propensities. Every fate and bucket is listed, with 0
    where none. `retrieval`: the ranking metrics of the shortlist as retrieved, the baseline that
    a reranker has to beat. Documents without gold count for `documents`, buckets, tokens and
    seconds only.
    Raises InputError for a run without a finished document.
    """
    tally = Tally(Counter({str(f): 0 for f in Fate}), Counter({str(b): 0 for b in Bucket}))
    metrics = evaluate(tally.passing(records), propensity)
    if not tally.documents:
        raise InputError(
            f"Run {run} has no finished document yet.", "Wait for it, or run it again."
        )
    baseline = evaluate(tally.retrieval, propensity)
    return {
        "run": run,
        "documents": tally.documents,
        "documents_with_gold": metrics.documents,
        "p": metrics.p,
        "r": metrics.r,
        "ndcg": metrics.ndcg,
        "psp": metrics.psp,
        "psndcg": metrics.psndcg,
        "micro_f1": metrics.micro_f1,
        "macro_f1": metrics.macro_f1,
        "example_f1": metrics.example_f1,
        "fates": dict(tally.fates),
        "buckets": dict(tally.buckets),
        "mean_tokens": tally.tokens / tally.documents,
        "mean_seconds": tally.seconds / tally.documents,
        "with_answer": tally.with_answer,
        "gold": sum(tally.fates.values()),
        "retrieval": {name: getattr(baseline, name) for name in RANKING_METRICS},
    }


def propensity_of(dataset: Dataset, constants: Constants | None = None) -> Propensities | None:
    """Propensities from the training documents, or None where there are too few of them."""
    try:
        return propensities_of(dataset, constants)
    except InputError:
        return None


def export_trec(folder: Path, run: str, records: Iterable[RunRecord]) -> dict[str, str]:
    """Writes RUN.run (the ranking), RUN.retrieved.run (the shortlist as retrieved, the baseline)
    and RUN.qrels into a folder, made where it is missing; gives their paths.

    Scored by TREC's tools they give the numbers of `evaluate_run`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "run": folder / f"{run}.run",
        "retrieved": folder / f"{run}.retrieved.run",
        "qrels": folder / f"{run}.qrels",
    }
    with (
        trec_file(paths["run"]) as ranked,
        trec_file(paths["retrieved"]) as retrieved,
        trec_file(paths["qrels"]) as qrels,
    ):
        for record in records:
            ranked.writelines(run_lines(record.document_id, record.ranking, run))
            retrieved.writelines(run_lines(record.document_id, record.retrieved, run))
            qrels.writelines(qrels_lines(record.document_id, record.gold))
    return {name: str(path) for name, path in paths.items()}


def evaluate_trec(run: Path, qrels: Path, propensity: Mapping[str, float] | None) -> dict[str, Any]:
    """The ranking metrics of a TREC run, over the documents of the qrels that have gold.

    `unjudged`: documents of the run that the qrels do not know; they are left out.
    Raises DataError and InputError for files that cannot be used.
    """
    ranked, gold = read_run(run), read_qrels(qrels)
    metrics = evaluate(scored(ranked, gold), propensity)
    if not metrics.documents:
        raise InputError(f"{qrels} has no gold label.", "Give the qrels of this run.")
    if not ranked.keys() & gold.keys():
        raise InputError(
            f"No document of {run} is in {qrels}.", "Give a run and the qrels that belong to it."
        )
    return {
        "run": str(run),
        "documents": metrics.documents,
        **{name: getattr(metrics, name) for name in RANKING_METRICS},
        "unjudged": len(ranked.keys() - gold.keys()),
    }
