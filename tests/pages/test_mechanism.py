"""The Mechanism page over saved traces, with a worker that answers from made-up scores."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.annotation.people import local_person
from core.config import load_settings
from core.events import Failed
from core.live.inside_questions import (
    Attend,
    Inner,
    InsideQuestion,
    Overview,
    Patch,
    PatchedWith,
    Progress,
    Rewrite,
    Rewritten,
)
from core.mechanism.conventions import AnchorRule, Conventions, MentionPlace
from core.mechanism.effects import LabelScores
from core.mechanism.positions import Roles, Tokens
from core.mechanism.request import CorruptionKind, Direction
from core.mechanism.results import Analysis, AttentionAt, HeadScores, Patched
from core.mechanism.run_scores import empty_scores, save_scores
from core.models.base import ModelKind, ModelSpec
from core.traces.base import CurvePoint, Curves, FinishReason, Trace
from db.models_added import add_model
from db.traces import load_trace
from pages.parts import mechanism_attention, mechanism_choice, services
from pages.parts.mechanism_attention import pieces_of, shades_of, share_of_parts
from pages.parts.mechanism_charts import rank_frame
from tests.live.inside_examples import save_example
from tests.mechanism.example import CANDIDATES
from tests.pages import saved
from tests.pages.conftest import Open, html_of, run, words_of
from tests.pages.explore_fakes import FakeWorker

LAYERS, HEADS, PROMPT, TOKENS = 4, 3, 10, 16
TEXT = "".join(f"t{at:02d} " for at in range(TOKENS))
SPANS = tuple((at * 4, at * 4 + 4) for at in range(TOKENS))


def inner(**changes: object) -> Inner:
    coarse = np.arange(LAYERS * HEADS, dtype=np.float32).reshape(LAYERS, HEADS) - 5
    roles = Roles(
        (3, 4, 5), (4,), AnchorRule.QUOTED, (10, 11), (13, 14), (11,), (12,),
        MentionPlace.TRACE, (14,),
    )  # fmt: skip
    scores = HeadScores(coarse, -coarse, "", coarse + 1, coarse / 10, coarse, 1.0, (0,), roles, 1)
    tokens = Tokens(TEXT, tuple(range(TOKENS)), SPANS, PROMPT, PROMPT * 4)
    found = Inner(
        LAYERS, HEADS, TEXT, SPANS, PROMPT, (3, 4, 5), Analysis(Conventions(), tokens, scores)
    )
    return replace(found, **changes)


def scores(first: float) -> LabelScores:
    """A000's score as given, the others' fixed."""
    rest = [(c.label_id, -2.0 - c.number) for c in CANDIDATES[1:]]
    return LabelScores((("A000", first), *rest), first + 5)


def written(text: str, focus: float) -> Trace:
    curves = Curves((CurvePoint(0.5, focus, 0.2), CurvePoint(1.0, focus, 0.4)), (), "gold")
    return Trace(text, FinishReason.LENGTH, 300, 8, 1.0, None, curves=curves)


class InsideWorker(FakeWorker):
    """Answers questions about the inside at once; head (0, 0) alone moves the first label."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[InsideQuestion] = []
        self.dropped: list[InsideQuestion] = []
        self.inner = inner()
        self.instead: Failed | None = None
        self.silent = False

    def answered(self, question: InsideQuestion) -> bool:
        return not self.silent

    def progress(self, question: InsideQuestion) -> Progress | None:
        return Progress("Scoring all heads", "<b>text</b>")

    def drop(self, question: InsideQuestion) -> None:
        self.dropped.append(question)

    def ask(self, question: InsideQuestion, patience_s: float = 0.0) -> object:
        self.asked.append(question)
        if self.silent:
            return None
        if self.instead is not None:
            return self.instead
        match question:
            case Overview():
                return self.inner
            case Attend(_, query):
                weights = np.full((LAYERS, HEADS, query + 1), 1 / (query + 1), np.float32)
                return AttentionAt(query, weights)
            case Patch(_, _, request, controls):
                now = scores(-1.0 if (0, 0) in request.heads else -9.0)
                change = Patched(
                    request.direction, request.kind, request.heads, scores(-1.0), scores(-9.0), now
                )
                return PatchedWith(change, (replace(change, patched=scores(-9.0)),) * controls)
            case Rewrite():
                return Rewritten(
                    written("saved", 0.5), written("corrupted", 0.1), written("patched", 0.4)
                )


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> InsideWorker:
    fake = InsideWorker()
    monkeypatch.setattr(services, "live_worker", lambda: fake)
    return fake


