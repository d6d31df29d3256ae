"""A whole study of the packaged model on a dataset of 20 labels, as small as it can be."""

import multiprocessing
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

import core.study.pack
from core.config import load_settings
from core.datasets.base import Split
from core.datasets.files import About, write_dataset
from core.distill.arm import Arm
from core.errors import ModelError, PhaseLensError
from core.models.adapter_files import read_about
from core.models.packaged import ensure
from core.shortlist.build import build_index
from core.study.apart import work_apart
from core.study.cell_files import cells_folder, read_results
from core.study.curves import measure_again
from core.study.pack import write_pack
from core.study.pack_loading import load_pack
from core.study.presets import SMOKE
from core.study.report import report
from core.study.results import results
from core.study.study import Study
from core.study.tuning import Tuning, best_of
from core.study.verify import verify
from core.toolbox import Toolbox, find_system
from db.runs import load_run, run_records
from db.session import open_store
from db.traces import load_trace, replace_curves
from db.trainings import trainings_of
from tests.runs.tiny import DOCUMENTS, LABELS

pytestmark = pytest.mark.model
SMALL = replace(
    SMOKE,
    name="small",
    datasets=("tiny",),
    lessons=(3,),
    student_documents=2,
    tuning=Tuning((1e-3, 2e-3), (1.0,), documents=1),
    scored_traces=2,
    test_documents=2,
    max_new_tokens=24,
)


@dataclass(frozen=True)
class Finished:
    """A study that ran to its end, and what its cells told."""

    study: Study
    done: dict[str, dict[str, Any]]


def study_in(home: Path, shared_home: Path) -> Study:
    settings = load_settings().model_copy(update={"home": home})
    ensure(settings.model_copy(update={"home": shared_home}))
    splits = {**dict.fromkeys(range(4), Split.TRAIN_TEACHER), 4: Split.DEV, 5: Split.DEV}
    splits |= {**dict.fromkeys(range(6, 10), Split.TRAIN_STUDENT)}
    documents = [replace(d, split=splits.get(n, Split.TEST)) for n, d in enumerate(DOCUMENTS)]
    about = About("tiny", "Tiny", "made up for tests", "test", "none", "tests")
    write_dataset(home / "datasets" / "tiny", about, LABELS, documents)
    (home / "models").symlink_to(shared_home / "models")
    box = Toolbox(settings)
    build_index(settings, box.dataset("tiny"), box.encoder())
    return Study(settings, open_store(settings), SMALL, lambda *told: None, never)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, shared_home: Path) -> Finished:
    study = study_in(tmp_path_factory.mktemp("study"), shared_home)
    done = study.run()
    assert done is not None
    return Finished(study, done)


def test_a_study_goes_from_lessons_to_tests(finished: Finished) -> None:
    study, done = finished.study, finished.done
    assert set(done) == {
        "warm-up", "teacher", "traces/tiny", "layers", "heads", "student/standard/0",
        "student/mechanistic/0", "baselines/tiny", "dev/teacher/tiny", "tune/standard/0",
        "tune/standard/1",
        *(f"test/{name}/tiny" for name in ("base", "teacher", "standard-0", "mechanistic-0")),
    }  # fmt: skip
    assert done["warm-up"]["tiny"]["dev_documents"] > 0
    assert done["teacher"]["tiny"].keys() == done["warm-up"]["tiny"].keys()
    cuts = done["teacher"]["cuts"]["tiny"]
    assert cuts["listed"] <= cuts["kept"]
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
            weights = identity["model"]["weights"]
            assert ("+" in weights) is ("base" not in name), "the base's and the adapter's"
    system = find_system(study.settings, study.store, "small-mechanistic-0")
    assert system.prompt.startswith("Text: {document}")


