"""What a survey says: recall, fates, HNSW against exact search, and the worst documents.

Recall@k of a document is the share of its gold labels among its first k; gold labels outside the
vocabulary count as missed. The mean is over documents, with a bootstrap interval over them. Of
parts of the label space (head, torso, tail, unseen) it is the share of all gold labels of that
part, drawn with their documents; gold labels outside the vocabulary belong to no part.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.datasets.catalogue import HEAD_FROM, TORSO_FROM
from core.metrics.bootstrap import Interval, mean_interval, ratio_interval
from core.shortlist.base import Method
from core.shortlist.survey import CUTS
from core.shortlist.survey_store import Survey

PARTS = ("head", "torso", "tail", "unseen")
SIZES = ((1, 1), (2, 3), (4, 5), (6, 10), (11, None))  # gold labels of a document

Ranks = npt.NDArray[np.float64]


class RetrievalFate(StrEnum):
    """What retrieval did to a gold label, in the order in which it can be lost."""

    SHOWN = "shown"
    NOT_SHOWN = "not shown"
    INDEX_MISS = "index miss"
    ENCODER_MISS = "encoder miss"
    NOT_IN_VOCABULARY = "not in the vocabulary"


def fate_at_retrieval(
    known: bool, rank: int | None, exact_rank: int | None, k: int, n: int
) -> RetrievalFate:
    """`rank` in the search (None: not found), `exact_rank` by exact search, both from 1.

    A label without an exact rank (not indexed yet) counts as an index miss, as elsewhere.
    """
    if not known:
        return RetrievalFate.NOT_IN_VOCABULARY
    if rank is not None and rank <= k:
        return RetrievalFate.SHOWN if rank <= n else RetrievalFate.NOT_SHOWN
    beyond = exact_rank is not None and exact_rank > k
    return RetrievalFate.ENCODER_MISS if beyond else RetrievalFate.INDEX_MISS


def recalls(
    survey: Survey, method: str, ks: Sequence[int], *, exact: bool = False
) -> npt.NDArray[np.float64]:
    """recall@k of each document, `(documents, len(ks))` in [0, 1], in the survey's order.

    `exact`: by exact search in the place of HNSW. Every k is at most the survey's k_max.
    """
    documents = _documents(survey, method)
    gold = _gold(survey, method)
    place = dict(zip(documents["document"], range(len(documents)), strict=True))
    at = gold["document"].map(place).to_numpy()
    ranks = _ranks(gold, exact)
    hits = np.zeros((len(documents), len(ks)))
    for column, k in enumerate(ks):
        np.add.at(hits[:, column], at[ranks <= k], 1.0)
    shares: npt.NDArray[np.float64] = hits / documents["gold"].to_numpy(np.float64)[:, None]
    return shares


def recall_curve(
    survey: Survey, methods: Sequence[str], *, exact: bool = False, seed: int = 0
) -> pd.DataFrame:
    """method, k (1 to k_max), recall, low, high."""
    ks = list(range(1, survey.info.plan.k_max + 1))
    frames = []
    for method in methods:
        found = mean_interval(recalls(survey, method, ks, exact=exact), seed=seed)
        frames.append(
            pd.DataFrame(
                {"method": method, "k": ks, "recall": found.value, "low": found.low,
                 "high": found.high}
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def part_of(count: int) -> str:
    """The part of the label space of a label with so many training documents."""
    if count >= HEAD_FROM:
        return "head"
    if count >= TORSO_FROM:
        return "torso"
    return "tail" if count else "unseen"


def by_frequency(
    survey: Survey,
    methods: Sequence[str],
    ks: Sequence[int],
    frequencies: Mapping[str, int],
    *,
    exact: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """method, part, k, recall, low, high, labels: the share of the gold labels of each part that
    is among the first k. `frequencies`: label id -> training documents."""
    frames = []
    for method in methods:
        gold = _gold(survey, method)
        gold = gold[gold["known"].astype(bool)]
        parts = gold["label"].map(lambda label: part_of(frequencies.get(label, 0))).to_numpy()
        ranks = _ranks(gold, exact)
        order = {d: i for i, d in enumerate(_documents(survey, method)["document"])}
        at = gold["document"].map(order).to_numpy()
        for part in PARTS:
            inside = parts == part
            if not inside.any():
                continue
            total, found = np.zeros((2, len(order), len(ks)))
            for column, k in enumerate(ks):
                np.add.at(total[:, column], at[inside], 1.0)
                np.add.at(found[:, column], at[inside & (ranks <= k)], 1.0)
            share = ratio_interval(found, total, seed=seed)
            frames.append(_shares(method, "part", part, ks, share, "labels", int(inside.sum())))
    return _joined(frames, "part", "labels")


def by_gold_size(
    survey: Survey,
    methods: Sequence[str],
    ks: Sequence[int],
    *,
    exact: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """method, size ("1", "2-3", ... "11+"), k, recall, low, high, documents."""
    frames = []
    for method in methods:
        sizes = _documents(survey, method)["gold"].to_numpy()
        found = recalls(survey, method, ks, exact=exact)
        for low, high in SIZES:
            inside = (sizes >= low) & (sizes <= (high or sizes.max()))
            if inside.any():
                share = mean_interval(found[inside], seed=seed)
                name = str(low) if low == high else f"{low}-{high}" if high else f"{low}+"
                count = int(inside.sum())
                frames.append(_shares(method, "size", name, ks, share, "documents", count))
    return _joined(frames, "size", "documents")


def _shares(
    method: str,
    column: str,
    name: str,
    ks: Sequence[int],
    share: Interval,
    counted: str,
    count: int,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": method,
            column: name,
            "k": list(ks),
            "recall": share.value,
            "low": share.low,
            "high": share.high,
            counted: count,
        }
    )


def _joined(frames: list[pd.DataFrame], column: str, counted: str) -> pd.DataFrame:
    columns = ["method", column, "k", "recall", "low", "high", counted]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def outside(survey: Survey) -> int:
    """Gold labels of the survey's documents that the label space does not have."""
    gold = _gold(survey, methods_of(survey)[0])
    return int((~gold["known"].astype(bool)).sum())


