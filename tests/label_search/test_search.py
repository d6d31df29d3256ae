"""What is found while a person types, and in which order."""

import functools
import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.datasets.catalogue import open_dataset
from core.label_search.search import LabelSearch
from core.label_search.words import WORD, id_key, key_of, words_of, words_to_find
from tests.label_search.spaces import dataset, names_of, search_over, settings_of


def test_every_typed_word_is_the_start_of_a_word_in_any_order(home: Path) -> None:
    search = search_over(home, "Aspirin/adverse effects", "Aspirin", "Adverse events of ASPIRIN")
    assert names_of(search, "adv asp") == ["Aspirin/adverse effects", "Adverse events of ASPIRIN"]
    assert names_of(search, "asp adv eff") == ["Aspirin/adverse effects"]
    assert names_of(search, "spirin") == []


def test_the_order_is_id_name_id_start_name_start_whole_words_other_words(home: Path) -> None:
    data = dataset(
        home,
        [
            ("A1", "A code"),
            ("A1.5", "A code that goes on"),
            ("Q1", "a1"),
            ("Q2", "a1 first of its name"),
            ("Q3", "a15 starts so"),
            ("Q4", "of a1"),
            ("Q5", "my a15"),
            ("Q6", "b"),
        ],
    )
    found = LabelSearch.build(data.labels).search("a1")
    assert [one.label_id for one in found] == ["A1", "Q1", "A1.5", "Q2", "Q3", "Q4", "Q5"]
    assert [data.labels[one.row].name for one in found] == [one.name for one in found]


def test_of_equals_shorter_names_come_first(home: Path) -> None:
    search = search_over(home, "heart attack, acute", "heart", "heart valve", "heart attack")
    assert names_of(search, "hea") == [
        "heart",
        "heart valve",
        "heart attack",
        "heart attack, acute",
    ]
    assert names_of(search, "hea", limit=2) == ["heart", "heart valve"]


def test_letters_alone_find_a_code_only_after_the_names(home: Path) -> None:
    data = dataset(home, [("D1", "Fever"), ("D2", "Deer"), ("D", "Cough")])
    found = LabelSearch.build(data.labels).search("d")
    assert [one.label_id for one in found] == ["D", "D2", "D1"]


def test_codes_are_found_as_people_write_them(home: Path) -> None:
    data = dataset(home, [("E119", "Type 2"), ("E1165", "High"), ("HP:0000118", "Phenotype")])
    search = LabelSearch.build(data.labels)
    assert [one.label_id for one in search.search("e11.")] == ["E119", "E1165"]
    assert [one.label_id for one in search.search("E11.65")] == ["E1165"]
    for typed in ("HP:0000118", "hp_00001", "0000118", "00001"):
        assert [one.label_id for one in search.search(typed)] == ["HP:0000118"]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("Ménière's disease", "meniere dis"),
        ("Ménière's disease", "MÉNIÈRE'S"),
        ("Me\u0301nie\u0300re", "ménière"),
        ("당뇨병성 망막병증", "망막"),
        ("당뇨병성 망막병증", "병성"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"),
        ("がん検診", "がん"),
        ("がん検診", "か\u3099ん"),
        ("がん検診", "検診"),
        ("アスピリン", "ｱｽﾋﾟﾘﾝ"),
        ("मधुमेह रोग", "मधु"),
        ("โรคเบาหวาน", "เบาหวาน"),
        ("X-Ray", "xray"),
        ("COVID-19", "covid19"),
        ("C++", "c++"),
        ("😀", "😀"),
        ("+ +", "+"),
    ],
)
def test_names_in_any_script_are_found(home: Path, name: str, query: str) -> None:
    assert names_of(search_over(home, "Other", name), query) == [name]


def test_a_kana_with_dakuten_does_not_find_the_one_without(home: Path) -> None:
    assert names_of(search_over(home, "かん", "がん"), "が") == ["がん"]


ODD = [
    "",
    "   ",
    "\x00",
    "a\x00b",
    "\ud800",
    '"',
    "'",
    '"a" OR b',
    "NEAR(a b)",
    "a*",
    "-a ^b",
    "%_\\",
    "😀👩‍⚕️",
    "\u202e\u200b",
    "a" * 10_000,
    "a b " * 2_500,
    "ab " * 600,
    "".join(map(chr, range(0x20, 0x250))),
    "\u0301",
    "\n\t",
]