def test_students_set_out_from_the_teacher_whatever_their_seed(finished: Finished) -> None:
    study, chosen = finished.study, finished.done["layers"]
    assert len(chosen["layers"]) == 28 == 30 - len(chosen["removed"])
    theirs = dict(study.work.models.teacher().named_parameters())
    for seed in (0, 1):
        own = dict(study.anatomy.new_student(seed).named_parameters())
        for at, layer in enumerate(chosen["layers"]):
            for name in (n for n in own if f"layers.{at}." in n):
                same = theirs[name.replace(f"layers.{at}.", f"layers.{layer}.")]
                assert torch.equal(own[name], same), name
    about = read_about(study.work.models.folder("standard-0"))
    assert list(about.layers) == chosen["layers"]


def test_learning_curves_are_kept_term_by_term(finished: Finished) -> None:
    with finished.study.store.read() as session:
        learned = trainings_of(session, ["small-teacher", "small-mechanistic-0"])
    assert {(one.system, one.stage) for one in learned} == {
        ("small-teacher", "warm-up"), ("small-teacher", "own-words"),
        ("small-mechanistic-0", "distillation"),
    }  # fmt: skip
    steps = next(one for one in learned if one.stage == "distillation").curves
    assert len(steps) == SMALL.student_plan.steps
    terms = set().union(*steps)
    assert {"L_cot", "total"} <= terms
    # Whether a teacher of two steps writes a boundary differs between processors.
    phased = finished.done["student/mechanistic/0"]["with_phases"] > 0
    assert (terms >= {"L_attn(1)", "L_loop(2)"}) is phased


def test_a_finished_study_is_not_done_twice(finished: Finished) -> None:
    study, said = finished.study, list[str]()
    again = Study(study.settings, study.store, SMALL, lambda *told: said.append(told[0]), never)
    assert again.run() == finished.done
    assert set(said) == set(finished.done), "nothing but the names of cells"


def test_a_training_in_a_process_of_its_own_leaves_the_same_and_stops_when_asked(
    finished: Finished,
) -> None:
    study = finished.study
    apart = replace(SMALL, name="apart", apart=True)
    told: list[str] = []

    def report(stage: str, done: int, total: int) -> None:
        told.append(stage)

    def stopped(*_: object) -> bool:
        return "Train: warm-up" in told

    halted = Study(study.settings, study.store, apart, report, stopped)
    assert halted.run() is None
    assert not list(halted.cells.folder.glob("*.json"))

    def kill(stage: str, done: int, total: int) -> None:
        if stage == "Train: warm-up":
            (process,) = multiprocessing.active_children()
            process.kill()

    with pytest.raises(ModelError, match="died"):
        work_apart(study.settings, apart, "warm-up", kill, never)
    work_apart(study.settings, apart, "warm-up", report, never)
    found = read_results(halted.cells.folder)["warm-up"]
    same = finished.done["warm-up"]
    assert found | {"adapter": ""} == same | {"adapter": ""}
    gone = replace(apart, datasets=("gone",))
    with pytest.raises(PhaseLensError, match="gone"):
        work_apart(study.settings, gone, "warm-up", report, never)


def test_one_more_arm_leaves_the_others_as_they_are(finished: Finished) -> None:
    study = finished.study
    more = replace(SMALL, arms=(*SMALL.arms, Arm.LONGER))
    with_longer = Study(study.settings, study.store, more, lambda *told: None, never).run()
    assert with_longer is not None
    assert {name: with_longer[name] for name in finished.done} == finished.done
    assert "test/standard-longer-0/tiny" in with_longer
    short, long = (finished.done[f"student/{arm}/0"] for arm in ("standard", "mechanistic"))
    times = max(long["compute_seconds"] / short["compute_seconds"], 1.0)
    steps = round(SMALL.student_plan.steps * times)
    with study.store.read() as session:
        (learned,) = trainings_of(session, ["small-standard-longer-0"])
    assert learned.steps == steps, "as many as the mechanistic student's time is worth"


