"""TREC files: any id survives them, and other people's tools give our numbers."""

import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from core.errors import DataError, InputError
from core.evaluation import RANKING_METRICS, evaluate_run, evaluate_trec, export_trec
from core.metrics.at_k import CUTS
from core.metrics.ranking import Scored
from core.rerank.base import Fate
from core.trec import escape, read_qrels, read_run, unescape
from tests.metrics.cases import random_cases, with_repeats

NASTY = (
    "", " ", "  ", "%", "%%", "%20", "%2", "%zz", "a b", "a\tb", "a\nb", "a\r\nb", "\x00", "\x1f",
    "\x85", "\u2028", "\u00a0", "\u3000", "\ufeff", "\u200b", "\u202eabc", "é", "e\u0301", "日本語",
    "🙂", "#", '"', "'", "\\", "/", "a/b", "0", "-1", "1e5", "NaN", "Q0", "+", "a+b", "&amp;",
    "x" * 5_000, "%E9", "%ff", "C:\\x", "D000001/Q000188",
)  # fmt: skip


@dataclass(frozen=True)
class Record:
    """A finished document, as the store gives it."""

    document_id: str
    ranking: tuple[str, ...]
    retrieved: tuple[str, ...]
    gold: tuple[str, ...]
    selected: tuple[str, ...] = ()
    fates: tuple[Fate, ...] = field(default=())
    bucket: str = "ok"
    tokens: int = 0
    seconds: float = 0.0


def nasty_records() -> list[Record]:
    """Random documents in which every id is a nasty one."""
    rng = random.Random(7)
    cases = random_cases(len(NASTY), 9)
    records = []
    for document_id, case in zip(NASTY, cases, strict=True):
        names = dict(zip(labels_of(case), rng.sample(NASTY, len(labels_of(case))), strict=True))
        ranking = tuple(names[label] for label in case.ranking)
        shuffled = tuple(rng.sample(ranking, len(ranking)))
        records.append(
            Record(document_id, ranking, shuffled, tuple(names[label] for label in case.gold))
        )
    assert any(record.ranking and record.gold for record in records)
    assert any(not record.ranking and record.gold for record in records)
    assert any(not record.gold for record in records)
    return records


def labels_of(case: Scored) -> list[str]:
    return list(dict.fromkeys((*case.ranking, *case.gold)))


@pytest.mark.parametrize("identifier", NASTY, ids=ascii)
def test_any_id_comes_back_and_holds_no_space(identifier: str) -> None:
    written = escape(identifier)
    assert written.split() == [written]
    assert written.isprintable()
    assert unescape(written) == identifier


def test_no_two_ids_are_written_alike_and_ordinary_ones_stay() -> None:
    assert len({escape(identifier) for identifier in NASTY}) == len(NASTY)
    for ordinary in ("A00.1", "D000001/Q000188", "日本語", "a_b-c", "é"):
        assert escape(ordinary) == ordinary


@pytest.mark.parametrize("ranked", ["ranking", "retrieved"])
def test_ir_measures_scores_the_files_as_we_score_the_run(tmp_path: Path, ranked: str) -> None:
    ir_measures = pytest.importorskip("ir_measures")
    records = nasty_records()
    ours = evaluate_run("r", records, None)
    if ranked == "retrieved":
        ours = ours["retrieval"]

    paths = export_trec(tmp_path / "new", "r", records)

    run = list(ir_measures.read_trec_run(paths["run" if ranked == "ranking" else ranked]))
    qrels = list(ir_measures.read_trec_qrels(paths["qrels"]))
    for key, name in (("p", "P"), ("r", "R"), ("ndcg", "nDCG")):
        measures = {str(k): ir_measures.parse_measure(f"{name}@{k}") for k in CUTS}
        theirs = ir_measures.calc_aggregate(list(measures.values()), qrels, run)
        for k, measure in measures.items():
            assert ours[key][k] == pytest.approx(theirs[measure], rel=0, abs=1e-9), (key, k)


def test_the_files_read_back_give_the_same_numbers_propensities_included(tmp_path: Path) -> None:
    records = nasty_records()
    rng = random.Random(1)
    propensity = {identifier: rng.uniform(0.1, 1) for identifier in NASTY}
    ours = evaluate_run("r", records, propensity)
    paths = export_trec(tmp_path, "r", records)

    back = evaluate_trec(Path(paths["run"]), Path(paths["qrels"]), propensity)

    assert back["documents"] == ours["documents_with_gold"]
    for name in RANKING_METRICS:
        assert back[name] == pytest.approx(ours[name], rel=0, abs=1e-12)
    gold = {r.document_id: set(r.gold) for r in records if r.gold}
    assert {d: set(labels) for d, labels in read_qrels(Path(paths["qrels"])).items()} == gold
    assert read_run(Path(paths["run"])) == {r.document_id: r.ranking for r in records if r.ranking}


