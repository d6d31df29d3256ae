"""Any method through one door: rows, sources, ranks, what is left out, and the default."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from core.datasets.base import Dataset, Document, Label, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset
from core.datasets.tables import document_table, write_tables
from core.encoders import Encoder
from core.errors import IndexFileError, InputError
from core.jobs.kinds import build_index_of
from core.shortlist import build, two_step
from core.shortlist.base import Method
from core.shortlist.choice import best_of, choice_path, read_choice
from core.shortlist.recall import CUTS, Sample, recall_at, recalls
from core.shortlist.retriever import DEPTH, Retriever
from core.shortlist.sentences import MOST_PARTS, DenseQuery, sentences
from core.shortlist.tuning import choose
from core.shortlist.version import retrieval_identity
from tests.shortlist.conftest import Built
from tests.shortlist.synthetic import DIM, HashEncoder, make_dataset, settings_of, text_vector

TEXT = "about topic 42. It is also about topic 7, or so. And topic 250 in the end."


def opened(built: Built) -> Retriever:
    return Retriever.open(built.settings, built.dataset, built.encoder)  # type: ignore[arg-type]


def brute_force(built: Built, text: str, method: Method) -> np.ndarray:
    """The score of every label by vectors, straight from the definition; 10 more for a label that
    is among the first of any query."""
    labels = np.stack([text_vector(label.name) for label in built.dataset.labels])
    whole = labels @ text_vector(text)
    if method is not Method.SENTENCES:
        return whole
    parts = np.stack([text_vector(part) for part in sentences(text)])
    cosines = np.column_stack([labels @ parts.T, whole])
    first = np.unique(np.argsort(-cosines, axis=0)[:DEPTH])
    scores = (labels @ parts.T).max(axis=1) + 0.5 * whole
    scores[first] += 10
    return scores


@pytest.mark.parametrize("method", list(Method))
def test_exact_ranks_of_gold_are_the_places_in_an_exact_search(
    built: Built, method: Method
) -> None:
    retriever, vector = opened(built), text_vector(TEXT)
    ids = [label.id for label in built.dataset.labels]

    found = retriever.search(TEXT, vector, 30, method=method, exact=True)
    ranks = {g.label_id: g.exact_rank for g in retriever.gold_ranks(TEXT, vector, ids, method)}

    assert [ranks[row.label_id] for row in found.rows] == list(range(1, len(found.rows) + 1))
    if method is not Method.LEXICAL:  # where labels without a shared word are all last
        assert sorted(ranks.values()) == list(range(1, 301))  # type: ignore[type-var]
    assert found.method == method.value


@pytest.mark.parametrize("method", [Method.FUSION, Method.SENTENCES])
def test_fused_scores_are_sums_of_reciprocal_ranks(built: Built, method: Method) -> None:
    retriever = opened(built)
    order = np.argsort(-brute_force(built, TEXT, method)).tolist()
    words = retriever.lexical.search_rows(TEXT, DEPTH)[0].tolist()

    found = retriever.search(TEXT, text_vector(TEXT), 60, method=method, exact=True)

    for row in found.rows:
        number = built.dataset.labels.row(row.label_id)
        place, word = order.index(number) + 1, words.index(number) + 1 if number in words else None
        assert row.exact_rank == place
        assert row.lexical_rank == word
        expected = (1 / (60 + place) if place <= DEPTH else 0) + (1 / (60 + word) if word else 0)
        assert row.score == pytest.approx(expected)
        assert row.source == "+".join(["exact"] * (place <= DEPTH) + ["lexical"] * bool(word))
        assert row.cosine == pytest.approx(
            float(text_vector(row.name) @ text_vector(TEXT)), abs=1e-6
        )
    assert [row.score for row in found.rows] == sorted((r.score for r in found.rows), reverse=True)  # type: ignore[type-var]


def test_rows_say_what_found_them(built: Built) -> None:
    found = opened(built).search(TEXT, text_vector(TEXT), 50, method=Method.FUSION)
    lexical = opened(built).search(TEXT, text_vector(TEXT), 50, method=Method.LEXICAL)

    assert {row.source for row in found.rows} <= {"exact", "exact+lexical", "lexical"}
    assert {row.source for row in lexical.rows} == {"lexical"}
    assert lexical.ef is None
    assert [row.lexical_rank for row in lexical.rows] == list(range(1, len(lexical.rows) + 1))


def test_a_graph_that_serves_is_named_as_the_source(home: Path) -> None:
    """DEPTH rows are more than a quarter of 300 labels, where HNSW is not asked."""
    settings, encoder = settings_of(home), HashEncoder()
    dataset = make_dataset(home, labels=600, name="larger")
    build.build_index(settings, dataset, encoder)
    retriever = Retriever.open(settings, dataset, encoder)  # type: ignore[arg-type]
    for method in (Method.FUSION, Method.SENTENCES):
        found = retriever.search(TEXT, text_vector(TEXT), 50, method=method)
        assert {row.source for row in found.rows} <= {"hnsw", "hnsw+lexical", "lexical"}
        assert found.ef is not None
        assert found.ef >= DEPTH
        exact = retriever.search(TEXT, text_vector(TEXT), 50, method=method, exact=True)
        same = {r.label_id for r in found.rows} & {r.label_id for r in exact.rows}
        assert len(same) >= 45


def test_dense_is_what_the_index_gives(built: Built) -> None:
    retriever, vector = opened(built), text_vector(TEXT)
    mine = retriever.search(TEXT, vector, 20, ef=40, ms_encode=2.0)
    its = retriever.index.search(vector, 20, 40, ms_encode=2.0)
    assert dataclasses.replace(mine, ms_search=0) == dataclasses.replace(its, ms_search=0)


@pytest.mark.parametrize("method", list(Method))
def test_excluded_labels_are_neither_given_nor_counted(built: Built, method: Method) -> None:
    retriever, vector = opened(built), text_vector(TEXT)
    first, second, *_ = retriever.search(TEXT, vector, 20, method=method, exact=True).rows
    out = (first.label_id, "unknown")

    found = retriever.search(TEXT, vector, 20, method=method, exact=True, excluded=out)
    (rank,) = retriever.gold_ranks(TEXT, vector, [second.label_id], method, excluded=out)
    (rows,) = retriever.search_many([TEXT], vector[None, :], 20, method=method, excluded=[out])

    assert found.rows[0].label_id == second.label_id
    assert first.label_id not in {row.label_id for row in found.rows}
    assert rank.exact_rank == 1
    assert rows[0] == built.dataset.labels.row(second.label_id)
    if method is not Method.LEXICAL:
        assert len(found.rows) == 20


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("method", list(Method))
def test_many_texts_give_what_each_gives_alone(built: Built, method: Method, exact: bool) -> None:
    retriever = opened(built)
    texts = [TEXT, "topic 9", "no such word"]
    vectors = np.stack([text_vector(text) for text in texts])

    rows = retriever.search_many(texts, vectors, 15, method=method, exact=exact)

    for at, text in enumerate(texts):
        alone = retriever.search(text, vectors[at], 15, method=method, exact=exact)
        expected = [built.dataset.labels.row(row.label_id) for row in alone.rows]
        assert rows[at].tolist() == expected + [-1] * (15 - len(expected))


def test_without_exact_ranks_no_row_has_one(built: Built) -> None:
    found = opened(built).search(
        TEXT, text_vector(TEXT), 10, method=Method.FUSION, exact_ranks=False
    )
    assert {row.exact_rank for row in found.rows} == {None}


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize(("k", "ef"), [(0, None), (301, None), (10, 5)])
def test_what_cannot_be_searched_is_refused(
    built: Built, method: Method, k: int, ef: int | None
) -> None:
    with pytest.raises(InputError):
        opened(built).search(TEXT, text_vector(TEXT), k, method=method, ef=ef)


def test_all_labels_can_be_asked_for(built: Built) -> None:
    found = opened(built).search(TEXT, text_vector(TEXT), 300, method=Method.FUSION)
    assert len({row.label_id for row in found.rows}) == 300


def test_a_partial_index_fuses_what_is_encoded_with_all_words(home: Path) -> None:
    settings, encoder = settings_of(home), HashEncoder()
    dataset = make_dataset(home, name="half")
    asked = iter([False] * 4 + [True] * 1000)
    build.build_index(settings, dataset, encoder, cancelled=lambda: next(asked))
    retriever = Retriever.open(settings, dataset, encoder)  # type: ignore[arg-type]
    missing = next(
        row
        for row in range(300)
        if not retriever.index.encoded[1][row]  # type: ignore[index]
    )
    text = str(missing)

    for method in (Method.FUSION, Method.SENTENCES):
        found = retriever.search(text, text_vector(text), 20, method=method)
        row = next(r for r in found.rows if r.label_id == f"L{missing:05}")
        assert found.partial
        assert (row.exact_rank, row.source, row.lexical_rank) == (None, "lexical", 1)
        (rank,) = retriever.gold_ranks(text, text_vector(text), [row.label_id], method)
        assert rank.exact_rank == row.rank
    (far,) = retriever.gold_ranks("topic", text_vector("topic"), [f"L{missing:05}"], Method.DENSE)
    assert (far.in_vocabulary, far.exact_rank) == (True, None)


def test_gold_outside_the_vocabulary_has_no_rank(built: Built) -> None:
    (rank,) = opened(built).gold_ranks(TEXT, text_vector(TEXT), ["nowhere"], Method.FUSION)
    assert (rank.in_vocabulary, rank.exact_rank) == (False, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One sentence only.", []),
        ("", []),
        ("The first one is here. The second one too!", ["The first one is here.",
                                                         "The second one too!"]),
        ("Title of it\nThe body of it. et al.", ["Title of it", "The body of it. et al."]),
    ],
)  # fmt: skip
def test_sentences_of_a_text(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_text_of_many_sentences_is_asked_in_few_parts_and_none_is_lost() -> None:
    text = " ".join(f"This is sentence number {i}." for i in range(500))
    parts = sentences(text)
    assert len(parts) == MOST_PARTS
    assert " ".join(parts) == text


def test_one_sentence_alone_is_the_cosine() -> None:
    query = DenseQuery(None, text_vector("x"), np.empty((0, DIM), np.float32))  # type: ignore[arg-type]
    assert query.combined(np.array([[0.25, -1.0]], np.float32)).tolist() == [0.25, -1.0]


def test_recall_of_each_document_is_the_share_of_gold_at_each_cut() -> None:
    found = np.full((2, 100), -1)
    found[0, [0, 15, 60]] = [4, 5, 6]
    found[1, :3] = [1, 2, 3]
    gold = [np.array([4, 5, 6]), np.array([9])]
    assert CUTS == (10, 20, 50, 100)
    np.testing.assert_allclose(
        recall_at(found, gold, [4, 1]), [[0.25, 0.5, 0.5, 0.75], [0, 0, 0, 0]]
    )


def test_padding_is_never_gold() -> None:
    assert recall_at(np.full((1, 5), -1), [np.array([-1, 3])[1:]], [1]).sum() == 0


def worded(home: Path, name: str = "worded") -> tuple[Dataset, HashEncoder]:
    """A dataset where words find the gold label and (random) vectors do not."""
    about = About(name, "Worded", "Labels for tests.", "synthetic", "CC0", "tests")
    labels = [Label(f"L{i:03}", f"thing number{i}") for i in range(120)]
    documents = [
        Document(f"d{i}", f"we saw number{i} once", (f"L{i:03}",), split)
        for i in range(30)
        for split in (Split.DEV,)
    ]
    write_dataset(home / "datasets" / name, about, labels, documents)
    dataset, encoder = open_dataset(settings_of(home), name), HashEncoder()
    build.build_index(settings_of(home), dataset, encoder)
    return dataset, encoder


def all_on_dev(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "rows_of", lambda split: list(range(len(dataset))))


def test_the_best_method_on_dev_becomes_the_default_once_measured(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, (dataset, encoder) = settings_of(home), worded(home)
    all_on_dev(dataset, monkeypatch)
    retriever = Retriever.open(settings, dataset, encoder)  # type: ignore[arg-type]
    assert retriever.default is Method.DENSE
    stages = []

    choice = choose(
        settings,
        dataset,
        encoder,  # type: ignore[arg-type]
        on_progress=lambda stage, done, total: stages.append(stage),
    )

    assert choice is not None
    assert choice.recalls["lexical"]["10"] == 1.0
    assert choice.recalls["dense"]["10"] < 0.5
    assert choice.documents == 30
    assert retriever.default is choice.method
    assert choice.method in (Method.LEXICAL, Method.FUSION, Method.SENTENCES)
    assert retriever.choice == choice
    assert {"Measuring lexical recall on dev documents"} < set(stages)


def test_only_documents_of_the_split_with_gold_are_sampled_and_always_the_same(
    built: Built,
) -> None:
    encoder = built.encoder
    first = Sample.of(built.dataset, encoder, Split.DEV, 3)  # type: ignore[arg-type]
    again = Sample.of(built.dataset, encoder, Split.DEV, 2)  # type: ignore[arg-type]
    dev = {built.dataset.document_at(row).id for row in built.dataset.rows_of(Split.DEV)}
    assert {document.id for document in first.documents} <= dev
    assert first.documents[:2] == again.documents


def test_a_choice_made_with_something_else_does_not_count(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, (dataset, encoder) = settings_of(home), worded(home)
    all_on_dev(dataset, monkeypatch)
    choose(settings, dataset, encoder)  # type: ignore[arg-type]
    path = choice_path(settings, dataset)
    whole = json.loads(path.read_text())
    for changed in ({"encoder": "other"}, {"words": "x"}, {"dataset_fingerprint": "x"},
                    {"format": 99}, {"recalls": {"dense": {}}}, {"retrieval": ""}):  # fmt: skip
        path.write_text(json.dumps({**whole, **changed}))
        assert read_choice(settings, dataset, encoder.identity) is None
    for broken in ("{", "[]", json.dumps({**whole, "method": "magic"})):
        path.write_text(broken)
        with pytest.raises(IndexFileError, match="phaselens tune worded"):
            read_choice(settings, dataset, encoder.identity)


def test_nothing_is_chosen_from_few_documents_or_when_cancelled(
    home: Path, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(built.dataset, "rows_of", lambda split: [0, 1])
    assert choose(built.settings, built.dataset, built.encoder) is None  # type: ignore[arg-type]
    dataset, encoder = worded(home)
    all_on_dev(dataset, monkeypatch)
    assert choose(settings_of(home), dataset, encoder, cancelled=lambda: True) is None  # type: ignore[arg-type]
    assert not choice_path(settings_of(home), dataset).exists()


def test_of_equally_good_methods_the_simpler_is_chosen() -> None:
    same = {method.value: {"10": 0.5} for method in Method}
    assert best_of(same) is Method.DENSE
    assert best_of({**same, "fusion": {"10": 0.6}}) is Method.FUSION


def test_gold_that_is_unknown_counts_as_missed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, encoder = worded(home)
    retriever = Retriever.open(settings_of(home), dataset, encoder)  # type: ignore[arg-type]
    documents = (Document("x", "number5", ("L005", "nowhere")),)
    sample = Sample(documents, encoder.encode(["number5"]))
    found = recalls(retriever, sample, Method.LEXICAL)
    assert found is not None
    assert found.tolist() == [[0.5] * 4]


def test_exact_search_scores_what_each_sentence_finds_as_hnsw_does(home: Path) -> None:
    """So a label that HNSW does not give was lost by the graph, and by nothing else."""
    settings, encoder = settings_of(home), HashEncoder()
    data = make_dataset(home, labels=600, name="larger")
    build.build_index(settings, data, encoder)
    retriever = Retriever.open(settings, data, encoder)  # type: ignore[arg-type]
    labels = np.stack([text_vector(label.name) for label in data.labels])
    differs = False
    for number in range(20):
        text = f"This is text {number}. It has a second sentence. And here is a third {number}."
        parts = np.stack([text_vector(part) for part in sentences(text)])
        query = DenseQuery(retriever.index, text_vector(text), parts)
        cosines = labels @ query.queries.T
        union = np.unique(np.argsort(-cosines, axis=0)[:5])
        combined = cosines[:, 1:].max(axis=1) + 0.5 * cosines[:, 0]
        expected = union[np.argsort(-combined[union])][:5].tolist()

        exact, _ = query.rows(5, None, True, np.empty(0, np.int64))
        graph, _ = query.rows(5, 600, False, np.empty(0, np.int64))
        ranks = query.ranks(np.arange(600), 5, np.empty(0, np.int64))

        assert exact.tolist() == expected
        assert graph.tolist() == expected
        assert [ranks[row] for row in expected] == [1, 2, 3, 4, 5]
        assert sorted(ranks) == list(range(1, 601))  # type: ignore[type-var]
        differs |= set(expected) != set(np.argsort(-combined)[:5].tolist())
    assert differs  # a label that no query finds among its 5 best can be among the 5 of all


def test_more_rows_than_ef_was_chosen_for_take_more_in_proportion(built: Built) -> None:
    manifest = dataclasses.replace(built.manifest, ef=80, recall_k=50)
    assert [manifest.ef_for(k) for k in (1, 50, 51, 100, 200, 1000)] == [80, 80, 82, 160, 320, 1000]


def test_lists_to_be_fused_are_searched_with_the_ef_of_their_depth(home: Path) -> None:
    settings, encoder = settings_of(home), HashEncoder()
    dataset = make_dataset(home, labels=600, name="larger")
    manifest = build.build_index(settings, dataset, encoder)
    assert manifest is not None
    retriever = Retriever.open(settings, dataset, encoder)  # type: ignore[arg-type]
    deep = manifest.ef_for(DEPTH)
    assert deep == 2 * manifest.ef
    found = retriever.search(TEXT, text_vector(TEXT), 20, method=Method.FUSION)
    dense = retriever.search(TEXT, text_vector(TEXT), 20, method=Method.DENSE)
    assert (found.ef, dense.ef) == (deep, manifest.ef)
    assert retriever.search(TEXT, text_vector(TEXT), 20, method=Method.FUSION, ef=30).ef == DEPTH


@pytest.mark.parametrize("method", list(Method))
def test_an_ef_of_k_is_enough_where_labels_are_left_out(built: Built, method: Method) -> None:
    retriever = opened(built)
    (rows,) = retriever.search_many(
        [TEXT], text_vector(TEXT)[None, :], 20, method=method, ef=20, excluded=[("L00042",)]
    )
    assert 42 not in rows


def test_what_is_kept_of_a_retrieval_is_of_these_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    before = retrieval_identity()
    monkeypatch.setattr(two_step, "BEHIND", 11)
    assert retrieval_identity() != before


def test_building_an_index_measures_methods_for_every_dataset_that_it_serves(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, (_, encoder) = settings_of(home), worded(home)
    about = About("major", "Major", "The same labels.", "synthetic", "CC0", "tests")
    documents = [
        Document(f"m{i}", f"we saw number{i} once", (f"L{i:03}",), Split.DEV) for i in range(30)
    ]
    shared = home / "datasets" / "worded" / "labels.arrow"
    write_tables(home / "datasets" / "major", about, shared, document_table(documents), "worded")
    monkeypatch.setattr(Encoder, "load", lambda settings: encoder)

    build_index_of(settings, {"dataset": "major"}, lambda *_: None, lambda: False)

    for name in ("worded", "major"):
        found = read_choice(settings, open_dataset(settings, name), encoder.identity)
        assert found is not None
        assert found.dataset == name
