"""Adapters beside the packaged model: written, read, and used in fast and reference mode."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config import Settings
from core.errors import ModelError, UnknownNameError
from core.models.adapter_files import ABOUT, WEIGHTS, About, read_about
from core.models.adapters import save_adapter, student_of, with_adapter
from core.models.base import ModelKind, ModelSpec
from core.models.catalogue import PACKAGED, check_spec
from core.models.local import LocalModel
from core.rerank.base import Decoding, Mode
from core.toolbox import Toolbox, find_system
from db.session import open_store

HALF = tuple(range(0, 30, 2))
pytestmark = pytest.mark.model


def made(base: Any, folder: Path, layers: tuple[int, ...], seed: int, size: float = 0.02) -> None:
    model = with_adapter(student_of(base, layers), 4, 8, seed)
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=chance) * size)
    about = About(
        "student", "A student", layers, 4, 8, "{document}{rated}", {}, None, 700, "lexical"
    )
    save_adapter(model, folder, about)


@pytest.fixture
def settings(shared_home: Path) -> Settings:
    return Settings(home=shared_home)


def spec(folder: Path) -> ModelSpec:
    return ModelSpec("student", ModelKind.ADAPTER, str(folder), dtype="float32")


def said(model: Any, mode: Mode) -> str:
    decoding = Decoding(max_new_tokens=24).resolved(mode)
    return str(
        model.generate(
            "Name three rivers.", decoding, on_piece=lambda piece: None, cancelled=lambda: False
        ).text
    )


def test_an_adapter_is_read_as_it_was_written_and_both_modes_agree(
    tmp_path: Path, settings: Settings
) -> None:
    box = Toolbox(settings)
    base = box.model(replace(PACKAGED, dtype="float32"))
    assert isinstance(base, LocalModel)
    plain = said(base, Mode.FAST)
    made(base.model, tmp_path / "a", HALF, 1)
    made(base.model, tmp_path / "b", tuple(range(30)), 2, size=0.1)
    check_spec(spec(tmp_path / "a"), settings)
    student, teacher = box.model(spec(tmp_path / "a")), box.model(spec(tmp_path / "b"))
    texts = [said(model, Mode.FAST) for model in (student, teacher, base)]
    assert len(set(texts)) == 3
    assert texts == [said(model, Mode.REFERENCE) for model in (student, teacher, base)]
    assert texts[2] == plain, "the base is as it was"
    assert len({m.identity()["weights"] for m in (student, teacher, base)}) == 3
    assert isinstance(student, LocalModel)
    theirs = {p.data_ptr() for p in base.model.parameters()}
    own = [p for n, p in student.model.named_parameters() if "lora_" not in n]
    assert all(p.data_ptr() in theirs for p in own)


def test_adapters_of_the_home_are_systems_with_what_they_were_trained_on(
    home: Path, settings: Settings
) -> None:
    here = Settings(home=home)
    base = LocalModel.load(replace(PACKAGED, dtype="float32"), settings)
    made(base.model, here.adapters_dir / "one", HALF, 1)
    (here.adapters_dir / "broken").mkdir()
    (here.adapters_dir / "broken" / ABOUT).write_text("{")
    store = open_store(here)
    system = find_system(here, store, "student")
    assert (system.prompt, system.max_new_tokens) == ("{document}{rated}", 700)
    assert system.method == "lexical"
    assert system.model.kind is ModelKind.ADAPTER
    assert system.model.location == str(here.adapters_dir / "one")
    with pytest.raises(UnknownNameError, match="broken"):
        find_system(here, store, "broken")


def test_what_is_no_adapter_is_told(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ModelError, match="holds no adapter"):
        check_spec(spec(tmp_path / "nowhere"), settings)
    base = LocalModel.load(replace(PACKAGED, dtype="float32"), settings)
    made(base.model, tmp_path / "a", HALF, 1)
    (tmp_path / "a" / WEIGHTS).write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be read"):
        LocalModel.adapted(spec(tmp_path / "a"), base, settings)
    made(base.model, tmp_path / "a", HALF, 1)
    about = json.loads((tmp_path / "a" / ABOUT).read_text())
    (tmp_path / "a" / ABOUT).write_text(json.dumps({**about, "rank": 8}))
    assert read_about(tmp_path / "a").rank == 8
    with pytest.raises(ModelError, match="does not fit"):
        LocalModel.adapted(spec(tmp_path / "a"), base, settings)
