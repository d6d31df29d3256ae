"""Students of another model than the teacher's: which are taken, and how their adapters open."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from core.annotation.people import local_person
from core.config import Settings, load_settings
from core.errors import InputError, ModelError, UnknownNameError
from core.models.adapter_files import About
from core.models.adapters import save_adapter, student_of, with_adapter
from core.models.base import ModelKind, ModelSpec
from core.models.local import LocalModel
from core.study.asked import Asked
from core.study.choice import begun, chosen_preset, study_named
from core.study.models import check_same_tokens
from core.study.presets import PRESETS, SMOKE
from core.study.sizes import SIZES
from core.study.study import Study
from core.toolbox import Toolbox
from db.models_added import add_model
from db.session import Store, open_store
from tests.models.test_unusual_models import write_model


def loaded(folder: Path) -> LocalModel:
    return LocalModel.load(write_model(folder, end="w0"), Settings(home=folder))


def test_a_student_reads_the_tokens_of_its_teacher(tmp_path: Path) -> None:
    teacher, student = loaded(tmp_path / "a"), loaded(tmp_path / "b")
    check_same_tokens(teacher, student)
    student.tokenizer.chat_template = "Question: {{ messages[0]['content'] }}"
    with pytest.raises(ModelError, match="chat template"):
        check_same_tokens(teacher, student)
    student.tokenizer.add_tokens(["w99"])
    with pytest.raises(ModelError, match="another vocabulary"):
        check_same_tokens(teacher, student)


def test_a_study_of_another_student_or_called_otherwise_has_a_name_of_its_own(home: Path) -> None:
    settings = load_settings()
    store = open_store(settings)
    assert chosen_preset(settings, store, Asked("smoke")) == SMOKE
    spec = ModelSpec("My Model 1.5B", ModelKind.LOCAL, str(home), dtype="float32")
    with store.write() as session:
        add_model(session, local_person(), spec)
        add_model(
            session,
            local_person(),
            replace(spec, name="far", kind=ModelKind.ENDPOINT, location="http://x/v1"),
        )
    found = chosen_preset(settings, store, Asked("smoke", student="My Model 1.5B"))
    assert (found.name, found.student) == ("smoke-student-my-model-1-5b", spec)
    both = chosen_preset(settings, store, Asked("smoke", "My Model 1.5B", "My Model 1.5B"))
    assert both.name == "smoke-teacher-my-model-1-5b-student-my-model-1-5b"
    assert (both.teacher, both.student) == (spec, spec)
    assert chosen_preset(settings, store, Asked("smoke", called="again")).name == "again"
    mine = chosen_preset(settings, store, Asked("smoke", student="My Model 1.5B", called="mine-2"))
    assert (mine.name, mine.student) == ("mine-2", spec)
    for called in ("laptop", "Mine", "a--b", "../a", "", "a" * 41):
        with pytest.raises(InputError, match="cannot be called"):
            chosen_preset(settings, store, Asked("smoke", called=called))
    with pytest.raises(InputError, match="cannot be trained here"):
        chosen_preset(settings, store, Asked("smoke", student="far"))
    with pytest.raises(UnknownNameError, match="no system named"):
        chosen_preset(settings, store, Asked("smoke", student="nobody"))


def test_what_can_be_asked_for_are_the_presets() -> None:
    assert list(SIZES) == list(PRESETS)


def test_a_study_is_found_by_its_name_and_by_no_other_options(
    settings: Settings, store: Store
) -> None:
    assert study_named(settings, store, "smoke") == SMOKE
    begun(settings, store, Asked("smoke", called="again"))
    assert study_named(settings, store, "again") == replace(SMOKE, name="again")
    assert begun(settings, store, Asked("smoke", called="again")).name == "again"
    with pytest.raises(InputError, match="otherwise: --preset smoke --as again"):
        begun(settings, store, Asked("laptop", called="again"))
    with pytest.raises(UnknownNameError, match="no study named 'agian'") as told:
        study_named(settings, store, "agian")
    assert told.value.fix == "Choose one of: smoke, laptop, gpu, again."


def test_a_student_that_was_named_has_all_its_layers(tmp_path: Path) -> None:
    spec = write_model(tmp_path / "m", end="w0")
    settings = Settings(home=tmp_path)
    preset = replace(SMOKE, teacher=spec, student=spec)
    study = Study(settings, open_store(settings), preset, lambda *told: None, lambda: False)
    assert "layers" not in {cell.name for cell in study.plan()}
    assert study.anatomy.layers() == tuple(range(len(study.work.models.base().model.model.layers)))
    weights = [dict(study.anatomy.new_student(seed).named_parameters()) for seed in (0, 1)]
    drawn = next(name for name in weights[0] if "lora_A" in name)
    assert not torch.equal(weights[0][drawn], weights[1][drawn]), "a fresh adapter"


def test_its_adapter_opens_on_its_own_base(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = write_model(tmp_path / "m", end="w0")
    settings = Settings(home=tmp_path)
    base = LocalModel.load(spec, settings)
    model = with_adapter(student_of(base.model, [1]), 4, 8, 0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.3)
    about = About("s", "A student", (1,), 4, 8, "{document}{rated}", {}, asdict(spec))
    save_adapter(model, tmp_path / "adapter", about)
    opened = Toolbox(settings, open_store(settings)).model(
        ModelSpec("s", ModelKind.ADAPTER, str(tmp_path / "adapter"), dtype="float32")
    )
    assert isinstance(opened, LocalModel)
    ids = torch.tensor([[1, 2, 3]])
    with torch.inference_mode():
        got, wanted = opened.model(ids).logits, model(ids).logits
        torch.testing.assert_close(got, wanted, atol=1e-2, rtol=1e-2)
        assert not torch.allclose(got, base.model(ids).logits, atol=1e-2)
