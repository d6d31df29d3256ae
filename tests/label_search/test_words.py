"""How text becomes words, and which parts of a name are shown as typed."""

import pytest

from core.label_search.words import WORD, id_key, id_tail, key_of, typed_parts, words_to_find


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ménière’s DISEASE", "meniere disease"),
        ("Crohn's", "crohn"),
        ("N'Djamena", "ndjamena"),
        ("2',5'-Oligoadenylate", "2 5 oligoadenylate"),
        ("Straße, Øre, Łódź", "strasse ore lodz"),
        ("İstanbul ﬁeld ＡＢＣ", "istanbul field abc"),
        ("Й и Ё", "и и е"),
        ("ΟΔΟΣ", "οδοσ"),
        ("がん が\u3093 か\u3099ん ﾊﾟﾝ", "がん がん がん パン"),
        ("당뇨병", "당뇨병"),
        ("मधुमेह", "मधुमेह"),
        ("snake_case C++ 😀", "snake case c"),
        ("\x00a\x00b", "a b"),
        ("", ""),
    ],
)
def test_texts_that_are_taken_as_equal_have_one_key(text: str, key: str) -> None:
    assert key_of(text) == key


def test_kana_with_and_without_dakuten_are_different_letters() -> None:
    assert key_of("がん") != key_of("かん")


def test_a_name_is_found_by_more_than_its_own_words() -> None:
    assert {"x", "ray", "xray"} <= set(words_to_find("X-Ray Film")[1])
    assert {"crohn", "crohns"} <= set(words_to_find("Crohn's disease")[1])
    assert {"糖尿病性網膜症", "網膜症", "症"} <= set(words_to_find("糖尿病性網膜症")[1])
    assert "ray" not in words_to_find("array")[1]


def test_of_a_long_word_the_first_characters_count() -> None:
    assert max(map(len, words_to_find("a" * 500 + " " + "病" * 500)[1])) == WORD


@pytest.mark.parametrize(
    ("label_id", "key", "tail"),
    [
        ("E11.9", "e119", ""),
        ("HP:0000118", "hp0000118", "0000118"),
        ("case%1:06:00::", "case10600", ""),
        (":", "", ""),
    ],
)
def test_an_id_is_found_without_its_signs_and_namespace(label_id: str, key: str, tail: str) -> None:
    assert (id_key(label_id), id_tail(label_id)) == (key, tail)


@pytest.mark.parametrize(
    ("text", "query", "typed"),
    [
        ("Aspirin/adverse effects", "adv asp", ["Asp", "adv"]),
        ("Ménière’s disease", "menier", ["Ménièr"]),
        ("Me\u0301niere", "me", ["Me\u0301"]),
        ("Crohn's disease", "crohns", ["Crohn's"]),
        ("Straße", "stras", ["Straß"]),
        ("糖尿病性網膜症", "網膜", ["網膜"]),
        ("당뇨병성 망막병증", "망막", ["망막"]),
        ("No such thing", "array", []),
        ("a+b (c)", "+ ( [", []),
        ("A. A.", "a a", ["A", "A"]),
        ("", "a", []),
    ],
)
def test_the_typed_parts_of_a_name(text: str, query: str, typed: list[str]) -> None:
    parts = typed_parts(text, query)
    assert "".join(part for part, _ in parts) == text
    assert [part for part, marked in parts if marked] == typed