@pytest.mark.parametrize("arm", [Arm.MARGIN, Arm.RANDOM_HEADS, Arm.LOGITS, Arm.NO_PHASE_2])
def test_every_arm_trains_on_the_same_tokens(finished: Finished, arm: Arm) -> None:
    found = finished.study.students.distill(arm, 0)
    assert found is not None
    assert found["tokens"] == finished.done["student/standard/0"]["tokens"]
    rate = finished.done["student/standard/0"]["setting"]["learning_rate"]
    assert found["setting"]["learning_rate"] == rate


def test_results_are_those_of_the_runs(finished: Finished) -> None:
    study, done = finished.study, finished.done
    found = results(study.settings, study.store, SMALL)
    assert found["not_run"] == []
    part = found["datasets"]["tiny"]
    for name in ("teacher", "standard-0", "mechanistic-0"):
        system = part["systems"][name]
        assert system["run"] == done[f"test/{name}/tiny"]["run"]
        assert system["example_f1"] == pytest.approx(done[f"test/{name}/tiny"]["example_f1"])
        alike = system.get("teacher_likeness")
        assert (alike is None) is (name == "teacher")
        assert alike is None or alike["documents"] == 2
    assert set(part["baselines"]) == {"top", "threshold", "scorer"}
    for rule in part["baselines"].values():
        assert 0 <= rule["low"] <= rule["example_f1"] <= rule["high"] <= 1
    assert 1 <= part["baselines"]["top"]["n"] <= 10
    assert set(part["teacher_less"]) == {"top", "threshold", "scorer", "base"}
    assert all(0 < less["p_holm"] <= 1 for less in part["teacher_less"].values())
    assert part["mechanistic_less"]["standard"]["documents"] == 2
    assert 0 < part["mechanistic_less"]["standard"]["p_holm"] <= 1
    # Traces of two steps' students have no curves to be set beside the teacher's.
    assert set(part["other_measures"]) >= {"Precision", "Recall", "Well-formed"}
    page = report(found)
    for system in part["systems"].values():
        assert f"`{system['run']}`" in page


def test_adapters_write_the_stored_texts_again(finished: Finished) -> None:
    study = finished.study
    found = verify(Toolbox(study.settings, study.store), study.store, "small", 4, study.report)
    assert {"small-teacher", "small-standard-0", "small-mechanistic-0"} <= {
        one.system for one in found
    }
    assert sum(one.documents for one in found) == 4
    for one in found:
        assert one.same_texts == one.same_answers == one.documents, one


def test_all_systems_are_shown_on_test_what_the_teacher_was(finished: Finished) -> None:
    study, said = finished.study, "as another system of the same study was shown it"
    for system in ("teacher", "standard-0", "mechanistic-0", "base"):
        run = finished.done[f"test/{system}/tiny"]["run"]
        with study.store.read() as session:
            traces = [load_trace(session, one.trace_id) for one in run_records(session, run)]
        found = [said in [note for _, _, note in trace.stages] for trace in traces]
        assert found == [system != "teacher"] * 2, system


def test_traces_that_ship_are_brought_in_and_not_written_anew(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = finished.study
    place = tmp_path / "results" / SMALL.name
    write_pack(study.settings, study.store, SMALL.name, place, list(Split))
    monkeypatch.setattr(core.study.pack, "SHIPPED", tmp_path / "results")
    there = study.settings.model_copy(update={"home": tmp_path / "there"})
    shutil.copytree(study.settings.datasets_dir, there.datasets_dir)
    store = open_store(there)
    load_pack(there, store, place, [Split.TEST])
    work = Study(there, store, SMALL, lambda *told: None, lambda: False).work
    work.done |= read_results(cells_folder(there, SMALL.name))
    assert not work.has_traces("tiny")
    assert work.write_traces("tiny") == work.done["traces/tiny"]
    assert work.has_traces("tiny")


def differing(one: Any, other: Any) -> list[str]:
    """Where two results are not the same, numbers but for what is lost in rounding."""
    ours, theirs = flat(one), flat(other)
    return [
        f"{path}: {ours.get(path)} and {theirs.get(path)}"
        for path in sorted(ours.keys() | theirs.keys())
        if not same(ours.get(path), theirs.get(path))
    ]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, abs=2e-4, nan_ok=True)
    return bool(one == other)