def render(prompt: str) -> str:
    return f"<user>{prompt}"


def save(**options: object) -> str:
    return save_example(saved.store(), render, **options)


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def choose(app: AppTest, *heads: str) -> AppTest:
    app.multiselect(key="mech_heads").set_value(list(heads))
    return run(app)


def patch(app: AppTest) -> AppTest:
    app.button(key="mech_patch").click()
    return run(app)


def test_without_a_trace_the_page_leads_to_explore(worker: InsideWorker, open_page: Open) -> None:
    app = open_page("mechanism")
    assert "no trace with both phases yet" in words_of(app)
    assert any("Explore" in link.value for link in app.page_link)
    assert not worker.asked


def test_the_newest_trace_with_phases_is_opened_and_named_in_the_address(
    worker: InsideWorker, open_page: Open
) -> None:
    trace_id = save()
    save(trace="It is cholera, which the culture shows.")
    app = open_page("mechanism")
    assert app.selectbox(key="mech_trace").value == trace_id
    assert app.query_params["trace"] == trace_id
    assert "watery stools" in html_of(app)
    assert len(app.get("vega_lite_chart")) == 2  # the grid, and what the head looks at most
    ranking = app.dataframe[0].value
    assert list(ranking["name"][:2]) == ["L3 H2", "L3 H1"]
    assert "One text gives no interval" in words_of(app)


def test_scores_over_a_run_are_offered_with_intervals(
    worker: InsideWorker, open_page: Open
) -> None:
    save(identity=saved.IDENTITY)
    app = open_page("mechanism")
    with saved.store().read() as session:
        trace = load_trace(session, app.selectbox(key="mech_trace").value)
    run_id = trace.summary.run_id
    assert run_id is not None
    found = empty_scores(run_id, "w")
    for at in range(3):
        grid = np.full((LAYERS, HEADS), float(at), np.float32)
        grid[1, 1] = 9 + at
        found = found.adding(f"t{at}", grid, None)
    save_scores(load_settings(), found)
    app = run(app)
    assert "95%" not in str(app.dataframe[0].value.columns)
    app.segmented_control(key="mech_mean").set_value("all")
    table = run(app).dataframe[0].value
    assert table["name"][0] == "L1 H1"
    assert table["CoarseScore"][0] == pytest.approx(10)
    assert table["CoarseScore interval"][0] == "9 to 11"
    assert "RefineScore" not in table.columns
    assert "Mean of 3 texts" in words_of(app)


def test_a_link_opens_heads_position_and_right_labels(
    worker: InsideWorker, open_page: Open
) -> None:
    trace_id = save()
    app = open_page(
        "mechanism", trace=trace_id, layer="2", head="1", position="7", heads="0.0_3.2_99.9",
        right="chosen",
    )  # fmt: skip
    assert app.multiselect(key="mech_heads").value == ["L0 H0", "L3 H2"]  # the model has no L99
    assert app.selectbox(key="mech_head").value == "L2 H1"
    assert Attend(trace_id, 7) in worker.asked
    assert app.query_params["heads"] == "0.0_3.2"
    assert isinstance(worker.asked[0], Overview)
    assert worker.asked[0].right.name == "CHOSEN"