def test_a_deep_ranking_with_repeats_keeps_its_order_in_32_bits(tmp_path: Path) -> None:
    ranking = tuple(f"L{number}" for number in range(3_000))
    repeated = with_repeats(ranking, random.Random(2))
    record = Record("d", repeated, repeated, ("L0",))

    paths = export_trec(tmp_path, "r", [record, replace(record, document_id="e")])

    assert read_run(Path(paths["run"])) == {"d": ranking, "e": ranking}
    scores = [
        float(line.split()[4]) for line in Path(paths["run"]).read_text().splitlines()[:3_000]
    ]
    assert scores == sorted(set(scores), reverse=True)


def test_ties_in_files_from_elsewhere_are_broken_as_trec_eval_breaks_them(tmp_path: Path) -> None:
    ir_measures = pytest.importorskip("ir_measures")
    rng = random.Random(5)
    labels = [*"abcdefg", "é", "日", "Z", "10", "9"]
    run, qrels = tmp_path / "run", tmp_path / "qrels"
    with run.open("w") as runs, qrels.open("w") as golds:
        for document in range(300):
            for label in rng.sample(labels, 9):  # 1 and 1 + 1e-9 are one number in 32 bits
                score = rng.choice(("1", "1.000000001", "0.5", "-3e2", "1e39", "1e40"))
                runs.write(f"d{document}  Q0\t{label} 77 {score} tag\n\n")
            for label in rng.sample(labels, 4):
                golds.write(f"d{document} 0 {label} {rng.choice(('1', '3'))}\n")
            golds.write(f"d{document} 0 judged-wrong 0\n")
    wanted = [ir_measures.parse_measure(f"{name}@{k}") for name in ("P", "R") for k in CUTS]
    theirs = ir_measures.calc_aggregate(
        wanted, ir_measures.read_trec_qrels(str(qrels)), ir_measures.read_trec_run(str(run))
    )

    ours = evaluate_trec(run, qrels, None)

    for k in CUTS:
        for key, name in (("p", "P"), ("r", "R")):
            measure = ir_measures.parse_measure(f"{name}@{k}")
            assert ours[key][str(k)] == pytest.approx(theirs[measure], rel=0, abs=1e-9)


def test_documents_that_qrels_do_not_know_are_counted_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a Q0 x 1 2 t\nb Q0 x 1 2 t\n")
    (tmp_path / "qrels").write_text("a 0 x 1\nc 0 x 1\n")

    found = evaluate_trec(tmp_path / "run", tmp_path / "qrels", None)

    assert (found["documents"], found["unjudged"]) == (2, 1)
    assert found["p"]["1"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("run", "qrels", "said"),
    [
        ("a Q0 x 1 2 t\na Q0 x\n", "a 0 x 1\n", "Line 2 of .*run has 3 columns, not 6"),
        ("a Q0 x 1 much t\n", "a 0 x 1\n", "Line 1 of .*run has 'much' where a score"),
        ("a Q0 x 1 nan t\n", "a 0 x 1\n", "has 'nan' where a score"),
        ("a Q0 x 1 2 t\na Q0 x 2 1 t\n", "a 0 x 1\n", "Line 2 of .*run names the label x twice"),
        ("a Q0 x 1 2 t\n", "a 0 x yes\n", "Line 1 of .*qrels has 'yes' where a whole number"),
        ("a Q0 x 1 2 t\n", "a 0 x 0\n", "qrels has no gold label"),
        ("a Q0 x 1 2 t\n", "b 0 x 1\n", "No document of .*run is in .*qrels"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, run: str, qrels: str, said: str) -> None:
    (tmp_path / "run").write_text(run)
    (tmp_path / "qrels").write_text(qrels)
    with pytest.raises(InputError, match=said):
        evaluate_trec(tmp_path / "run", tmp_path / "qrels", None)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "qrels").write_bytes(b"a 0 \xff\xfe 1\n")
    with pytest.raises(DataError, match=r"nowhere cannot be read"):
        read_run(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"qrels is no UTF-8 text"):
        read_qrels(tmp_path / "qrels")
