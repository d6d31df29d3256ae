"""ef is chosen on training documents and reported on others of them; never on anything else."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.datasets.base import Document, Label, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset
from core.shortlist import autopilot
from core.shortlist.autopilot import interval, recalls, train_texts, tune
from core.shortlist.build import build_index
from core.shortlist.exact import exact_top
from core.shortlist.graph import GraphOptions, empty_graph
from core.shortlist.manifest import Manifest
from tests.shortlist.conftest import Built
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of, text_vector

ABOUT = About("bare", "Bare", "Synthetic labels.", "synthetic", "CC0", "tests")


def ignore(stage: str, done: int, total: int) -> None: ...


def tuned(graph: object, vectors: np.ndarray, queries: np.ndarray, target: float) -> object:
    return tune(graph, None, vectors, queries, target, ignore, lambda: False)


@pytest.fixture(scope="module")
def islands() -> tuple[object, np.ndarray, np.ndarray]:
    """A graph of many tight islands with few links, in which a small ef gets lost."""
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((60, 16))
    points = centres[rng.integers(0, 60, 3000)] + 0.15 * rng.standard_normal((3000, 16))
    vectors = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    graph = empty_graph(16, 3000, GraphOptions(m=4, ef_construction=20))
    graph.add_items(vectors, np.arange(3000), num_threads=1)
    queries = rng.standard_normal((80, 16))
    return graph, vectors, (queries / np.linalg.norm(queries, axis=1)[:, None]).astype(np.float32)


class Reader(HashEncoder):
    """Notes which texts were encoded as queries."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def encode(self, texts: Sequence[str], *, cache: bool = True) -> np.ndarray:
        self.read += texts
        return super().encode(texts, cache=cache)


def test_only_training_documents_are_asked(home: Path) -> None:
    encoder = Reader()

    build_index(settings_of(home), make_dataset(home), encoder)

    assert len(encoder.read) == 30
    assert all(text.endswith("for train-teacher") for text in encoder.read)


def test_without_training_documents_nothing_is_claimed(home: Path) -> None:
    labels = [Label(f"L{row}", f"topic {row}") for row in range(120)]
    documents = [Document("d", "about topic 1", ("L1",), Split.DEV)]
    write_dataset(home / "datasets" / "bare", ABOUT, labels, documents)
    settings = settings_of(home)
    encoder = Reader()

    manifest = build_index(settings, open_dataset(settings, "bare"), encoder)

    assert manifest is not None
    assert (manifest.recall_at_k, manifest.lost, manifest.queries) == (None, None, 0)
    assert (manifest.ef, manifest.curve) == (autopilot.UNMEASURED_EF, ())
    assert encoder.read == []


def test_the_curve_is_measured_on_the_half_that_chose_nothing(
    islands: tuple[object, np.ndarray, np.ndarray],
) -> None:
    graph, vectors, queries = islands
    found = tuned(graph, vectors, queries, 0.9)

    truth, _ = exact_top(vectors, queries, 50)
    for point in found.curve:
        recall, _ = recalls(graph, None, queries, truth, point.ef)
        assert point.recall == pytest.approx(float(recall[1::2].mean()))
        assert (point.low, point.high) == interval(recall[1::2])
        assert point.low <= point.recall <= point.high
        assert 0 < point.p50_ms <= point.p95_ms
    assert found.queries == 40


def test_the_smallest_ef_that_reaches_the_target_is_chosen(
    islands: tuple[object, np.ndarray, np.ndarray],
) -> None:
    graph, vectors, queries = islands
    truth, _ = exact_top(vectors, queries, 50)
    chosen = [tuned(graph, vectors, queries, target).ef for target in (0.5, 0.8, 0.9)]

    assert chosen == sorted(chosen)
    for ef, target in zip(chosen, (0.5, 0.8, 0.9), strict=True):
        for choice in autopilot.EF_CHOICES:
            half = recalls(graph, None, queries, truth, choice)[0][::2]
            sure = interval(half)[0] >= target
            enough = sure and (half < 0.5).mean() <= autopilot.MAX_LOST
            assert enough == (choice == ef) or choice > ef
            if choice == ef:
                break


def test_a_target_out_of_reach_gives_the_largest_ef_and_says_so(
    islands: tuple[object, np.ndarray, np.ndarray],
) -> None:
    found, reached = tuned(*islands, 1.1), tuned(*islands, 0.5)
    assert found.ef == autopilot.FURTHER_EF[-1] > 800
    assert (found.target_met, reached.target_met) == (False, True)
    assert found.chosen is not None
    assert [point.ef for point in reached.curve] == list(autopilot.EF_CHOICES)  # no time spent on


def test_the_manifest_says_whether_the_target_was_met(built: Built) -> None:
    assert built.manifest.target_met is True
    missed = build_index(
        built.settings, built.dataset, built.encoder, options=GraphOptions(target=1.1)
    )
    assert missed is not None
    assert missed.target_met is False
    before = {key: value for key, value in missed.to_json().items() if key != "target_met"}
    assert Manifest.from_json(json.loads(json.dumps(before))).target_met is None


def test_recall_counts_what_exact_search_finds(built: Built) -> None:
    index = built.open()
    queries = np.stack([text_vector(f"question {at}") for at in range(6)])
    truth, _ = exact_top(index.vectors, queries, 10)
    truth[0, :4] = -1  # four rows that nobody can find

    recall, seconds = recalls(index._opened.graph, None, queries, truth, 300)

    assert recall.tolist() == pytest.approx([0.6, 1, 1, 1, 1, 1])
    assert (seconds > 0).all()


def test_another_target_chooses_again_and_keeps_the_graph(built: Built) -> None:
    again = build_index(
        built.settings, built.dataset, built.encoder, options=GraphOptions(target=0.5)
    )

    assert again is not None
    assert (again.target, again.fingerprint) == (0.5, built.manifest.fingerprint)
    assert built.open().manifest == again


def test_documents_are_spread_over_the_whole_dataset(built: Built) -> None:
    texts = train_texts(built.dataset, 10)

    numbers = [int(text.split()[2]) for text in texts]
    assert len(set(numbers)) == 10
    assert sorted(number // 30 for number in numbers) == list(range(10))
