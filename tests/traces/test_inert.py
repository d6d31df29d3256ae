"""Text made harmless to show: nothing hides, reorders or runs."""

import pytest

from core.traces.inert import inert_html, neutralise, one_line


def test_ordinary_text_is_untouched():
    text = "Heart failure, unspecified (I50.9)\n\tcafé β-blocker 心"
    assert neutralise(text) == text


@pytest.mark.parametrize(
    "bad",
    [
        "\x00",
        "\x1b",
        "\x7f",
        "\x9b",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ufeff",
        "\ud800",
        "\U000e0041",
    ],
)
def test_hidden_characters_become_visible_one_for_one(bad):
    shown = neutralise(f"a{bad}b")
    assert bad not in shown
    assert len(shown) == 3
    assert shown.isprintable()


def test_offsets_stay_true():
    text = "\u202eabc\x00def"
    assert neutralise(text)[1:4] == "abc"
    assert neutralise(text)[5:] == "def"


def test_html_shows_markup_as_text():
    shown = inert_html("<img src=x onerror=alert(1)> & \"quoted\" 'single'")
    assert "<" not in shown
    assert '"' not in shown
    assert "'" not in shown


def test_lone_surrogates_can_be_sent_to_a_browser():
    assert inert_html("\udcff").encode("utf-8")


def test_one_line_is_cut_with_an_ellipsis():
    assert one_line("a\nb   c") == "a b c"
    assert one_line("x" * 200, 10) == "x" * 9 + "…"
