"""Words: how text becomes words, what BM25 finds, and the files that are kept of it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from core.config import Settings
from core.datasets.base import Dataset, Document, Label, Split
from core.datasets.catalogue import open_dataset
from core.datasets.files import About, write_dataset
from core.errors import StoreError
from core.shortlist import lexical
from core.shortlist.lexical import LexicalIndex, Tokenizer, Words, lexical_folder
from tests.shortlist.synthetic import settings_of

LABELS = [
    Label("a", "Ménière's disease, right ear"),
    Label("b", "Aspirin/adverse effects"),
    Label("c", "Aspirin"),
    Label("d", "Dog", "a domestic animal that barks"),
    Label("e", "Aspirin"),
    Label("f", "???"),
]


def dataset(home: Path, labels: list[Label] = LABELS, name: str = "words") -> Dataset:
    about = About(name, "Words", "Labels for tests.", "synthetic", "CC0", "tests")
    documents = [Document("1", "aspirin", ("c",), Split.DEV)]
    write_dataset(home / "datasets" / name, about, labels, documents)
    return open_dataset(settings_of(home), name)


@pytest.fixture
def settings(home: Path) -> Settings:
    return settings_of(home)


def ids(index: LexicalIndex, data: Dataset, text: str, k: int = 10) -> list[str]:
    return [data.labels.id(row) for row in index.search_rows(text, k)[0].tolist()]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ménière’s DISEASE", ["menier", "diseas"]),
        ("Meniere's disease", ["menier", "diseas"]),
        ("Aspirin/adverse effects", ["aspirin", "advers", "effect"]),
        ("E11.9 and e11.9.", ["e11.9", "e11.9"]),
        ("Interleukin-2 of the 2.5 mg", ["interleukin", "2", "2.5", "mg"]),
        ("snake_case", ["snake", "case"]),
        ("Straße", ["strass"]),
        ("糖尿病 \u202e\x00!?", ["糖尿病"]),
        ("", []),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert Tokenizer(Words()).words(text) == words


def test_stemming_and_stop_words_can_be_turned_off() -> None:
    assert Tokenizer(Words(stem=False, stop=False)).words("The effects") == ["the", "effects"]


def test_labels_are_found_by_words_of_their_names_and_descriptions(
    home: Path, settings: Settings
) -> None:
    data = dataset(home)
    index = LexicalIndex.open(settings, data)
    assert ids(index, data, "MENIERE disease") == ["a"]
    assert ids(index, data, "barking animals") == ["d"]
    assert ids(index, data, "adverse effects of aspirin")[0] == "b"
    assert ids(index, data, "nothing of it") == []
    assert ids(index, data, "?") == []


def test_of_equal_scores_the_lower_row_comes_first_also_where_the_list_is_cut(
    home: Path, settings: Settings
) -> None:
    data = dataset(home)
    index = LexicalIndex.open(settings, data)
    assert ids(index, data, "aspirin") == ["c", "e", "b"]
    assert ids(index, data, "aspirin", 1) == ["c"]


def test_scores_are_those_of_the_formula(home: Path, settings: Settings) -> None:
    """Lucene's BM25 (Kamphuis et al., 2020), with Robertson's weight for words of the query."""
    words = Words(k1=1.2, b=0.5, k3=2.0)
    texts = ["red fish", "red red fish swim", "blue bird"]
    data = dataset(home, [Label(str(i), text) for i, text in enumerate(texts)], "formula")
    index = LexicalIndex.build(data.labels, words)

    def score(tokens: list[str], word: str, holders: int, times: int) -> float:
        tf = tokens.count(word)
        idf = math.log(1 + (3 - holders + 0.5) / (holders + 0.5))
        length = 1 - words.b + words.b * len(tokens) / (8 / 3)
        return idf * tf / (tf + words.k1 * length) * (3 * times / (2 + times))

    expected = [
        score(text.split(), "red", 2, 2) + score(text.split(), "swim", 1, 1) for text in texts[:2]
    ]
    rows, scores = index.scored("red swim red")
    assert rows.tolist() == [0, 1]
    assert scores == pytest.approx(expected, rel=1e-5)


def test_ranks_agree_with_the_list_and_put_labels_without_a_word_last(
    home: Path, settings: Settings
) -> None:
    generator = np.random.default_rng(0)
    names = [" ".join(generator.choice(list("bcdfgh"), 3)) for _ in range(200)]
    data = dataset(home, [Label(f"{i:03}", name) for i, name in enumerate(names)], "many")
    index = LexicalIndex.build(data.labels)
    rows, scores = index.search_rows("b c c", 200)
    assert 0 < len(rows) < 200
    assert np.all(np.diff(scores) <= 0)
    assert index.ranks("b c c", rows.tolist()) == list(range(1, len(rows) + 1))
    missed = sorted(set(range(200)) - set(rows.tolist()))
    assert index.ranks("b c c", missed) == [200] * len(missed)


def test_rows_left_out_are_neither_found_nor_counted(home: Path, settings: Settings) -> None:
    data = dataset(home)
    index = LexicalIndex.open(settings, data)
    row = data.labels.row
    without = np.array([row("c")])
    assert index.search_rows("aspirin", 5, without)[0].tolist() == [row("e"), row("b")]
    assert index.ranks("aspirin", [row("e")], without) == [1]  # type: ignore[list-item]


def test_an_index_is_kept_and_read_again(
    home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dataset(home)
    first = LexicalIndex.open(settings, data)
    monkeypatch.setattr(LexicalIndex, "build", None)  # not called again
    again = LexicalIndex.open(settings, data)
    for text in ("aspirin effects", "disease of an ear", "barks"):
        assert again.scored(text)[0].tolist() == first.scored(text)[0].tolist()
        assert again.scored(text)[1].tolist() == first.scored(text)[1].tolist()


def _cut(folder: Path) -> None:
    with (folder / "data.npy").open("r+b") as file:
        file.truncate(10)


def _foreign(folder: Path) -> None:
    manifest = folder / "lexical.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "texts": "other"}))


@pytest.mark.parametrize(
    "spoil",
    [
        _cut,
        _foreign,
        lambda folder: (folder / "lexical.json").write_text("{"),
        lambda folder: (folder / "lexical.json").write_text("[]"),
        lambda folder: (folder / "indices.npy").unlink(),
    ],
)
def test_a_damaged_or_foreign_index_is_made_anew(
    home: Path, settings: Settings, spoil: object
) -> None:
    data = dataset(home)
    whole = LexicalIndex.open(settings, data).scored("aspirin")[1].tolist()
    spoil(lexical_folder(settings, data))  # type: ignore[operator]
    assert LexicalIndex.open(settings, data).scored("aspirin")[1].tolist() == whole


def test_changed_descriptions_or_settings_make_another_index(
    home: Path, settings: Settings
) -> None:
    data = dataset(home)
    LexicalIndex.open(settings, data)
    changed = dataset(home, [*LABELS[:3], Label("d", "Dog", "a hound"), *LABELS[4:]])
    assert ids(LexicalIndex.open(settings, changed), changed, "hound") == ["d"]
    assert LexicalIndex.open(settings, changed, Words(stem=False)).scored("barking")[0].size == 0


def test_labels_without_any_word_make_an_empty_index(home: Path, settings: Settings) -> None:
    data = dataset(home, [Label("x", "?"), Label("y", "!")], "marks")
    index = LexicalIndex.open(settings, data)
    assert ids(index, data, "? anything \x00") == []
    assert len(LexicalIndex.open(settings, data)) == 2


def test_a_folder_that_cannot_be_written_says_what_to_do(
    home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    data = dataset(home)
    monkeypatch.setattr(lexical.np, "save", full)
    with pytest.raises(StoreError, match="No space left"):
        LexicalIndex.open(settings, data)
    assert not lexical_folder(settings, data).exists()