def recall_and_time(
    surveys: Sequence[Survey], k: int, *, exact: bool = False, seed: int = 0
) -> pd.DataFrame:
    """method, ef, recall, low, high, p50, p95: a row a method and survey. Surveys of the same
    documents with other ef make a curve; `ef` is empty where HNSW was not asked."""
    rows = []
    for survey in surveys:
        methods = methods_of(survey)
        times = latency(survey, methods).set_index("method")
        for method in methods:
            share = mean_interval(recalls(survey, method, [k], exact=exact), seed=seed)
            ef = None if method == Method.LEXICAL else survey.info.ef
            rows.append((method, ef, share.value[0], share.low[0], share.high[0],
                         times.loc[method, "p50"], times.loc[method, "p95"]))  # fmt: skip
    frame = pd.DataFrame(rows, columns=["method", "ef", "recall", "low", "high", "p50", "p95"])
    return frame.astype({"ef": "Int64"})


def fates(survey: Survey, methods: Sequence[str], k: int, n: int) -> pd.DataFrame:
    """method, fate, labels, share: what retrieval did to every gold label."""
    rows = []
    for method in methods:
        gold = _gold(survey, method)
        counts = pd.Series(
            [
                fate_at_retrieval(known, _whole(rank), _whole(exact), k, n)
                for known, rank, exact in zip(
                    gold["known"], gold["rank"], gold["exact_rank"], strict=True
                )
            ]
        ).value_counts()
        total = max(1, len(gold))
        for fate in RetrievalFate:
            count = int(counts.get(fate, 0))
            rows.append((method, fate.value, count, count / total))
    return pd.DataFrame(rows, columns=["method", "fate", "labels", "share"])


