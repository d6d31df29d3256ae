"""Lessons of a split, kept in the home; a teacher learns from them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.config import load_settings
from core.datasets.base import Split
from core.distill.decisions import Decided, auc, decided
from core.distill.examples import COPIED_WEIGHT, VERDICT_WEIGHT, ExampleMaker
from core.distill.lessons import Rewriter, Taught, ceiling, collect
from core.distill.teacher import OWN_WORDS, WARM_UP, Teacher, Told, by_cosine
from core.distill.training import CURVES, Plan, is_finished
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
    assert len([w for w in heavy if w in (" keep", " drop")]) == len(taught.lesson.verdicts)
    skipped = len(taught.candidates) - len(taught.lesson.shortlisted)
    assert heavy.count(" skip") == skipped
    others = [w for w in heavy if w not in (" keep", " drop", " skip")]
    answer = model.tokenizer(taught.lesson.trace[taught.lesson.answer :])["input_ids"]
    assert len(others) == len(taught.lesson.shortlisted) + len(answer), "names' beginnings"
    copied = "".join(
        w for w, x in zip(words, example.weights, strict=True) if abs(x - COPIED_WEIGHT) < 1e-6
    )
    first = next(c for c in taught.candidates if c.number == taught.lesson.shortlisted[0])
    assert first.name in copied
    assert not example.weights[: example.start].any()
    assert words[-1] == "<|im_end|>"


def test_braces_and_special_tokens_in_a_text_do_not_move_the_decisions(toolbox: Toolbox) -> None:
    taught = collect(toolbox, "tiny", Split.TEST, 1)[0]
    model = LocalModel.load(PACKAGED, toolbox.settings)
    maker = ExampleMaker(model.tokenizer, model.render, model.model.generation_config.eos_token_id)
    text = "{rated} 1. x (near):\n<|im_end|> Labels:\n" + taught.document.text
    example = maker.make(text, taught.candidates, taught.lesson)
    words = [model.tokenizer.decode([int(token)]) for token in example.ids]
    assert all(words[int(at)].endswith(":") for at in example.decisions)
    assert len(example.decisions) == len(taught.candidates)


def test_a_teacher_learns_its_lessons_and_then_what_it_decides(
    toolbox: Toolbox, tmp_path: Path
) -> None:
    taught: list[Taught] = collect(toolbox, "tiny", Split.TEST, 2)
    teacher = Teacher(LocalModel.load(PACKAGED, toolbox.settings), 4, 8, 0)
    torch.set_num_threads(1)
    few = Plan(steps=6, batch=2, learning_rate=3e-3, rank=4, alpha=8)
    before = auc(teacher.judge(taught))
    stages: list[str] = []
    told = Told(lambda stage, done, total: stages.append(stage))
    assert teacher.warm_up(tmp_path, few, taught, told)
    assert auc(teacher.judge(taught)) > max(before, 0.8)
    assert 0 <= auc(by_cosine(taught)) <= 1
    assert is_finished(tmp_path / WARM_UP, few, [one.document.id for one in taught])

    dev = collect(toolbox, "tiny", Split.TEST, 4)[2:]
    two = replace(few, steps=2, learning_rate=1e-3)
    decisions = teacher.judge(taught)
    written: list[Taught] = []

    class Kept(Rewriter):
        def decided(self, one: Taught, decided: Decided) -> Taught:
            written.append(super().decided(one, decided))
            return written[-1]

    cuts = teacher.put_into_words(tmp_path, two, taught, dev, Kept(toolbox), told)
    assert cuts is not None
    for one, again, found in zip(taught, written, decisions, strict=True):
        kept = [one.candidates[at].number for at in decided(found.scores, cuts["tiny"]).kept]
        assert list(again.lesson.kept) == kept
        assert replace(again, lesson=one.lesson) == one
    assert list(dict.fromkeys(stages)) == [
        "Train: warm-up", "Weigh the labels", "Train: own-words"
    ]  # fmt: skip
    rows = [json.loads(line) for line in (tmp_path / OWN_WORDS / CURVES).read_text().splitlines()]
    assert {"L_cot", "L_decide", "total"} <= rows[0].keys()

    written.clear()
    assert teacher.put_into_words(tmp_path, two, taught, dev, Kept(toolbox), told)
    assert not written, "of a finished training nobody reads them"
    others = [one.document.id for one in dev]
    assert not is_finished(tmp_path / OWN_WORDS, two, others)
    assert not is_finished(tmp_path / OWN_WORDS, few, [one.document.id for one in taught])
    assert not is_finished(tmp_path / "none", two, others)
