"""Full-text search finds the same on both databases, and no search text is an error."""

import random

import pytest

from core.datasets.base import Document
from db.search import MARK_END, MARK_START, fold, snippet, wanted_from
from db.session import Store
from db.traces import (
    TraceFilter,
    TraceOrder,
    begin_trace,
    count_of,
    finish_trace,
    neighbours,
    page_of,
)
from tests.db.examples import CONFIG, record


def add(store: Store, document: str, trace: str) -> str:
    given = Document("1", document, ("I50.9",))
    with store.write() as session:
        trace_id = begin_trace(session, run_id=None, config=CONFIG, document=given, origin="live")
        finish_trace(session, trace_id, record(given, text=trace))
    return trace_id


def found(store: Store, text: str) -> list[str]:
    with store.read() as session:
        page = page_of(session, TraceFilter(text=text))
        assert count_of(session, TraceFilter(text=text)) == len(page)
    return [trace.id for trace in page]


@pytest.mark.parametrize(
    "text",
    [
        "cholera",
        "CHOLERA vibrio",
        "chol",
        "vib 01",
        '"vibrio cholerae"',
        '"Due to" A00.0',
        "A00.0",
        "a00",
        "menieres",
        "Ménière's",
        "meniere",
        "心不全",
        "сердце",
        "failure, heart",  # from the label's name: "Heart failure, unspecified"
        '"heart failure"',
        "keep",
        "snake case",
        'vibrio "cholera',
    ],
)
def test_words_phrases_and_word_starts_are_found(store: Store, text: str) -> None:
    add(store, "Something else", "Nothing of note: dropped")
    wanted = add(
        store,
        "Cholera due to Vibrio cholerae 01, A00.0",
        "1. keep: Ménières (Ménière's) 心不全 and сердце, snake_case",
    )
    assert wanted in found(store, text)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("그는 한국 사람", "한국"),
        ("그는 한국어 교사", "한국"),
        ("がんの治療", "がん"),
        ("ガイドラインの改訂", '"ガイドラインの改訂"'),
        ("йод и ёлка", "йод ёлка"),
        ("ο λόγος", "λόγος"),
        ("ο λόγος", "ΛΌΓΟΣ"),
        ("Ménière", "Me\u0301nie\u0300re"),
    ],
)
def test_words_of_any_script_are_found_and_marked(store: Store, text: str, asked: str) -> None:
    add(store, "Something else", "Nothing of note")
    wanted = add(store, "A document", f"keep {text} here")
    assert found(store, asked) == [wanted]
    with store.read() as session:
        (trace,) = page_of(session, TraceFilter(text=asked))
    assert MARK_START in (trace.snippet or "")


@pytest.mark.parametrize("before", [19_990, 19_996, 20_000, 90_000])
def test_a_word_late_in_a_long_text_is_shown(store: Store, before: int) -> None:
    add(store, "A document", f"{'x' * before} vibrio family é")
    with store.read() as session:
        (trace,) = page_of(session, TraceFilter(text='"vibrio"'))
    assert f"{MARK_START}vibrio{MARK_END} family" in (trace.snippet or "")


@pytest.mark.parametrize("text", ["holera", '"chol"', '"cholerae vibrio"', "cholera plague", "99"])
def test_what_is_not_there_is_not_found(store: Store, text: str) -> None:
    add(store, "Cholera due to Vibrio cholerae", "keep")
    assert found(store, text) == []


ODD = [
    '"', "''", "*", "AND", "OR NOT", "NEAR(a b)", "a:b", "trace:keep", "(", "^a", "-a", "a*b*",
    "{x}", "%", "_", "\\", "a & b | !c", ":*", "<->", "\x00", "\ud800", "' OR 1=1 --", "é" * 300,
    " ".join("word" for _ in range(2000)), "\n\t",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_no_search_text_is_an_error(store: Store, text: str) -> None:
    add(store, "Cholera", "keep")
    found(store, text)


def test_random_search_texts_are_never_an_error(store: Store) -> None:
    add(store, "Cholera", "keep")
    rng = random.Random(5)
    letters = "ab \"'*:()&|!<->^{}[]%_\\.,;é心\u0301\u200b\x01A1"
    for _ in range(150):
        found(store, "".join(rng.choice(letters) for _ in range(rng.randrange(12))))


def test_a_search_without_a_word_filters_nothing(store: Store) -> None:
    trace_id = add(store, "Cholera", "keep")
    assert found(store, ' *"" ') == [trace_id]


@pytest.mark.parametrize("few", [0, 2, 3, 1000])
def test_rare_and_common_words_are_found_the_same_way(
    store: Store, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("db.search.FEW", few)  # PostgreSQL is asked differently beyond it
    made = [add(store, "Cholera", "keep") for _ in range(3)]
    add(store, "Typhoid", "drop")
    assert found(store, "chol") == made[::-1]
    chosen = TraceFilter(text="chol", dataset="icd", state="done")
    with store.read() as session:
        assert count_of(session, chosen) == 3
        assert [t.id for t in page_of(session, chosen, 1, 1, TraceOrder.OLDEST)] == [made[1]]
        assert neighbours(session, chosen, made[1]) == (made[2], made[0])


def test_the_place_found_is_shown_with_marks_and_newest_first(store: Store) -> None:
    old = add(store, "Cholera", "x " * 200 + "the <b>vibrio</b> family " + "y " * 200)
    new = add(store, "Vibrio infection", "nothing")
    with store.read() as session:
        page = page_of(session, TraceFilter(text="vib"))
    assert [trace.id for trace in page] == [new, old]
    assert page[0].snippet == f"{MARK_START}Vibrio{MARK_END} infection"
    shown = page[1].snippet or ""
    assert f"<b>{MARK_START}vibrio{MARK_END}</b>" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 220


def test_marks_in_a_text_itself_cannot_forge_a_highlight() -> None:
    shown = snippet((f"{MARK_START}forged{MARK_END} word",), wanted_from("word"))
    assert shown == f"\ufffdforged\ufffd {MARK_START}word{MARK_END}"


def test_folding_keeps_every_character_s_place() -> None:
    text = "Ménière ẞ ﬁ İ 心 Å"
    assert len(fold(text)) == len(text)
    assert fold("Ménière Å") == "meniere a"
    assert fold("한 ガ й Λόγος") == "한 ガ й λόγοσ"
