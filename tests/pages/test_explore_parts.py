"""What the parts of Explore draw: their HTML, tables and charts."""

import re
from dataclasses import replace

import pytest

from core.datasets.base import Document
from core.live.view import LiveView
from core.rerank.base import Fate, GoldFate
from core.shortlist.index import IndexStatus
from core.systems import RunConfig
from core.traces.base import BoundarySource, Mention, Phase, PhaseKind
from core.traces.inert import inert_html
from pages.parts.address import whole
from pages.parts.curves_chart import curves_frame, curves_plot
from pages.parts.diff_view import diff_html
from pages.parts.fates_view import MEANINGS, fates_html
from pages.parts.index_notice import coverage
from pages.parts.result import trace_caption
from pages.parts.shortlist_table import shortlist_caption, shortlist_frame
from pages.parts.stage_status import duration
from pages.parts.trace_view import trace_html
from tests.pages.explore_fakes import NASTY, TEXT, finished, shortlist, trace


def test_phases_differ_by_name_and_border_and_not_only_by_colour():
    html = trace_html(trace(), "", (), None, {})
    for word in ("1 · Shortlisting", "2 · Reasoning", "Answer", "dashed", "solid"):
        assert word in html


def test_the_picked_label_stands_out_where_the_trace_names_it():
    html = trace_html(trace(), "", (), "I50", {"I50": "rank 1"})
    assert '<mark class="pl-m pl-hot" title="rank 1">Heart failure</mark>' in html
    assert "pl-hot" not in trace_html(trace(), "", (), "J18", {}).split("</style>")[1]


def test_a_step_is_marked_across_mentions_and_blocks():
    text = trace().text
    start, end = 3, len(text) - 3
    html = trace_html(trace(), "", (), None, {}, step=(start, end)).split("</style>")[1]
    marked = "".join(re.findall(r'<span class="pl-step">(.*?)</span>', html, re.DOTALL))
    assert len(marked) > 20
    assert inert_html(text[start : start + 5]) in marked
    assert "pl-step" not in trace_html(trace(), "", (), None, {}).split("</style>")[1]


def test_text_forced_by_the_app_is_marked_as_given():
    given = replace(trace(), phases=(Phase(PhaseKind.SHORTLISTING, 0, 20, given=True),))
    assert "given by the app" in trace_html(given, "", (), None, {})


def test_no_character_of_a_trace_becomes_markup():
    nasty = replace(trace(TEXT + NASTY), mentions=(Mention("Z99", len(TEXT), len(TEXT) + 4),))
    html = trace_html(nasty, "", (), None, {"Z99": NASTY})
    assert "<img" not in html
    assert 'onerror="' not in html
    assert "\u202e" not in html


def test_an_empty_trace_says_so():
    assert "Nothing was written." in trace_html(trace("", phases=False), "", (), None, {})
    assert "Waiting for the first token" in trace_html(None, "", (), None, {})


def test_every_fate_is_shown_with_its_meaning():
    fates = [GoldFate(f"G{i}", NASTY, fate, None, 1234) for i, fate in enumerate(Fate)]
    html = fates_html(fates)
    for fate in Fate:
        assert f"{fate}</strong>" in html
        assert MEANINGS[fate] in html
    assert "not in the shortlist, exact rank 1,234" in html
    assert "<img" not in html


def test_a_difference_marks_words_and_is_none_for_equal_texts():
    assert diff_html("a b", "a b") is None
    html = diff_html("keep <b>", "drop <b>")
    assert "<del>keep</del><ins>drop</ins>" in html
    assert "&lt;b&gt;" in html


def test_the_shortlist_marks_gold_and_what_the_model_saw_in_words():
    frame = shortlist_frame(shortlist(), {"J18"}, 2, {"J18": 3})
    assert list(frame["gold"]) == ["", "★ gold", "", ""]
    assert list(frame["shown"]) == ["✓", "✓", "", ""]
    assert list(frame["mentions"]) == [0, 3, 0, 0]
    assert "\u202e" not in frame["name"][2]


def test_of_an_imported_trace_those_are_marked_that_its_model_was_shown():
    assert list(shortlist_frame(shortlist(), (), {"J18", "other"})["shown"]) == ["", "✓", "", ""]
    assert not any(shortlist_frame(shortlist(), (), set())["shown"])


def test_a_partial_search_says_how_much_it_covers():
    partial = replace(shortlist(), searched=12_288, labels=74_044, ef=None)
    assert "12,288 of 74,044 labels · exact search" in shortlist_caption(partial)


def test_the_chart_has_both_curves_and_a_rule_only_where_there_is_a_boundary():
    curves = trace().curves
    assert list(curves_frame(curves)["curve"]) == ["Focus", "Focus", "Confusion"]
    with_rule = curves_plot(curves, 0.45, BoundarySource.GRAMMAR).to_dict()
    without = curves_plot(curves, None, None).to_dict()
    assert "rule" in str(with_rule["layer"])
    assert "t* = 0.45 (grammar)" in str(with_rule["datasets"])
    assert "rule" not in str(without["layer"])


def test_tokens_speed_and_mentions_are_told_in_one_line():
    view = LiveView("t", RunConfig("icd", "base", ""), Document("1", "x", ()), **finished())
    assert trace_caption(view, "I50").endswith("**picked label: named 1 time**")
    assert trace_caption(view, "J18").endswith("**picked label: not named**")
    assert "40 tokens · 20.0 tokens/s" in trace_caption(view)


@pytest.mark.parametrize(("ms", "said"), [(0.44, "0.4 ms"), (23.4, "23 ms"), (1834.0, "1.8 s")])
def test_stage_times_are_short(ms: float, said: str):
    assert duration(ms) == said


@pytest.mark.parametrize(
    ("text", "number"),
    [("50", 50), ("-3", -3), ("", None), ("x", None), ("1e9", None), ("9" * 40, None), ("٣", None)],
)
def test_numbers_in_an_address_are_read_or_left(text: str, number: int | None):
    assert whole(text) == number


def test_coverage_is_told_at_every_step_of_a_build():
    assert "not built" in coverage(IndexStatus("none", 0, 10))
    assert coverage(IndexStatus("partial", 4, 10)) == "Searches cover 4 of 10 labels so far."
    assert "exactly" in coverage(IndexStatus("partial", 10, 10))
