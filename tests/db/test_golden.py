"""From judgements to a golden set, to scores against it, and to hard negatives."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from core.annotation.golden import write_golden_set
from core.annotation.hard_negatives import Shape, names_from, write_negatives
from core.annotation.judgement import Judgement
from core.annotation.verdicts import LabelVerdict, ShortlistVerdict, TaskKind
from core.code_version import code_version
from core.config import Settings
from core.datasets.base import Document, Label, LabelSpace, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset
from core.datasets.importing import ImportRequest, import_dataset
from core.errors import InputError
from core.shortlist.base import Shortlist, ShortlistRow
from core.trec import read_qrels
from db.adjudication import adjudicate
from db.annotations import flag, undo
from db.gold_effects import RunEffect, effects, newest_word
from db.golden_set import golden_datasets, golden_documents, the_dataset
from db.judged_gold import flagged_documents, judged_documents, judged_keys
from db.judgements import judge_trace
from db.models import TraceFateRow, TraceRow
from db.queue_sources import Source, TrainingRule, chosen
from db.queues import Queue, add_queue
from db.session import Store
from db.shortlist_flags import Flagged, flag_shortlist
from tests.db.asked import ADA, BEN, made_queue, made_traces, sent
from tests.db.said import BAD, GOOD, NEAR, NO, YES, say
from tests.db.test_queue_sources import run_of

MISSING, WRONG = ShortlistVerdict.MISSING_GOLD, ShortlistVerdict.WRONG_GOLD


@pytest.fixture
def labels(tmp_path: Path) -> LabelSpace:
    """The labels of the shortlists in tests/db/examples.py, and one more."""
    home = tmp_path / "labels"
    about = About("tiny", "Tiny", "made up", "test", "none", "tests")
    names = {"I50.9": "Heart failure", "I50.1": "Left failure", "I51.9": "Heart disease",
             "M 1": "A label, added"}  # fmt: skip
    write_dataset(
        home / "datasets" / "tiny", about, [Label(id, name) for id, name in sorted(names.items())],
        [Document("x", "text", ("I50.9",), Split.DEV)],
    )  # fmt: skip
    return open_dataset(Settings(home=home), "tiny").labels


def golden(store: Store, folder: Path, **how: Any) -> tuple[Any, dict[str, dict[str, Any]]]:
    """The report, and the documents by id."""
    with store.read() as session:
        report = write_golden_set(folder, golden_documents(session, "icd"), **how)
    lines = (folder / "documents.jsonl").read_text().splitlines()
    return report, {row["id"]: row for row in map(json.loads, lines)}


def judged_queue(store: Store) -> Queue:
    """d0: a label removed, one added, one near miss; d1: a tie; d2: wrong, nobody says what; d3:
    settled against two annotators; d4: not judged. Gold is I50.9 each time."""
    queue = made_queue(store, 5, overlap=2)
    said = Judgement(GOOD, {"I50.9": LabelVerdict.WRONG_GOLD, "I50.1": NEAR}, ("M 1",))
    say(store, queue, ("ada", said), ("ben", said))
    no, yes = (Judgement(GOOD, {"I50.9": verdict}) for verdict in (NO, YES))
    say(store, queue, ("ada", no), ("ben", yes))
    say(store, queue, ("ada", Judgement(WRONG)), ("ben", Judgement(MISSING)))
    no = Judgement(BAD, {"I50.9": NO, "I51.9": NO, "I50.1": YES})
    task = say(store, queue, ("ada", no), ("ben", no))
    with store.write() as session:
        adjudicate(session, ADA, task, sent(Judgement(GOOD, {"I50.9": YES})))
    return queue


def test_the_golden_set_says_what_changed_and_who_said_so(store: Store, tmp_path: Path) -> None:
    queue = judged_queue(store)
    report, rows = golden(store, tmp_path / "gold")
    assert list(rows) == ["d0", "d1", "d3"]
    assert rows["d0"]["gold"] == ["M 1"]
    assert rows["d1"]["gold"] == ["I50.9"]
    assert rows["d3"]["gold"] == ["I50.9", "I50.1"]
    assert rows["d0"]["text"] == "Text 0"
    assert rows["d0"]["split"] == "dev"
    told = rows["d0"]["provenance"]
    assert (told["own_gold"], told["added"], told["removed"]) == (["I50.9"], ["M 1"], ["I50.9"])
    assert (told["annotators"], told["judgements"], told["guidelines"]) == (2, 2, [1])
    assert (told["queues"], told["dataset"], told["settled"]) == (["first"], "icd", False)
    assert rows["d1"]["provenance"]["disputed"] == ["I50.9"]
    assert rows["d3"]["provenance"]["settled"]
    assert (report.documents, report.changed, report.unresolved, report.disputed) == (3, 2, 1, 1)
    assert (report.added, report.removed, report.settled) == (2, 1, 1)
    about = json.loads((tmp_path / "gold" / "golden-set.json").read_text())
    assert about["documents"] == 3
    assert about["phaselens"] == told["phaselens"] == code_version()
    report, rows = golden(store, tmp_path / "sure", undisputed=True)
    assert list(rows) == ["d0", "d3"]
    with store.read() as session:
        assert judged_keys(session) == judged_documents(session, queue.id).keys()


def test_it_comes_back_as_a_dataset_with_nothing_lost(
    store: Store, tmp_path: Path, labels: LabelSpace
) -> None:
    judged_queue(store)
    report, rows = golden(store, tmp_path / "gold", labels=labels)
    request = ImportRequest(
        "golden", Path(report.files["labels.jsonl"]), (Path(report.files["documents.jsonl"]),),
        (), {}, "", False,
    )  # fmt: skip
    settings = Settings(home=tmp_path / "home2")
    made = import_dataset(settings, request, report=lambda *_: None, cancelled=lambda: False)
    assert made is not None
    assert (made.rejected, made.problems) == (0, ())
    dataset = open_dataset(settings, "golden")
    assert list(dataset.labels) == list(labels)
    for row in rows.values():
        document = dataset.document(row["id"])
        assert (document.text, list(document.gold), document.split) == (
            row["text"], row["gold"], row["split"],
        )  # fmt: skip


def test_qrels_are_graded_and_score_as_they_say(store: Store, tmp_path: Path) -> None:
    judged_queue(store)
    golden(store, tmp_path)
    graded = (tmp_path / "graded.qrels").read_text().splitlines()
    assert graded == [
        "d0 0 M%201 2", "d0 0 I50.9 0", "d0 0 I50.1 1", "d1 0 I50.9 2", "d3 0 I50.9 2",
        "d3 0 I50.1 2", "d3 0 I51.9 0",
    ]  # fmt: skip
    assert read_qrels(tmp_path / "gold.qrels") == {
        "d0": ("M 1",), "d1": ("I50.9",), "d3": ("I50.9", "I50.1"),
    }  # fmt: skip
    ir_measures = pytest.importorskip("ir_measures")
    run = [ir_measures.ScoredDoc("d0", "I50.1", 2.0), ir_measures.ScoredDoc("d3", "I50.9", 2.0)]
    both = {
        name: list(ir_measures.read_trec_qrels(str(tmp_path / f"{name}.qrels")))
        for name in ("gold", "graded")
    }
    score = ir_measures.calc_aggregate
    p, p2, ndcg = map(ir_measures.parse_measure, ("P@1", "P(rel=2)@1", "nDCG@1"))
    assert score([p], both["gold"], run)[p] == pytest.approx(1 / 3)
    assert score([p2], both["graded"], run)[p2] == pytest.approx(1 / 3)
    assert score([ndcg], both["graded"], run)[ndcg] == pytest.approx((1 / 2 + 0 + 1) / 3)


def test_one_dataset_at_a_time_and_only_queues_of_shortlists(store: Store, tmp_path: Path) -> None:
    with store.read() as session, pytest.raises(InputError, match="No shortlist has been judged"):
        the_dataset(session, None, None)
    queue = made_queue(store, 1, kind=TaskKind.TRACE, name="traces")
    (trace,) = made_traces(store, 1)
    with store.write() as session:
        judge_trace(session, BEN, trace, sent(Judgement(labels={"I50.9": NO})))
    with store.read() as session:
        assert golden_datasets(session) == {"icd": 1}, "also of traces outside any queue"
        assert the_dataset(session, None, None) == "icd"
        with pytest.raises(InputError, match="asks for no labels"):
            judged_documents(session, queue.id)
        with pytest.raises(InputError, match="Judged are: icd"):
            the_dataset(session, None, "mesh")
    with pytest.raises(InputError, match="No document has been judged"):
        write_golden_set(tmp_path / "none", [])
    assert not (tmp_path / "none" / "documents.jsonl").exists()


def flagged(store: Store, gold: tuple[str, ...]) -> None:
    """A shortlist that no run made, of d3, flagged as missing gold."""
    rows = (ShortlistRow("I50.9", "Heart failure", 1, 0.9),)
    made = Shortlist(rows, 1, None, "e", "i", 1, 1, 0.0, 0.0)
    with store.write() as session:
        document = Document("d3", "Text 3", gold, Split.DEV)
        flag_shortlist(
            session, ADA, Flagged("icd", document, made, 1), verdict=ShortlistVerdict.MISSING_GOLD
        )


def test_flags_and_verdicts_that_name_nothing_mean_what_was_not_on_the_screen(store: Store) -> None:
    traces = made_traces(store, 2)
    with store.write() as session:
        flag(session, ADA, trace_id=traces[0], verdict=ShortlistVerdict.MISSING_GOLD)
        taken_back = flag(session, ADA, trace_id=traces[1], verdict=ShortlistVerdict.MISSING_GOLD)
        undo(session, ADA, taken_back)
    flagged(store, ("I50.9", "X"))
    flagged(store, ("I50.9", "X"))
    with store.read() as session:
        found = flagged_documents(session)
    assert {key: one.revised.missed for key, one in found.items()} == {
        ("icd", "d0"): frozenset(), ("icd", "d3"): {"X"},
    }  # fmt: skip


def of_run(found: list[RunEffect], run: str) -> RunEffect:
    return next(one for one in found if one.run == run)


def test_scores_before_and_after_and_recall_if_the_misses_were_fixed(store: Store) -> None:
    """Shortlists are I50.9, I50.1, I51.9 in this order, and so are rankings; gold is I50.9."""
    one, traces = run_of(store, "one", [("I50.9",), ("I50.9",), ("I50.9", "I50.1"), ()])
    two, _ = run_of(store, "two", [("I50.1",), (), (), ()])
    with store.write() as session:
        queue = add_queue(
            session, ADA, name="q", kind=TaskKind.SHORTLIST, traces=[(t, None) for t in traces[:3]]
        )
    say(store, queue, ("ada", Judgement(GOOD, {"I50.9": NO, "I50.1": YES})))
    say(store, queue, ("ada", Judgement(MISSING, missing=("M",))))
    say(store, queue, ("ada", Judgement(GOOD)))
    flagged(store, ("I50.9", "X"))
    with store.read() as session:
        word = newest_word(session)
        found = effects(session, cuts=(1, 10))
        mine = effects(session, queue.id, [one[:6]], cuts=(10,))
        assert len(effects(session, most=1)) == 1
    assert {one.run for one in found} == {one, two}
    effect = of_run(found, one).effect
    assert (effect.documents, effect.changed) == (3, 2)
    f1 = effect.measures["Example F1"]
    assert f1.own == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert f1.revised == pytest.approx((0 + 2 / 3 + 2 / 3) / 3)
    assert f1.less.mean == pytest.approx(f1.revised - f1.own)
    assert f1.less.low <= f1.less.mean <= f1.less.high
    assert effect.own.p["1"] == 1
    assert effect.revised.p["1"] == pytest.approx(2 / 3)
    first, tenth = effect.recall
    assert (first.k, first.documents) == (1, 4)
    assert first.own == 1
    assert first.revised == pytest.approx((0 + 1 / 2 + 1 + 1 / 2) / 4)
    assert first.fixed == pytest.approx((0 + 1 + 1 + 1) / 4)
    assert tenth.gain.mean == pytest.approx((1 / 2 + 1 / 2) / 4)
    assert of_run(found, two).effect.measures["Example F1"].revised == pytest.approx(1 / 3)
    assert [m.run for m in mine] == [one]
    assert [r.documents for r in mine[0].effect.recall] == [3], "no flags beyond the queue"
    json.dumps([one.to_json() for one in found])
    flagged(store, ("I50.9",))
    with store.read() as session:
        assert newest_word(session) != word


def negatives(store: Store, path: Path, shape: Shape, **how: Any) -> tuple[Any, list[Any]]:
    with store.read() as session:
        report = write_negatives(path, golden_documents(session, "icd"), shape, **how)
    return report, [json.loads(line) for line in path.read_text().splitlines()]


def test_hard_negatives_are_judged_labels_with_their_ranks(
    store: Store, tmp_path: Path, labels: LabelSpace
) -> None:
    judged_queue(store)
    path = tmp_path / "hard.jsonl"
    with pytest.raises(InputError, match="but for 2 documents of dev and test"):
        negatives(store, path, Shape.DOCUMENTS, name_of=names_from(labels))
    assert not path.exists()
    how: dict[str, Any] = {"all_splits": True, "name_of": names_from(labels)}
    report, rows = negatives(store, path, Shape.DOCUMENTS, **how)
    assert [row["id"] for row in rows] == ["d0", "d3"]
    assert rows[0]["positives"] == [{"id": "M 1", "name": "A label, added"}]
    assert rows[0]["negatives"] == [
        {"id": "I50.9", "name": "Heart failure", "verdict": "wrong_gold", "rank": 1},
        {"id": "I50.1", "name": "Left failure", "verdict": "near_miss", "rank": 2},
    ]
    assert rows[1]["negatives"][0]["rank"] == 3
    assert (rows[0]["query"], rows[0]["split"]) == ("Text 0", "dev")
    assert report.by_verdict == {"wrong_gold": 1, "near_miss": 1, "irrelevant": 1}
    assert "Hard negatives: 3 (wrong gold 1, near miss 1, irrelevant 1)" in report.in_words()
    report, rows = negatives(store, path, Shape.TRIPLETS, **how)
    assert rows[0] == {
        "anchor": "Text 0", "positive": "A label, added", "negative": "Heart failure",
    }  # fmt: skip
    assert report.rows == len(rows) == 2 + 2
    report, rows = negatives(store, path, Shape.TRIPLETS, **{**how, "depth": 1})
    assert len(rows) == 1
    report, rows = negatives(store, path, Shape.DOCUMENTS, all_splits=True)
    assert [row["id"] for row in rows] == ["d3"], "nothing knows the name of d0's added label"
    assert report.nameless == 1


def test_a_queue_of_hard_negatives_has_what_nobody_has_judged(store: Store) -> None:
    """Gold is I50.9 at rank 1 in all: nothing stands above it, until the fates say otherwise."""
    _, traces = run_of(store, "one", [("a",)] * 4)
    _, again = run_of(store, "two", [("a",)])
    source = Source(rule=TrainingRule.HARD_NEGATIVES)

    def ranked(trace: str, *ranks: int | None) -> None:
        with store.write() as session:
            seq = session.execute(select(TraceRow.seq).where(TraceRow.id == trace)).scalar_one()
            for position, rank in enumerate(ranks):
                session.execute(
                    update(TraceFateRow)
                    .where(TraceFateRow.trace_seq == seq, TraceFateRow.position == position)
                    .values(rank=rank)
                )

    for trace in (*traces, *again):
        ranked(trace, 1, 2)
    with store.read() as session:
        assert chosen(session, TaskKind.SHORTLIST, source) == []
    ranked(traces[0], 2, 3)
    ranked(traces[1], None, None)
    ranked(traces[2], 3, None)
    ranked(again[0], 3, None)
    with store.read() as session:
        asked = chosen(session, TaskKind.SHORTLIST, source)
        assert asked == [(traces[1], None), (again[0], None), (traces[2], None)]
        one = Source(rule=TrainingRule.HARD_NEGATIVES, limit=1)
        assert chosen(session, TaskKind.SHORTLIST, one) == asked[:1]
    with store.write() as session:
        queue = add_queue(session, ADA, name="q", kind=TaskKind.SHORTLIST, traces=asked)
    say(store, queue, ("ada", Judgement(GOOD, {"I50.9": NO, "I50.1": NO, "I51.9": NEAR})))
    say(store, queue, ("ada", Judgement(GOOD, {"I50.9": NO})))
    with store.read() as session:
        assert chosen(session, TaskKind.SHORTLIST, source) == asked[1:]
