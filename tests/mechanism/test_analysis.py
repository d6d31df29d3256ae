"""The inside view of one example, with the packaged model."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import Settings
from core.errors import InputError
from core.mechanism.analysis import Inside, answer_text
from core.mechanism.conventions import AnchorRule, Conventions, MentionPlace
from core.mechanism.positions import NoPhasesError, anchor_tokens, document_span
from core.mechanism.request import (
    Corruption,
    CorruptionKind,
    Direction,
    PatchKind,
    PatchRequest,
)
from core.mechanism.results import random_heads, top_heads
from core.mechanism.run_scores import score_intervals
from core.mechanism.sweep import Group, random_control, sweep
from core.models.base import Piece
from core.models.catalogue import PACKAGED
from core.models.local import LocalModel
from core.traces.base import FinishReason
from tests.mechanism.example import DOCUMENT, TRACE, example

pytestmark = pytest.mark.model
HEADS = ((3, 2), (10, 4), (20, 0))


@pytest.fixture(scope="module")
def inside(shared_home: Path) -> Inside:
    model = LocalModel.load(replace(PACKAGED, dtype="float32"), Settings(home=shared_home))
    return Inside.open(model)


def test_tokens_play_the_parts_that_the_text_gives_them(inside: Inside) -> None:
    one = example(inside.model.render)
    tokens, parts = inside.parts(one)
    start, end = document_span(one)
    assert one.rendered[start:end] == DOCUMENT
    read = "".join(tokens.text[slice(*tokens.offsets[at])] for at in parts.document)
    assert read.split() == DOCUMENT.split()
    assert parts.anchor_rule is AnchorRule.QUOTED
    anchors = "".join(anchor_tokens(tokens, parts.anchors)).split()
    assert anchors == ["traveller", "watery", "stools", "vibrio", "cholerae"]
    assert parts.place is MentionPlace.TRACE
    assert "".join(anchor_tokens(tokens, parts.wrong)).startswith(" Cholera, unspecified")
    following = [at + 1 for at in parts.verdicts]
    assert [w.strip() for w in anchor_tokens(tokens, following)] == ["keep", "drop", "drop"]
    assert max(parts.early) < min(parts.late)
    assert tokens.ids == (
        *inside.model.tokenizer(one.rendered, add_special_tokens=False)["input_ids"],
        *inside.model.tokenizer(TRACE, add_special_tokens=False)["input_ids"],
    )


def test_anchors_follow_the_first_rule_that_finds_one(inside: Inside) -> None:
    one = example(inside.model.render, TRACE.replace("<-", "-"))
    assert inside.parts(one)[1].anchor_rule is AnchorRule.GOLD_WORDS
    only = Conventions(anchor_rules=(AnchorRule.QUOTED,))
    with pytest.raises(InputError, match="anchor"):
        inside.parts(one, only)


def test_an_analysis_scores_every_head_and_pickles(inside: Inside) -> None:
    found = inside.analyse(example(inside.model.render))
    again = pickle.loads(pickle.dumps(found))
    assert again.scores.coarse.shape == again.scores.refine.shape == (30, 9)
    assert again.scores.coarse.dtype == np.float32
    assert np.isfinite(again.scores.coarse).all()
    assert np.isfinite(again.scores.refine).all()
    assert 0 in again.scores.sinks
    assert len(pickle.dumps(found)) < 300_000


def test_without_phases_nothing_is_made_up_and_given_parts_count(inside: Inside) -> None:
    one = example(inside.model.render, "It is cholera, which the culture shows.")
    with pytest.raises(NoPhasesError, match="no phases"):
        inside.analyse(one)
    given = inside.analyse(replace(one, spans=((0, 14), (14, 38))))
    assert given.scores.roles.place is MentionPlace.PROMPT
    assert given.scores.refine is not None


def test_an_attention_row_is_the_models_own(inside: Inside) -> None:
    one = example(inside.model.render)
    row = inside.attention(one, 5, 3, 60)
    assert row.weights.shape == (61,)
    assert len(row.words) == len(row.spans) == 61
    tokens, _ = inside.parts(one)
    model = inside.model.model
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    with torch.no_grad():
        own = model(torch.tensor([tokens.ids[:61]]), output_attentions=True).attentions
    model.set_attn_implementation(before)
    np.testing.assert_allclose(row.weights, own[5][0, 3, 60].numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", CorruptionKind)
def test_a_patch_moves_scores_and_keeps_its_ends(inside: Inside, kind: CorruptionKind) -> None:
    one = example(inside.model.render)
    corruption = Corruption(kind, other_text="The patient fell and broke the left wrist.")
    request = PatchRequest(HEADS, corruption=corruption)
    found = inside.patch(one, request)
    assert found.patched != found.before == found.corrupted != found.clean
    assert set(found.patched.ranking) == {c.label_id for c in one.candidates}
    assert found.patched.margin is not None
    nothing = inside.patch(one, replace(request, heads=()))
    assert nothing.patched == nothing.corrupted
    assert pickle.loads(pickle.dumps(found)) == found
    patcher = inside.patcher(one, corruption, request.kind)
    assert len(set(patcher.identity(request.kind, HEADS))) == 1


def test_the_answer_is_scored_where_the_trace_answers_or_is_asked_to(inside: Inside) -> None:
    assert answer_text(TRACE).endswith("no fever\nAnswer:")
    assert answer_text("It is cholera.") == "It is cholera.\nAnswer:"
    one = example(inside.model.render)
    found = inside.patch(one, PatchRequest(()))
    ids = inside.model._ids(one.rendered) + inside.model._ids(answer_text(TRACE))
    tens = inside.model._ids(" 10")
    with torch.no_grad():
        logs = inside.model.model(torch.tensor([[*ids, *tens]])).logits[0].log_softmax(-1)
    plain = sum(float(logs[len(ids) - 1 + at, token]) for at, token in enumerate(tens))
    space = float(logs[len(ids) - 1, tens[0]])  # what all numbers share is not counted
    assert dict(found.clean.scores)["B10"] == pytest.approx(plain - space, abs=1e-3)


def test_text_is_written_anew_under_a_patch(inside: Inside) -> None:
    one = example(inside.model.render)
    pieces: list[Piece] = []

    def write(heads: tuple[tuple[int, int], ...], stop_at: int = 99) -> str:
        pieces.clear()
        request = PatchRequest(heads, PatchKind.OUTPUT, Direction.NOISING)
        got = inside.regenerate(
            one,
            request,
            max_new_tokens=8,
            on_piece=pieces.append,
            cancelled=lambda: len(pieces) >= stop_at,
        )
        assert got.text == "".join(piece.text for piece in pieces)
        assert (got.finish_reason is FinishReason.CANCELLED) == (stop_at < 8)
        return got.text

    ids = torch.tensor([inside.model._ids(one.rendered)])
    with torch.no_grad():
        own = inside.model.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False
        )
    plain = inside.model.tokenizer.decode(own[0, ids.shape[1] :], skip_special_tokens=True)
    assert write(()) == plain
    assert write(inside.architecture.all_heads) != plain
    assert len(write((), stop_at=2)) < len(plain)


def test_a_sweep_has_its_controls(inside: Inside) -> None:
    grid = inside.analyse(example(inside.model.render)).scores.coarse
    patcher = inside.patcher(example(inside.model.render), Corruption(), PatchKind.OUTPUT)
    points = sweep(
        patcher, grid, Direction.NOISING, PatchKind.OUTPUT, shares=(0.01,), draws=2, seed=5
    )
    assert [p.group for p in points] == [Group.TOP, Group.RANDOM, Group.RANDOM, Group.LOWEST]
    assert {len(p.change.heads) for p in points} == {3}
    assert points[0].change.heads == tuple(sorted(top_heads(grid, 3)))
    assert points[1].change.heads == random_heads((30, 9), 3, 5)
    stopped = sweep(patcher, grid, Direction.NOISING, PatchKind.OUTPUT, cancelled=lambda: True)
    assert stopped == ()


def test_intervals_and_random_heads_are_seeded() -> None:
    chance = np.random.default_rng(0)
    grids = [chance.normal(size=(4, 3)).astype(np.float32) for _ in range(20)]
    one, two = score_intervals(grids, seed=3), score_intervals(grids, seed=3)
    assert np.array_equal(one.low, two.low)
    assert (one.low < one.value).all()
    assert (one.value < one.high).all()
    grid = np.zeros((4, 3), dtype=np.float32)
    grid[1, 2] = 1
    best = random_control(grid, [(1, 2)], draws=500)
    assert best.chosen == 1
    assert best.share_at_least < 0.2
    assert random_control(grid, [(0, 0)], draws=500).share_at_least == 1
