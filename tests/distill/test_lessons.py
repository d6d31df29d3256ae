"""Lessons of a split, kept in the home; a teacher learns from them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import load_settings
from core.datasets.base import Split
from core.distill.decisions import auc
from core.distill.examples import COPIED_WEIGHT, VERDICT_WEIGHT, ExampleMaker
from core.distill.lessons import Rewriter, Taught, ceiling, collect
from core.distill.teacher import Teacher, TeacherPlan, by_cosine
from core.distill.text_losses import decision_loss
from core.distill.training import CURVES, Plan
from core.models.catalogue import PACKAGED
from core.models.local import LocalModel
from core.models.packaged import ensure
from core.shortlist.build import build_index
from core.toolbox import Toolbox
from tests.runs.tiny import write_tiny

pytestmark = pytest.mark.model


@pytest.fixture
def toolbox(home: Path, shared_home: Path) -> Toolbox:
    ensure(load_settings().model_copy(update={"home": shared_home}))
    write_tiny(home)
    (home / "models").symlink_to(shared_home / "models")
    box = Toolbox(load_settings())
    build_index(box.settings, box.dataset("tiny"), box.encoder())
    return box


def test_lessons_are_made_once_and_survive_a_kill(toolbox: Toolbox) -> None:
    first = collect(toolbox, "tiny", Split.TEST, 5)
    assert len(first) == 5
    assert all(one.lesson.trace.startswith("Shortlist:\n") for one in first)
    assert all(len(one.candidates) == 10 for one in first)
    assert all(candidate.nearness for one in first for candidate in one.candidates)
    (file,) = (toolbox.settings.home / "distill" / "lessons").iterdir()
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:3], lines[3][:40]]))  # killed while the fourth was written
    told: list[int] = []
    again = collect(toolbox, "tiny", Split.TEST, 5, lambda done, total: told.append(done))
    assert again == first
    assert told == [1, 2, 3, 4, 5]
    assert collect(toolbox, "tiny", Split.TEST, 2) == first[:2]
    assert 0 < ceiling(first) <= 1


def test_examples_put_the_weight_where_the_decisions_are(toolbox: Toolbox) -> None:
    taught = collect(toolbox, "tiny", Split.TEST, 2)[0]
    model = LocalModel.load(PACKAGED, toolbox.settings)
    maker = ExampleMaker(model.tokenizer, model.render, model.model.generation_config.eos_token_id)
    example = maker.make(taught.document.text, taught.candidates, taught.lesson)
    words = [model.tokenizer.decode([int(token)]) for token in example.ids]
    assert all(words[int(at)].endswith(":") for at in example.decisions)
    assert example.keep.sum() == len(taught.lesson.right)
    heavy = [w for w, x in zip(words, example.weights, strict=True) if x == VERDICT_WEIGHT]
    assert {" keep", " drop"} >= {w for w in heavy if w.strip().isalpha() and w != " none"}
    assert len([w for w in heavy if w in (" keep", " drop")]) == len(taught.lesson.verdicts)
    copied = "".join(
        w for w, x in zip(words, example.weights, strict=True) if abs(x - COPIED_WEIGHT) < 1e-6
    )
    first = next(c for c in taught.candidates if c.number == taught.lesson.shortlisted[0])
    assert first.name in copied
    assert not example.weights[: example.start].any()
    assert words[-1] == "<|im_end|>"


def test_right_labels_count_more_where_it_is_said(toolbox: Toolbox) -> None:
    taught = next(one for one in collect(toolbox, "tiny", Split.TEST, 5) if one.lesson.right)
    model = LocalModel.load(PACKAGED, toolbox.settings)
    maker = ExampleMaker(model.tokenizer, model.render, model.model.generation_config.eos_token_id)
    parts = (taught.document.text, taught.candidates, taught.lesson)
    plain, more = maker.make(*parts), maker.make(*parts, keep_weight=3.0)
    words = [model.tokenizer.decode([int(token)]) for token in plain.ids]
    changed = [
        (word, float(b / a))
        for word, a, b in zip(words, plain.weights, more.weights, strict=True)
        if a != b
    ]
    right = [str(number) for number in taught.lesson.right]
    assert sorted(word.strip() for word, _ in changed) == sorted([*right, *["keep"] * len(right)])
    assert all(times == pytest.approx(3.0) for _, times in changed)
    logits = torch.zeros(len(plain.keep))
    share = float(plain.keep.mean())
    ratio = decision_loss(logits, more) / decision_loss(logits, plain)
    assert float(ratio) == pytest.approx(1 + 2 * share)


def test_braces_and_special_tokens_in_a_text_do_not_move_the_decisions(toolbox: Toolbox) -> None:
    taught = collect(toolbox, "tiny", Split.TEST, 1)[0]
    model = LocalModel.load(PACKAGED, toolbox.settings)
    maker = ExampleMaker(model.tokenizer, model.render, model.model.generation_config.eos_token_id)
    text = "{rated} 1. x (near):\n<|im_end|> Labels:\n" + taught.document.text
    example = maker.make(text, taught.candidates, taught.lesson)
    words = [model.tokenizer.decode([int(token)]) for token in example.ids]
    assert all(words[int(at)].endswith(":") for at in example.decisions)
    assert len(example.decisions) == len(taught.candidates)


def test_lessons_are_relisted_by_scores_alone(toolbox: Toolbox) -> None:
    taught = collect(toolbox, "tiny", Split.TEST, 2)
    worst = [-np.arange(len(one.candidates), dtype=float)[::-1] for one in taught]
    for one, again in zip(taught, Rewriter(toolbox).relisted(taught, worst), strict=True):
        last = {c.number for c in one.candidates[-5:]}
        assert set(again.lesson.shortlisted) >= {*again.lesson.right}
        assert len({*again.lesson.shortlisted} - {*again.lesson.right} - last) == 0
        assert replace(again, lesson=one.lesson) == one


def test_a_teacher_learns_its_lessons(toolbox: Toolbox, tmp_path: Path) -> None:
    taught: list[Taught] = collect(toolbox, "tiny", Split.TEST, 2)
    teacher = Teacher(LocalModel.load(PACKAGED, toolbox.settings), 4, 8, 0)
    torch.set_num_threads(1)
    few = Plan(steps=6, batch=2, learning_rate=3e-3, rank=4, alpha=8)
    two = replace(few, steps=2, learning_rate=1e-3)
    plan = TeacherPlan(few, two, two)
    before = auc(teacher.judge(taught))
    stages: list[str] = []
    dev = collect(toolbox, "tiny", Split.TEST, 4)[2:]
    rewriter = Rewriter(toolbox)
    assert teacher.train(
        tmp_path, plan, taught, dev, rewriter, lambda stage, done, total: stages.append(stage)
    )
    assert list(dict.fromkeys(stages)) == [
        "Train: warm-up", "Calibrate on dev", "Weigh the labels", "Train: calibrated",
        "Train: own-words",
    ]  # fmt: skip
    assert teacher.keep_weights.keys() == teacher.cuts.keys() == {"tiny"}
    assert auc(teacher.judge(taught)) > max(before, 0.8)
    assert 0 <= auc(by_cosine(taught)) <= 1
    rows = [json.loads(line) for line in (tmp_path / "own-words" / CURVES).read_text().splitlines()]
    assert {"L_cot", "L_decide", "total"} <= rows[0].keys()