def test_quick_choices_take_the_top_heads_of_a_score(worker: InsideWorker, open_page: Open) -> None:
    save()
    app = open_page("mechanism")
    app.number_input(key="mech_count").set_value(2)
    run(app)
    app.button(key="mech_top_CoarseScore").click()
    run(app)
    assert app.multiselect(key="mech_heads").value == ["L3 H2", "L3 H1"]
    app.button(key="mech_top_RefineScore").click()
    run(app)
    assert app.multiselect(key="mech_heads").value == ["L0 H0", "L0 H1"]
    app.button(key="mech_random").click()
    first = run(app).multiselect(key="mech_heads").value
    app.button(key="mech_random").click()
    assert len(first) == 2
    assert run(app).multiselect(key="mech_heads").value != first
    app.button(key="mech_clear").click()
    assert run(app).multiselect(key="mech_heads").value == []


def test_a_patch_shows_margins_ranks_and_random_heads(
    worker: InsideWorker, open_page: Open
) -> None:
    save()
    app = open_page("mechanism")
    assert app.button(key="mech_patch").disabled
    app = patch(choose(app, "L0 H0", "L1 H1"))
    assert metrics(app) == {
        "Margin, clean": "+4.00",
        "Margin, corrupted": "-4.00",
        "Margin, patched": "+4.00",
        "Restored": "100%",
        "Random heads": "0%",
    }
    table = next(t.value for t in app.dataframe if "patched" in t.value.columns)
    moved = dict(zip(table["label"], table["rank"], strict=True))
    assert moved[next(name for name in moved if name.startswith("★ A000"))] == "6 → 1"
    assert len(app.get("vega_lite_chart")) == 3
    app.segmented_control(key="mech_direction").set_value(Direction.NOISING)
    assert any("inputs changed" in str(m.value) for m in run(app).markdown)
    assert metrics(patch(app))["Lost"] == "0%"


def test_another_text_must_be_given_before_it_is_patched_with(
    worker: InsideWorker, open_page: Open
) -> None:
    save()
    app = choose(open_page("mechanism"), "L0 H0")
    app.segmented_control(key="mech_corruption").set_value(CorruptionKind.SWAPPED)
    assert run(app).button(key="mech_patch").disabled
    app.text_area(key="mech_other").set_value("A broken arm")
    patch(run(app))
    asked = worker.asked[-1]
    assert isinstance(asked, Patch)
    assert asked.request.corruption.other_text == "A broken arm"


def test_a_rewritten_text_stands_beside_the_others(worker: InsideWorker, open_page: Open) -> None:
    save()
    app = choose(open_page("mechanism"), "L0 H0")
    app.button(key="mech_rewrite").click()
    run(app)
    means = next(t.value for t in app.dataframe if "confusion" in t.value.columns)
    assert list(means["text"]) == ["saved trace", "corrupted, not patched", "patched"]
    assert list(means["focus"]) == pytest.approx([0.5, 0.1, 0.4])
    assert list(means["confusion"]) == pytest.approx([0.3, 0.3, 0.3])


def test_without_phases_scores_say_why_and_the_rest_is_there(
    worker: InsideWorker, open_page: Open
) -> None:
    trace_id = save(trace="It is cholera.")
    worker.inner = inner(analysis=None, missing=("This trace has no phases.", "Open another."))
    app = open_page("mechanism", trace=trace_id)
    assert "This trace has no phases." in html_of(app)
    assert any(isinstance(question, Attend) for question in worker.asked)
    assert "Restored" in metrics(patch(choose(app, "L0 H0")))


def test_a_failure_stays_until_it_is_tried_again(worker: InsideWorker, open_page: Open) -> None:
    save()
    worker.instead = Failed("far is an endpoint: <b>", "Open a trace of a local model.")
    app = open_page("mechanism")
    assert "far is an endpoint: &lt;b&gt;" in html_of(app)
    worker.instead = None
    assert len(run(app).get("vega_lite_chart")) == 0
    app.button(key="mech_overview_again").click()
    assert len(run(app).get("vega_lite_chart")) == 2


def test_while_the_model_works_the_page_says_what_it_does_and_can_stop_it(
    worker: InsideWorker, open_page: Open
) -> None:
    trace_id = save()
    worker.silent = True
    app = open_page("mechanism")
    assert any("Scoring all heads" in info.value for info in app.info)
    assert "&lt;b&gt;text" in html_of(app)
    app.button(key="mech_overview_cancel").click()
    run(app)
    assert worker.dropped[0].trace_id == trace_id


