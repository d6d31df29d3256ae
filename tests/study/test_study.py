"""A whole study of the packaged model on a dataset of 20 labels, as small as it can be."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.config import load_settings
from core.datasets.base import Split
from core.datasets.files import About, write_dataset
from core.distill.arms import Arm
from core.errors import InputError
from core.models.packaged import ensure
from core.shortlist.build import build_index
from core.study.presets import SMOKE
from core.study.results import arm_of, over_seeds, results
from core.study.study import Study
from core.toolbox import Toolbox, find_system
from db.runs import load_run
from db.session import open_store
from db.trainings import trainings_of
from tests.runs.tiny import DOCUMENTS, LABELS

pytestmark = pytest.mark.model
SMALL = replace(
    SMOKE,
    name="small",
    datasets=("tiny",),
    lessons=3,
    student_documents=2,
    scored_traces=2,
    test_documents=2,
    max_new_tokens=24,
)


@pytest.fixture
def study(home: Path, shared_home: Path) -> Study:
    ensure(load_settings().model_copy(update={"home": shared_home}))
    splits = {**dict.fromkeys(range(4), Split.TRAIN_TEACHER), 4: Split.DEV, 5: Split.DEV}
    splits |= {**dict.fromkeys(range(6, 10), Split.TRAIN_STUDENT)}
    documents = [replace(d, split=splits.get(n, Split.TEST)) for n, d in enumerate(DOCUMENTS)]
    about = About("tiny", "Tiny", "made up for tests", "test", "none", "tests")
    write_dataset(home / "datasets" / "tiny", about, LABELS, documents)
    (home / "models").symlink_to(shared_home / "models")
    settings = load_settings()
    box = Toolbox(settings)
    build_index(settings, box.dataset("tiny"), box.encoder())
    return Study(settings, open_store(settings), SMALL, lambda *told: None, lambda: False)


def test_a_study_goes_from_lessons_to_tests_and_is_not_done_twice(study: Study) -> None:
    done = study.run()
    assert done is not None
    assert set(done) == {
        "teacher", "traces/tiny", "heads", "student/standard/0", "student/mechanistic/0",
        *(f"test/{name}/tiny" for name in ("teacher", "standard-0", "mechanistic-0")),
    }  # fmt: skip
    assert done["teacher"]["tiny"]["dev_documents"] > 0
    heads = done["heads"]
    assert heads["of"] == "lessons of dev documents", "two steps teach nobody to write phases"
    assert heads["scored"]["coarse"] > 0
    assert len(heads["coarse"]["teacher"]) == len(heads["refine"]["student"]) == SMALL.heads
    assert done["student/mechanistic/0"]["tokens"] == done["student/standard/0"]["tokens"] > 0
    for name, result in done.items():
        if name.startswith("test/"):
            assert (result["documents"], result["failed"]) == (2, 0)
            with study.store.read() as session:
                identity = load_run(session, result["run"]).identity
            assert identity["config"]["decoding"]["mode"] == "reference"
            assert "+" in identity["model"]["weights"], "the base's weights and the adapter's"
    with study.store.read() as session:
        learned = trainings_of(session, ["small-teacher", "small-mechanistic-0"])
    assert {(one.system, one.stage) for one in learned} == {
        ("small-teacher", "decisions"), ("small-teacher", "traces"),
        ("small-mechanistic-0", "distillation"),
    }  # fmt: skip
    steps = next(one for one in learned if one.stage == "distillation").curves
    assert len(steps) == SMALL.student_plan.steps
    learned_from = set().union(*steps)
    assert {"L_cot", "total"} <= learned_from
    # Whether a teacher of two steps writes a boundary differs between processors.
    phased = done["student/mechanistic/0"]["with_phases"] > 0
    assert (learned_from >= {"L_attn(1)", "L_loop(2)"}) is phased
    system = find_system(study.settings, study.store, "small-mechanistic-0")
    assert system.prompt.startswith("Text: {document}")
    said: list[str] = []
    again = Study(study.settings, study.store, SMALL, lambda *told: said.append(told[0]), never)
    assert again.run() == done
    assert set(said) == set(done), "nothing but the names of cells"
    found = results(study.settings, study.store, SMALL)
    assert found["not_run"] == []
    part = found["datasets"]["tiny"]
    for name, system in part["systems"].items():
        assert system["run"] == done[f"test/{name}/tiny"]["run"]
        assert system["example_f1"] == pytest.approx(done[f"test/{name}/tiny"]["example_f1"])
    assert part["mechanistic_less"]["standard"]["documents"] == 2
    assert 0 < part["mechanistic_less"]["standard"]["p_holm"] <= 1
    more = replace(SMALL, arms=(*SMALL.arms, Arm.MARGIN))
    with_margin = Study(study.settings, study.store, more, lambda *told: None, never).run()
    assert with_margin is not None
    assert {name: with_margin[name] for name in done} == done
    assert "test/margin-0/tiny" in with_margin


def test_scores_of_seeds_are_means_over_the_documents_that_all_answered() -> None:
    assert over_seeds([{"a": 1.0, "b": 0.0}, {"a": 0.0}]) == {"a": 0.5}
    assert [arm_of(s) for s in ("teacher", "no-phase-1-0", "mechanistic-2")] == [
        "teacher", "no-phase-1", "mechanistic",
    ]  # fmt: skip


def test_nothing_tested_is_told(study: Study) -> None:
    with pytest.raises(InputError, match="tested"):
        results(study.settings, study.store, SMALL)


def never() -> bool:
    return False
