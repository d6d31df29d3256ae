"""Focus and Confusion by their definitions, on an encoder whose vectors are known."""

import numpy as np
import pytest

from core.traces.base import FinishReason, NearMiss, Trace
from core.traces.curves import WINDOW_TOKENS, curves, encoder_tokens, step_before, windows
from tests.patience import given_up_after

AXES = {"cat": 0, "dog": 1, "fox": 2}


def encode(texts: list[str]) -> np.ndarray:
    """Counts of three words, as unit rows; anything else points elsewhere."""
    rows = np.zeros((len(texts), 4), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.lower().replace(".", " ").split():
            row[AXES.get(word, 3)] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


MISS = (NearMiss("D", "dog", "C", 0.9),)


def words(text: str) -> list[tuple[int, int]]:
    """One token a word, with the space after it."""
    starts = [0, *(i + 1 for i, c in enumerate(text) if c == " ")]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def test_focus_and_confusion_of_every_prefix() -> None:
    text = "cat. dog. "[:-1]
    got = curves(text, words(text), "cat", MISS, encode, "gold", points=2)
    first, second = got.points
    assert (first.t, second.t) == (0.5, 1.0)
    assert first.focus == pytest.approx(1.0)
    assert first.confusion == pytest.approx(0.0)
    assert second.focus == pytest.approx(2**-0.5)  # the mean of two right-angled vectors
    assert second.confusion == pytest.approx(2**-0.5)
    assert got.near_misses == MISS
    assert got.near_misses_from == "gold"


def test_the_step_of_a_point_is_what_was_written_since_the_point_before() -> None:
    text = "cat fox dog bee"
    found = curves(text, words(text), "cat", MISS, encode, "gold", points=4)
    whole = Trace(text, FinishReason.STOP, 1, 4, 1.0, 0.1, tuple(words(text)), curves=found)
    steps = [text[slice(*step_before(whole, point.t))] for point in found.points]
    assert steps == ["cat ", "fox ", "dog ", "bee"]


def test_sentences_weigh_by_their_tokens() -> None:
    text = "cat cat cat. dog."
    last = curves(text, words(text), "cat", MISS, encode, "gold", points=1).points[-1]
    assert last.focus == pytest.approx(3 / 10**0.5)
    assert last.confusion == pytest.approx(1 / 10**0.5)


def test_a_point_knows_nothing_of_what_comes_after_it() -> None:
    head = "cat fox "
    seen = [
        curves(head + tail, words(head + tail), "cat", (), encode, "gold", points=2).points[0]
        for tail in ("cat cat.", "dog dog.")
    ]
    assert seen[0].focus == pytest.approx(seen[1].focus)


def test_without_near_misses_there_is_no_confusion() -> None:
    point = curves("cat.", [(0, 4)], "cat", (), encode, "not chosen", points=1).points[0]
    assert point.confusion is None


def test_without_token_offsets_t_counts_characters() -> None:
    got = curves("cat. dog.", [], "cat", (), encode, "gold", points=2)
    assert got.points[0].focus == pytest.approx(1.0)


def test_twenty_points_by_default_and_all_in_range() -> None:
    text = "cat dog fox. " * 30
    got = curves(text, words(text.strip()), "fox", MISS, encode, "gold")
    assert [round(p.t, 2) for p in got.points] == [round(0.05 * i, 2) for i in range(1, 21)]
    assert all(-1 <= p.focus <= 1 and -1 <= p.confusion <= 1 for p in got.points)


@pytest.mark.parametrize("text", ["", "  \n", "...", "!!! ???"])
def test_a_trace_without_words_has_no_points(text: str) -> None:
    assert curves(text, [], "cat", MISS, encode, "gold").points == ()


@pytest.mark.parametrize(
    "text",
    [
        "A b. C d! E?\nF",
        "word " * 2000,
        "x" * 5000,
        "霍乱是一种急性腹泻性传染病。" * 100,
        "1.5 mg.",
    ],
)
def test_windows_cover_the_text_and_stay_under_the_encoders_limit(text: str) -> None:
    spans = windows(text)
    assert "".join(text[a:b] for a, b in spans) == text
    assert all(encoder_tokens(text[a:b]) <= WINDOW_TOKENS + 1 for a, b in spans)


def test_a_decimal_point_ends_no_sentence() -> None:
    text = "Took 1.5 mg. Slept."
    assert [text[a:b].strip() for a, b in windows(text)] == ["Took 1.5 mg.", "Slept."]


def test_windows_of_a_text_of_dots_or_spaces_take_time_in_proportion_to_its_length() -> None:
    with given_up_after():
        for text in ("." * 200_000 + "a", " " * 200_000 + "a", ". " * 100_000, "?!" * 100_000):
            spans = windows(text)
            assert "".join(text[a:b] for a, b in spans) == text


def test_each_distinct_text_is_encoded_once_and_in_one_call() -> None:
    calls: list[list[str]] = []

    def counting(texts: list[str]) -> np.ndarray:
        calls.append(texts)
        return encode(texts)

    text = "cat dog.\n" * 20
    curves(text, words(text.replace("\n", " ").strip()), text, MISS, counting, "gold")
    assert len(calls) == 1
    assert len(calls[0]) == len(set(calls[0]))
    assert calls[0].count("cat dog.\n") == 1


def test_texts_that_come_again_may_be_looked_up_and_give_the_same_curves() -> None:
    asked: list[str] = []

    def known(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return encode(texts)

    text = "cat fox. dog dog cat. fox."
    whole = curves(text, words(text), "fox. cat", MISS, encode, "gold")
    parts = curves(text, words(text), "fox. cat", MISS, encode, "gold", encode_known=known)
    assert parts == whole
    assert set(asked) <= {"fox. ", "cat", "dog"}


def test_every_point_is_the_token_weighted_mean_of_its_prefix() -> None:
    """Against the definition, computed prefix by prefix."""
    text = "cat dog. fox cat cat\ndog! 霍 fox. ... cat dog fox fox. dog"
    tokens = words(text.replace("\n", " "))
    got = curves(text, tokens, "fox", MISS, encode, "gold", points=7)
    for i, point in enumerate(got.points, start=1):
        cut = tokens[max(round(len(tokens) * i / 7), 1) - 1][1]
        total = np.zeros(4)
        for start, end in windows(text):
            piece = text[start : min(end, cut)]
            if start < cut and any(map(str.isalnum, piece)):
                inside = sum(start <= at < min(end, cut) for at, _ in tokens)
                total += inside * encode([piece])[0]
        assert point.focus == pytest.approx(total[2] / np.linalg.norm(total), abs=1e-6)
        assert point.confusion == pytest.approx(total[1] / np.linalg.norm(total), abs=1e-6)