def against_exact(survey: Survey, methods: Sequence[str], *, seed: int = 0) -> pd.DataFrame:
    """method, k, overlap, low, high: the share of exact search's k labels that HNSW found."""
    rows = []
    for method in methods:
        documents = _documents(survey, method)
        for k in CUTS:
            values = documents[f"overlap_{k}"].to_numpy(np.float64)
            if len(values) and np.isfinite(values).all():
                found = mean_interval(values[:, None], seed=seed)
                rows.append((method, k, found.value[0], found.low[0], found.high[0]))
    return pd.DataFrame(rows, columns=["method", "k", "overlap", "low", "high"])


def latency(survey: Survey, methods: Sequence[str]) -> pd.DataFrame:
    """method, p50, p95, p99, most: milliseconds of one search, without the embedding."""
    rows = []
    for method in methods:
        ms = _documents(survey, method)["ms_search"].to_numpy(np.float64)
        rows.append((method, *np.quantile(ms, [0.5, 0.95, 0.99]).tolist(), float(ms.max())))
    return pd.DataFrame(rows, columns=["method", "p50", "p95", "p99", "most"])


def latency_curve(survey: Survey, methods: Sequence[str]) -> pd.DataFrame:
    """method, share (0 to 1 by hundredths), ms: that share of searches took at most so long."""
    shares = np.linspace(0, 1, 101)
    frames = [
        pd.DataFrame(
            {
                "method": method,
                "share": shares,
                "ms": np.quantile(
                    _documents(survey, method)["ms_search"].to_numpy(np.float64), shares
                ),
            }
        )
        for method in methods
    ]
    return pd.concat(frames, ignore_index=True)


def worst(survey: Survey, method: str, k: int, n: int) -> pd.DataFrame:
    """Every document, worst first: document, gold, found, recall, lost, deepest, fate.

    `lost`: ids of the gold labels not among the first k; `deepest`: the largest exact rank of a
    gold label; `fate`: the commonest fate of those lost. Of equal recall, more labels lost come
    first, then the deeper.
    """
    gold = _gold(survey, method).assign(place=lambda frame: _ranks(frame, False))
    rows = []
    for document, own in gold.groupby("document", sort=False):
        out = own[own["place"] > k]
        lost = [
            fate_at_retrieval(known, _whole(rank), _whole(exact), k, n)
            for known, rank, exact in zip(out["known"], out["rank"], out["exact_rank"], strict=True)
        ]
        deepest = own["exact_rank"].max()
        rows.append((
            document, len(own), len(own) - len(out), 1 - len(out) / len(own),
            ", ".join(out["label"]), 0 if pd.isna(deepest) else int(deepest),
            str(max(lost, key=lost.count)) if lost else "",
        ))  # fmt: skip
    columns = ["document", "gold", "found", "recall", "lost", "deepest", "fate"]
    frame = pd.DataFrame(rows, columns=columns).assign(out=lambda f: f["gold"] - f["found"])
    ordered = frame.sort_values(
        ["recall", "out", "deepest", "document"], ascending=[True, False, False, True]
    )
    return ordered.drop(columns="out").reset_index(drop=True)


def methods_of(survey: Survey) -> list[str]:
    """The survey's methods, in the order of Method."""
    return [method.value for method in Method if method.value in survey.info.plan.methods]


def _documents(survey: Survey, method: str) -> pd.DataFrame:
    return survey.documents[survey.documents["method"] == method]


def _gold(survey: Survey, method: str) -> pd.DataFrame:
    return survey.gold[survey.gold["method"] == method]


def _ranks(gold: pd.DataFrame, exact: bool) -> Ranks:
    """Ranks from 1; infinite where there is none."""
    column = gold["exact_rank" if exact else "rank"]
    return column.to_numpy(dtype=np.float64, na_value=np.inf)


def _whole(value: object) -> int | None:
    return None if pd.isna(value) else int(value)  # type: ignore[call-overload]
