"""Every metric against well-kept implementations of others, to 1e-9, over thousands of cases.

P, R, nDCG: trec_eval through ir_measures, and scikit-learn. PSP, PSnDCG: napkinxc, and the
definition of pyxclib written as sparse matrices. F1: scikit-learn and napkinxc. None of them is
used by the software itself.
"""

import random
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import f1_score, ndcg_score
from sklearn.preprocessing import MultiLabelBinarizer

from core.metrics.at_k import CUTS, ndcg_at, precision_at, recall_at
from core.metrics.propensity import CONSTANTS, Propensities, constants_of
from core.metrics.ranking import Scored, evaluate
from tests.metrics.cases import LABELS, UNKNOWN, one_case, random_cases, with_repeats

CASES = 3_000
EXACT = {"rel": 0, "abs": 1e-9}
ALL = LABELS + UNKNOWN


@pytest.fixture(params=[1, 2])
def cases(request: pytest.FixtureRequest) -> list[Scored]:
    return random_cases(CASES, request.param)


def with_gold(cases: list[Scored]) -> list[Scored]:
    return [case for case in cases if case.gold]


def by_k(name: str) -> dict[str, object]:
    ir_measures = pytest.importorskip("ir_measures")
    return {str(k): ir_measures.parse_measure(f"{name}@{k}") for k in CUTS}


@pytest.mark.parametrize(
    ("name", "ours"), [("P", precision_at), ("R", recall_at), ("nDCG", ndcg_at)]
)
def test_p_r_and_ndcg_of_every_document_are_those_of_trec_eval(
    cases: list[Scored], name: str, ours: object
) -> None:
    ir_measures = pytest.importorskip("ir_measures")
    measures = by_k(name)
    ranked = {case.document_id: case for case in with_gold(cases) if case.ranking}
    qrels = {d: dict.fromkeys(case.gold, 1) for d, case in ranked.items()}
    run = {
        d: {label: float(-rank) for rank, label in enumerate(case.ranking)}
        for d, case in ranked.items()
    }

    found = list(ir_measures.iter_calc(list(measures.values()), qrels, run))

    assert len(found) == len(ranked) * len(CUTS)
    for theirs in found:
        case, k = ranked[theirs.query_id], theirs.measure["cutoff"]
        got = ours(case.ranking, frozenset(case.gold), k)  # type: ignore[operator]
        assert got == pytest.approx(theirs.value, **EXACT), (case, k)


def test_means_over_documents_are_those_of_trec_eval(cases: list[Scored]) -> None:
    """Empty rankings count with 0, documents without gold not at all: there as here."""
    ir_measures = pytest.importorskip("ir_measures")
    measures = {name: by_k(name) for name in ("P", "R", "nDCG")}
    qrels = {case.document_id: dict.fromkeys(case.gold, 1) for case in with_gold(cases)}
    run = {
        case.document_id: {label: float(-rank) for rank, label in enumerate(case.ranking)}
        for case in cases
    }
    wanted = [measure for named in measures.values() for measure in named.values()]
    theirs = ir_measures.calc_aggregate(wanted, qrels, run)

    ours = evaluate(cases, None)

    assert ours.documents == len(qrels)
    for name, values in (("P", ours.p), ("R", ours.r), ("nDCG", ours.ndcg)):
        for k, value in values.items():
            assert value == pytest.approx(theirs[measures[name][k]], **EXACT), (name, k)