def test_traces_of_an_endpoint_are_not_offered_and_have_no_link_inside(
    worker: InsideWorker, open_page: Open
) -> None:
    with saved.store().write() as session:
        add_model(
            session, local_person(), ModelSpec("far", ModelKind.ENDPOINT, "http://127.0.0.1:9/v1")
        )
    far, near = save(system="far"), save()
    app = open_page("mechanism")
    assert app.selectbox(key="mech_trace").options == [
        option for option in app.selectbox(key="mech_trace").options if "far" not in option
    ]

    def links(trace_id: str) -> list[str]:
        return [link.value for link in open_page("traces", trace=trace_id).page_link]

    assert "Look inside" in links(near)
    assert "Look inside" not in links(far)


def test_the_chosen_trace_keeps_its_words_when_newer_ones_push_it_from_the_list(
    worker: InsideWorker, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mechanism_choice, "OFFERED", 1)
    app = open_page("mechanism", trace=save())
    (words,) = app.selectbox(key="mech_trace").options
    newer = save()
    app = run(app)
    assert words in app.selectbox(key="mech_trace").options
    assert any(newer[:6] in one for one in app.selectbox(key="mech_trace").options)


def test_an_unknown_trace_is_named_and_others_stay_on_offer(
    worker: InsideWorker, open_page: Open
) -> None:
    known = save()
    app = open_page("mechanism", trace="f" * 16)
    assert "There is no trace" in html_of(app)
    app.selectbox(key="mech_trace").set_value(known)
    assert len(run(app).get("vega_lite_chart")) == 2


def test_another_trace_forgets_heads_and_results_of_the_one_before(
    worker: InsideWorker, open_page: Open
) -> None:
    first, second = save(), save()
    app = patch(choose(open_page("mechanism", trace=first), "L0 H0"))
    app.selectbox(key="mech_trace").set_value(second)
    run(app)
    assert app.multiselect(key="mech_heads").value == []
    assert not app.metric


def test_long_texts_are_cut_with_a_notice(
    worker: InsideWorker, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mechanism_attention, "CAP", 8)
    monkeypatch.setattr(mechanism_attention, "CAP_START", 2)
    pieces, left_out = pieces_of(worker.inner, 14)
    assert left_out == 8
    drawn = [piece.position for piece in pieces if piece.position >= 0]
    assert drawn == [0, 1, *range(10, 16)]
    assert [p.text for p in pieces if p.kind in ("part", "gap")] == [
        "Prompt", "8 tokens are not drawn", "Trace",
    ]  # fmt: skip
    save()
    app = open_page("mechanism")
    assert any("8 of 16 tokens" in warning.value for warning in app.warning)


def test_shading_leaves_the_first_token_out_and_shares_add_up(worker: InsideWorker) -> None:
    weights = np.array([0.7, 0.0, 0.1, 0.2], np.float32)
    shades, top = shades_of(weights)
    assert top == pytest.approx(0.2)
    assert set(shades) == {2, 3}
    assert max(shades.values()) == shades[3] <= 100
    shares = share_of_parts(worker.inner, weights)
    assert shares == pytest.approx({"document": 0.2, "rest of the prompt": 0.8, "trace": 0})


def test_ranks_are_told_for_each_run_in_order() -> None:
    change = Patched(
        Direction.NOISING, "head output", ((0, 0),), scores(-1), scores(-9), scores(-4.5)
    )
    roles = {c.label_id: "other" for c in CANDIDATES} | {"A000": "right"}
    frame = rank_frame(change, {}, roles)
    assert list(dict.fromkeys(frame["run"])) == ["clean", "patched", "corrupted"]
    ranks = frame[frame["role"] == "right"].set_index("run")["rank"]
    assert dict(ranks) == {"clean": 1, "patched": 2, "corrupted": 6}
