"""Which traces a queue asks about."""

import dataclasses

import pytest

from core.annotation.verdicts import TaskKind
from core.datasets.base import Document, Split
from core.errors import InputError
from core.traces.base import CurvePoint, Curves
from db.queue_sources import Rule, Source, chosen
from db.runs import ensure_run
from db.session import Store
from db.traces import begin_trace, finish_trace
from tests.db.examples import CONFIG, record

SHORTLIST, PREFERENCE = TaskKind.SHORTLIST, TaskKind.PREFERENCE


def run_of(store: Store, system: str, selected: list[tuple[str, ...]]) -> tuple[str, list[str]]:
    """A run over documents d0, d1, ... that selected these labels: its id, its traces."""
    config = dataclasses.replace(CONFIG, system=system)
    traces = []
    with store.write() as session:
        run = ensure_run(session, {"config": config.to_json()}, config, "dev", "batch")
        for number, labels in enumerate(selected):
            document = Document(f"d{number}", f"Text {number}", ("I50.9",), Split.DEV)
            trace = begin_trace(
                session, run_id=run, config=config, document=document, origin="batch"
            )
            made = record(document)
            point = CurvePoint(1.0, 0.5, 0.1 * (number + 1))
            made = dataclasses.replace(
                made,
                prediction=dataclasses.replace(made.prediction, selected=labels),
                trace=dataclasses.replace(made.trace, curves=Curves((point,), (), "gold")),
                recall_at_k=1.0 / (number + 1),
            )
            finish_trace(session, trace, made)
            traces.append(trace)
    return run, traces


def test_rules_put_the_telling_ones_first(store: Store) -> None:
    _, traces = run_of(store, "base", [("a",), ("b",), ("c",)])

    def of(rule: Rule, limit: int = 10, seed: int = 0) -> list[str]:
        source = Source({"system": "base"}, rule, limit, seed)
        return [trace for trace, _ in chosen(session, SHORTLIST, source)]

    with store.read() as session:
        assert of(Rule.NEWEST) == traces[::-1]
        assert of(Rule.LOWEST_RECALL, 2) == [traces[2], traces[1]]
        assert of(Rule.HIGHEST_CONFUSION, 1) == [traces[2]]
        assert sorted(of(Rule.RANDOM)) == sorted(traces)
        assert of(Rule.RANDOM, seed=3) == of(Rule.RANDOM, seed=3)
        assert len({tuple(of(Rule.RANDOM, seed=seed)) for seed in range(20)}) > 1
        assert chosen(session, SHORTLIST, Source({"system": "other"})) == []


def test_two_runs_are_paired_where_they_differ_most(store: Store) -> None:
    one, mine = run_of(store, "one", [("a", "b"), ("a",), ()])
    two, others = run_of(store, "two", [("a",), ("b",), ()])
    source = Source(rule=Rule.DISAGREEMENT, runs=(one, two))
    with store.read() as session:
        pairs = chosen(session, PREFERENCE, source)
        singles = chosen(session, SHORTLIST, source)
    assert pairs == [(mine[1], others[1]), (mine[0], others[0]), (mine[2], others[2])]
    assert singles == [(trace, None) for trace, _ in pairs]


def test_what_cannot_be_paired_is_said(store: Store) -> None:
    one, _ = run_of(store, "one", [("a",)])
    empty, _ = run_of(store, "two", [])
    with store.read() as session:
        for runs, words in (
            ((one,), "Two runs"),
            ((one, one), "Two runs"),
            ((one, empty), "common"),
        ):
            with pytest.raises(InputError, match=words):
                chosen(session, PREFERENCE, Source(runs=runs))
        with pytest.raises(InputError, match="0 tasks"):
            chosen(session, SHORTLIST, Source(limit=0))
