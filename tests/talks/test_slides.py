"""A slide says what the Trace page says, as plain data."""

import dataclasses
import pickle

import pytest

from core.config import load_settings
from core.errors import InputError
from core.rerank.base import Bucket, Fate, GoldFate
from core.talks.deck import LabelLine, PhaseSpan, Piece, Slide
from core.talks.fates import why
from core.talks.pieces import document_pieces, places_of, step_pieces
from core.talks.slides import LONGEST_TITLE, TITLE_CHARS, slide_of
from core.traces.anchors import Anchor
from core.traces.base import Mention
from db.session import open_store
from db.trace_views import StoredTrace
from db.traces import load_trace
from tests.pages.saved import NASTY, save_failed, save_imported, save_running
from tests.talks.made import GOLD, SHOWN, TEXT, TRACE, prediction, record, stored, trace_of


@pytest.fixture
def slide() -> Slide:
    return slide_of(stored(), note=" Ask the room. ", title="Ankles")


def loaded(trace_id: str) -> StoredTrace:
    store = open_store(load_settings())
    with store.read() as session:
        found = load_trace(session, trace_id)
    store.close()
    return found


def test_a_slide_says_what_it_was_made_from(slide: Slide) -> None:
    assert (slide.title, slide.note) == ("Ankles", "Ask the room.")
    assert (slide.dataset, slide.document_id, slide.system) == ("icd", "note-17", "base")
    assert slide.run_id
    assert slide.state == "done"
    assert slide.made_at.endswith("+00:00")


def test_without_a_title_it_is_the_start_of_the_document() -> None:
    found = slide_of(stored())
    assert found.title.startswith("Shortness of breath and swollen ankles")
    assert len(found.title) <= TITLE_CHARS
    assert found.note == ""
    assert len(slide_of(stored(), title="word " * 100).title) <= LONGEST_TITLE
    assert slide_of(stored(record(text=" "))).title == "note-17"


def test_the_document_is_whole_and_marks_what_the_trace_repeats(slide: Slide) -> None:
    assert "".join(piece.text for piece in slide.document) == TEXT
    marked = {piece.anchor: piece.text for piece in slide.document if piece.anchor}
    assert list(marked) == sorted(marked)
    assert "swollen ankles" in marked.values()
    ankles = next(number for number, text in marked.items() if text == "swollen ankles")
    quoted = [piece for step in slide.steps for piece in step.words if piece.anchor == ankles]
    assert [piece.text for piece in quoted] == ["swollen ankles", "swollen ankles"]


def test_the_shortlist_says_gold_shown_and_named(slide: Slide) -> None:
    assert slide.shortlist is not None
    assert [row.rank for row in slide.shortlist] == list(range(1, 9))
    assert [row.shown for row in slide.shortlist] == [True] * SHOWN + [False] * 2
    assert {row.label_id for row in slide.shortlist if row.gold} == {"I50.9", "R60.0"}
    named = {row.label_id: row.named for row in slide.shortlist}
    assert named["I50.9"] == 2
    assert named["I11.0"] == 0
    assert slide.shortlist[0].cosine == 0.71
    assert slide.shortlist_said == "The 8 nearest of 74,044 labels."


def test_the_trace_is_steps_with_phase_function_and_labels(slide: Slide) -> None:
    text = "\n".join("".join(piece.text for piece in step.words) for step in slide.steps)
    assert text == TRACE
    assert {step.phase for step in slide.steps} == {"shortlisting", "reasoning", "answer"}
    assert [step.function for step in slide.steps if step.phase == "reasoning"][1:3] == [
        "keep", "drop",
    ]  # fmt: skip
    first = next(p for step in slide.steps for p in step.words if p.label >= 0)
    assert first.text == "Heart failure, unspecified"
    assert slide.labels[first.label] == LabelLine("I50.9", "Heart failure, unspecified", True, 1)


def test_phases_make_a_timeline_with_its_turn(slide: Slide) -> None:
    assert [phase.kind for phase in slide.phases] == ["shortlisting", "reasoning", "answer"]
    assert (slide.phases[0].start, slide.phases[-1].end) == (0.0, 1.0)
    assert slide.boundary == pytest.approx(slide.phases[0].end, abs=0.01)
    assert slide.boundary_source == "grammar"
    assert slide.boundary_confidence is None


def test_a_boundary_that_a_person_moved_holds() -> None:
    at = TRACE.index("2. Shortness")
    found = slide_of(stored(), moved_to=(at,))
    assert found.boundary == pytest.approx(at / len(TRACE))
    assert found.boundary_source == "human"
    none = slide_of(stored(), moved_to=(None,))
    assert not {phase.kind for phase in none.phases} & {"shortlisting", "reasoning"}
    assert none.boundary is None


def test_curves_answer_and_fates(slide: Slide) -> None:
    assert len(slide.curves) == 20
    assert slide.near_misses_from == "gold"
    assert slide.answer == (LabelLine("I50.9", "Heart failure, unspecified", True, 1),)
    assert slide.f1 == 0.5
    assert slide.format == "ok"
    assert [(one.fate, one.found) for one in slide.fates] == [
        ("selected", True), ("dropped in reasoning", False), ("encoder miss", False),
    ]  # fmt: skip
    assert slide.fates[2].why == "By exact search at rank 412; 8 were retrieved."
    assert [one.label_id for one in slide.gold] == list(GOLD)


def test_every_fate_has_its_sentence() -> None:
    for fate in Fate:
        assert why(GoldFate("A", "a", fate, None, None), None, None).endswith(".")
    assert why(GoldFate("A", "a", Fate.NOT_SHOWN, 23, 23), 50, 10) == (
        "Retrieved at rank 23; the model saw 10."
    )
    assert "rank 7" in why(GoldFate("A", "a", Fate.INDEX_MISS, None, 7), 50, 10)