def test_ndcg_is_that_of_scikit_learn() -> None:
    rng = random.Random(3)
    for _ in range(CASES // 3):
        ranking = rng.sample(LABELS, len(LABELS))
        gold = frozenset(rng.sample(LABELS, rng.randint(1, 12)))
        relevant = np.array([[label in gold for label in ranking]], dtype=float)
        scores = -np.arange(len(ranking), dtype=float)[None, :]
        for k in (*CUTS, 40, 100):
            theirs = ndcg_score(relevant, scores, k=k)
            assert ndcg_at(ranking, gold, k) == pytest.approx(theirs, **EXACT)


@pytest.mark.parametrize("constants", CONSTANTS.values(), ids=list(CONSTANTS))
def test_psp_and_psndcg_are_those_of_napkinxc(
    cases: list[Scored], constants: tuple[float, float]
) -> None:
    metrics = pytest.importorskip("napkinxc.metrics")
    propensity = some_propensities(*constants)
    weights = {label: 1 / propensity[label] for label in ALL}
    gold = [list(case.gold) for case in with_gold(cases)]
    ranked = [list(case.ranking) for case in with_gold(cases)]

    ours = evaluate(cases, propensity)

    for values, theirs in (
        (ours.psp, metrics.psprecision_at_k(gold, ranked, weights, k=max(CUTS))),
        (ours.psndcg, metrics.psndcg_at_k(gold, ranked, weights, k=max(CUTS))),
    ):
        assert values is not None
        for k in CUTS:
            assert values[str(k)] == pytest.approx(theirs[k - 1], **EXACT)


def test_psp_and_psndcg_are_those_of_pyxclib(cases: list[Scored]) -> None:
    propensity = some_propensities(0.55, 1.5)
    theirs_psp, theirs_psndcg = by_matrices(with_gold(cases), propensity)

    ours = evaluate(cases, propensity)

    assert ours.psp == pytest.approx(theirs_psp, **EXACT)
    assert ours.psndcg == pytest.approx(theirs_psndcg, **EXACT)


@pytest.mark.parametrize("name", CONSTANTS)
def test_propensities_are_those_of_napkinxc(name: str) -> None:
    metrics = pytest.importorskip("napkinxc.metrics")
    cases = random_cases(500, 5)
    column = {label: at for at, label in enumerate(ALL)}
    theirs = metrics.Jain_et_al_propensity(
        matrix([case.gold for case in cases], column), *CONSTANTS[name]
    )
    counts = {label: sum(label in case.gold for case in cases) for label in ALL}

    ours = Propensities(counts, len(cases), *constants_of("any", name))

    for label, at in column.items():
        assert ours[label] == pytest.approx(theirs[at], **EXACT)


def test_f1_is_that_of_scikit_learn_and_napkinxc(cases: list[Scored]) -> None:
    scored = with_gold(cases)
    binarize = MultiLabelBinarizer().fit([(*case.gold, *case.selected) for case in scored])
    true = binarize.transform([case.gold for case in scored])
    pred = binarize.transform([case.selected for case in scored])

    ours = evaluate(cases, None)

    for average, value in (
        ("micro", ours.micro_f1),
        ("macro", ours.macro_f1),
        ("samples", ours.example_f1),
    ):
        assert value == pytest.approx(
            f1_score(true, pred, average=average, zero_division=0), **EXACT
        ), average
    theirs = pytest.importorskip("napkinxc.metrics")
    gold, selected = [list(c.gold) for c in scored], [list(c.selected) for c in scored]
    assert ours.micro_f1 == pytest.approx(theirs.micro_f1_measure(gold, selected), **EXACT)
    assert ours.macro_f1 == pytest.approx(theirs.macro_f1_measure(gold, selected), **EXACT)
    assert ours.example_f1 == pytest.approx(theirs.samples_f1_measure(gold, selected), **EXACT)


def test_macro_f1_of_sparse_labels_leaves_out_the_rest_of_the_vocabulary() -> None:
    """Of a million labels only those seen count; scikit-learn would average over all columns."""
    cases = [Scored("1", (), ("a",), ("a", "b")), Scored("2", (), ("c",), ("c",))]
    true = np.array([[1, 1, 0, 0], [0, 0, 1, 0]])  # the fourth label is never seen
    pred = np.array([[1, 0, 0, 0], [0, 0, 1, 0]])

    found = evaluate(cases, None).macro_f1

    assert found == pytest.approx(
        f1_score(true, pred, average="macro", labels=[0, 1, 2], zero_division=0), **EXACT
    )
    assert found > f1_score(true, pred, average="macro", zero_division=0)


def test_repeats_change_nothing() -> None:
    rng = random.Random(11)
    propensity = some_propensities(0.55, 1.5)
    for number in range(500):
        case = one_case(rng, str(number))
        repeated = replace(case, ranking=with_repeats(case.ranking, rng))
        assert evaluate([repeated], propensity) == evaluate([case], propensity)
        for k in CUTS:
            gold = frozenset(case.gold)
            for metric in (precision_at, recall_at, ndcg_at):
                assert metric(repeated.ranking, gold, k) == metric(case.ranking, gold, k)
                assert 0 <= metric(repeated.ranking, gold, k) <= 1 + 1e-12


def some_propensities(a: float, b: float) -> Propensities:
    """Of labels seen 0 to 200 times in 300 documents, with equals among them."""
    rng = random.Random(17)
    return Propensities({label: rng.choice((0, 0, 1, 3, 50, 200)) for label in LABELS}, 300, a, b)


def matrix(rows: list[tuple[str, ...]], column: dict[str, int]) -> sp.csr_matrix:
    return sp.csr_matrix(
        (
            np.ones(sum(map(len, rows))),
            [column[label] for row in rows for label in row],
            np.cumsum([0, *map(len, rows)]),
        ),
        shape=(len(rows), len(column)),
    )


def by_matrices(
    cases: list[Scored], propensity: Propensities
) -> tuple[dict[str, float], dict[str, float]]:
    """PSP and PSnDCG as xclib.evaluation.xc_metrics defines them: weighted hits of the ranking
    and of the best possible one as (documents, k) matrices; column means; their ratio."""
    deep = max(CUTS)
    column = {label: at for at, label in enumerate(ALL)}
    weights = np.array([1 / propensity[label] for label in ALL])
    truth = matrix([case.gold for case in cases], column)
    weighted = truth.multiply(weights[None, :]).toarray()
    padded = np.hstack([weighted, np.zeros((len(cases), 1))])  # a missing place scores nothing
    places = np.full((len(cases), deep), len(ALL))
    for row, case in enumerate(cases):
        found = [column[label] for label in case.ranking[:deep]]
        places[row, : len(found)] = found
    got = np.take_along_axis(padded, places, axis=1)
    best = -np.sort(-weighted, axis=1)[:, :deep]
    discounts = 1 / np.log2(np.arange(deep) + 2)
    ideal = np.cumsum(1 / np.log2(np.arange(len(ALL)) + 2))
    sizes = np.asarray(truth.sum(axis=1), dtype=int).ravel()
    psp, psndcg = {}, {}
    for k in CUTS:
        norm = np.minimum(ideal[sizes - 1], ideal[k - 1])
        psp[str(k)] = got[:, :k].sum(axis=1).mean() / best[:, :k].sum(axis=1).mean()
        gain, most = ((m[:, :k] @ discounts[:k]) / norm for m in (got, best))
        psndcg[str(k)] = gain.mean() / most.mean()
    return psp, psndcg