@pytest.mark.parametrize("query", ODD)
def test_no_query_is_too_odd(home: Path, query: str) -> None:
    search = search_over(home, "a", "b", "'", "", "\x00", "😀")
    assert isinstance(search.search(query), tuple)
    if not query.strip():
        assert search.search(query) == ()


def test_quotes_and_operators_are_not_read_as_such(home: Path) -> None:
    search = search_over(home, "a or b", "a", "near")
    assert names_of(search, '"a" OR b') == ["a or b"]
    assert names_of(search, "NEAR(") == ["near"]


def test_what_is_excluded_makes_room_for_the_next(home: Path) -> None:
    search = search_over(home, *(f"word {at:03}" for at in range(100)))
    without = {f"id-{at}" for at in range(90)}
    assert names_of(search, "word", 3) == ["word 000", "word 001", "word 002"]
    found = search.search("word", 3, exclude=without)
    assert [one.label_id for one in found] == ["id-90", "id-91", "id-92"]
    assert search.search("word", 3, exclude=[*without, *(f"id-{n}" for n in range(90, 100))]) == ()
    assert search.search("word", 0) == ()


def test_an_empty_label_space_finds_nothing(home: Path) -> None:
    search = LabelSearch.build(dataset(home, []).labels)
    assert len(search) == 0
    assert [search.search(query) for query in ("a", "1", "++", "")] == [()] * 4


parted = functools.cache(words_to_find)


def plain(search: LabelSearch, query: str) -> list[str]:
    """The same by looking at every label: what the search is held to."""
    typed, key, code = words_of(query), key_of(query), id_key(query)
    has_digit = any(one.isdigit() for one in query)
    ranked = []
    for row, label in enumerate(search.labels):
        name, words = parted(label.name)
        own = id_key(label.id)
        all_start = all(any(word.startswith(one) for word in words) for one in typed)
        kinds = [
            own == code,
            name == key,
            has_digit and own.startswith(code),
            name.startswith(f"{key} "),
            name.startswith(key),
            all(one in words for one in typed),
            all_start,
            own.startswith(code),
        ]
        if any(kinds):
            kind = kinds.index(True)
            length = len(own) if kind in (2, 7) else len(name)
            ranked.append((kind, length, own if kind in (2, 7) else name, row, label.id))
    return [label_id for *_, label_id in sorted(ranked)]


def test_it_finds_what_a_look_at_every_label_finds(home: Path) -> None:
    chance = random.Random(7)
    parts = ["a", "ab", "abc", "b1", "b12", "é", "ea", "x-ray", "o'b", "糖尿病", "病", "1", "12"]
    names = [
        chance.choice([" ", ", ", "/"]).join(chance.choices(parts, k=chance.randint(1, 4)))
        for _ in range(250)
    ]
    ids = [f"{chance.choice(['A', 'B1.', 'Ab'])}{at}" for at in range(len(names))]
    search = LabelSearch.build(dataset(home, zip(ids, names, strict=True)).labels)
    singles = ["a", "e", "b", "B1", "b1.3", "Ab", "ab4", "xr", "ob", "o'", "病", "尿", "1", "12"]
    pairs = [f"{a} {b}" for a, b in itertools.product(singles, repeat=2)]
    for query in [*singles, *pairs]:
        wanted = plain(search, query)
        for limit in (1, 5, 500):
            found = [one.label_id for one in search.search(query, limit)]
            assert found == wanted[:limit], query
    assert all(len(query) < WORD for query in pairs)


def test_icd_is_searched_by_code_and_by_words(shared_home: Path) -> None:
    settings = settings_of(shared_home)
    search = LabelSearch.open(settings, open_dataset(settings, "icd"))
    assert search.search("E11.9")[0].label_id == "E119"
    name = "Type 2 diabetes mellitus without complications"
    assert (search.search(name)[0].label_id, search.search(name)[0].name) == ("E119", name)
    assert "E119" in {one.label_id for one in search.search("mell diab 2 without")}
    assert len(search.search("s", 50)) == 50


def test_threads_share_one_search(shared_home: Path) -> None:
    settings = settings_of(shared_home)
    search = LabelSearch.open(settings, open_dataset(settings, "icd"))
    queries = ["fract", "frac left", "s72", "diab", "e11.9", "burn", "a", "zzz"] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(search.search, queries))
    assert found == [search.search(query) for query in queries]