def test_what_the_app_put_in_is_marked() -> None:
    heading = "Shortlist:\n1. Heart failure, unspecified"
    made = record(trace=trace_of(TRACE, given=((0, len(heading)),)))
    first, second = slide_of(stored(made)).steps[:2]
    assert first.given
    assert not second.given
    assert next(piece.given for piece in second.words)
    assert "".join(piece.text for piece in second.words if piece.given) == heading.split("\n")[1]


def test_a_trace_without_phases_has_no_timeline() -> None:
    made = record(trace=trace_of("It is the heart. It may be Cough."))
    found = slide_of(stored(made))
    assert (found.phases, found.boundary, found.boundary_source) == ((), None, None)
    assert [step.phase for step in found.steps] == ["", ""]


def test_without_gold_there_is_no_f1_and_no_fate() -> None:
    found = slide_of(stored(record(gold=(), fates=())))
    assert (found.f1, found.fates, found.gold) == (None, (), ())
    assert found.answer is not None
    assert not any(one.gold for one in found.answer)


def test_an_answer_of_no_label_is_told_from_no_answer() -> None:
    none = slide_of(stored(record(answer=prediction())))
    assert (none.answer, none.f1) == ((), 0.0)
    missing = record(answer=prediction(bucket=Bucket.CUT_OFF, why="It ends early."))
    found = slide_of(stored(missing))
    assert (found.answer, found.format, found.format_why) == (None, "cut off", "It ends early.")


def test_an_imported_trace_that_is_not_worked_out_shows_its_text() -> None:
    found = slide_of(loaded(save_imported("First this. Then that.")))
    assert [step.words[0].text for step in found.steps] == ["First this. ", "Then that."]
    assert (found.shortlist, found.answer, found.f1) == (None, None, None)
    assert (found.curves, found.format) == ((), "")


def test_an_imported_trace_without_candidates_does_not_say_what_was_shown() -> None:
    ours = stored()
    summary = dataclasses.replace(ours.summary, origin="import")
    found = slide_of(dataclasses.replace(ours, summary=summary, candidates=()))
    assert found.shortlist is not None
    assert {row.shown for row in found.shortlist} == {None}
    assert "what the model was shown may be another list" in found.shortlist_said


def test_a_long_shortlist_is_cut_and_says_so() -> None:
    ours = stored()
    assert ours.shortlist is not None
    row = ours.shortlist.rows[0]
    rows = tuple(dataclasses.replace(row, label_id=f"L{n}", rank=n) for n in range(1, 201))
    long = dataclasses.replace(ours, shortlist=dataclasses.replace(ours.shortlist, rows=rows))
    found = slide_of(long)
    assert found.shortlist is not None
    assert len(found.shortlist) == 50
    assert found.shortlist_said.startswith("The first 50 of the 200 nearest")


@pytest.mark.parametrize("save", [save_running, save_failed])
def test_a_trace_without_an_end_has_nothing_to_show(save: object) -> None:
    with pytest.raises(InputError, match=r"has nothing to show.*Choose one that has ended"):
        slide_of(loaded(save()))  # type: ignore[operator]


def test_a_trace_without_text_shows_its_shortlist_or_nothing() -> None:
    blank = stored(record(trace=trace_of(" ", curves=None), answer=prediction()))
    found = slide_of(blank)
    assert found.steps == ()
    assert found.shortlist is not None
    with pytest.raises(InputError, match="neither text nor shortlist"):
        slide_of(dataclasses.replace(blank, shortlist=None))


def test_texts_that_would_do_harm_are_made_harmless() -> None:
    made = record(text=f"\u202e{NASTY}\x00", trace=trace_of(f"{NASTY}\u2066\x07</script>"))
    found = slide_of(stored(made), note="a\u202eb", title="\u2067<b>\u200b")
    texts = repr(found)
    assert not any(sign in texts for sign in ("\u202e", "\u2066", "\u2067", "\u200b", "\x07"))
    assert NASTY in "".join(piece.text for piece in found.document)
    assert found.note == "a\ufffdb"


def test_a_slide_is_plain_data(slide: Slide) -> None:
    assert pickle.loads(pickle.dumps(slide)) == slide
    assert isinstance(slide.phases[0], PhaseSpan)
    assert isinstance(slide.document[0], Piece)


def test_overlapping_quotations_are_one_place() -> None:
    anchors = [Anchor(20, 25, 6, 11), Anchor(0, 9, 4, 9), Anchor(30, 33, 20, 23)]
    places = places_of(anchors)
    assert places.spans == ((4, 11), (20, 23))
    assert places.quoted == ((0, 9, 1), (20, 25, 1), (30, 33, 2))
    text = "abcd" + "efghijk" + "lmnopqrst" + "uvw" + "x"
    assert [(p.text, p.anchor) for p in document_pieces(text, places)] == [
        ("abcd", 0), ("efghijk", 1), ("lmnopqrst", 0), ("uvw", 2), ("x", 0),
    ]  # fmt: skip


def test_pieces_of_a_step_cover_it_however_marks_overlap() -> None:
    text = "skip. Heart failure is kept.\n"
    places = places_of([Anchor(0, 11, 0, 5)])
    found = step_pieces(
        text, (6, len(text)), [Mention("A", 6, 19, False)], {"A": 3}, places, [(12, 22)]
    )
    assert found == (
        Piece("Heart", 3, False, 1), Piece(" ", 3, False), Piece("failure", 3, False, 0, True),
        Piece(" is", given=True), Piece(" kept."),
    )  # fmt: skip
    assert step_pieces("\n\n", (0, 2), [], {}, places_of([]), []) == ()