def flat(data: Any, path: str = "") -> dict[str, Any]:
    """Nested data as one dict, by where each value stands."""
    if isinstance(data, dict) and data:
        return {k: v for key, one in data.items() for k, v in flat(one, f"{path}/{key}").items()}
    if isinstance(data, list | tuple) and data:
        return {k: v for at, one in enumerate(data) for k, v in flat(one, f"{path}/{at}").items()}
    return {path: data}


def test_results_travel_to_another_home(finished: Finished, tmp_path: Path) -> None:
    study = finished.study
    pack = tmp_path / "small"
    assert write_pack(study.settings, study.store, "small", pack, ["test"]).traces["tiny"] >= 8
    there = study.settings.model_copy(update={"home": tmp_path / "there"})
    shutil.copytree(study.settings.datasets_dir, there.datasets_dir)
    other = open_store(there)
    load_pack(there, other, pack, ["test"])
    sent, got = (results(*home, SMALL) for home in ((study.settings, study.store), (there, other)))
    assert differing(got, sent) == [], "curves travel in five digits"
    (there.home / "models").symlink_to((study.settings.home / "models").resolve())
    found = verify(Toolbox(there, other), other, "small", 1, study.report)
    adapters = [one for one in found if one.system != "base"]
    assert adapters
    assert all(one.missing for one in adapters), "adapters do not travel with results"


def test_curves_of_another_machine_are_measured_again(finished: Finished) -> None:
    study = finished.study
    run = finished.done["test/teacher/tiny"]["run"]
    with study.store.read() as session:
        before = [load_trace(session, one.trace_id) for one in run_records(session, run)]
    assert all(one.trace and one.trace.curves for one in before)
    first = before[0].trace
    assert first is not None
    assert first.curves is not None
    others = replace(first.curves, near_misses=first.curves.near_misses[1:], points=())
    with study.store.write() as session:
        replace_curves(session, before[0].id, others)
    toolbox = Toolbox(study.settings, study.store)
    found = measure_again(toolbox, study.store, "small", study.report)
    with study.store.read() as session:
        after = [load_trace(session, one.id) for one in before]
    assert [one.trace for one in after] == [one.trace for one in before]
    assert (found.other_near_misses, found.absent) == (1, [])
    assert found.traces == 2 * len(found.systems["tiny"])
    again = measure_again(toolbox, study.store, "small", study.report)
    assert (again.traces, again.systems) == (0, found.systems), "by this processor they are"
    data = results(study.settings, study.store, SMALL)
    assert data["curves"]["encoder"] == toolbox.encoder().identity
    assert "all systems were measured by one machine" in report(data)


def test_students_take_the_setting_that_was_best_on_dev(finished: Finished) -> None:
    done, settings = finished.done, SMALL.tuning.of(Arm.STANDARD, {})
    tried = {n: done[f"tune/standard/{n}"] for n in (0, 1)}
    assert [tried[n]["setting"]["learning_rate"] for n in (0, 1)] == [1e-3, 2e-3]
    assert all(0 <= one["example_f1"]["tiny"] <= 1 for one in tried.values())
    chosen = done["student/standard/0"]["setting"]
    assert chosen["learning_rate"] == best_of(settings, tried).learning_rate
    trained = finished.study.work.folder.glob("student-standard-0-*")
    assert len(list(trained)) == 2, "the student is one of the trials, not another training"
    mechanistic = done["student/mechanistic/0"]["setting"]
    assert mechanistic == {"learning_rate": chosen["learning_rate"], "weight": 1.0}, "same rate"


def never() -> bool:
    return False
