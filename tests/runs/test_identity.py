"""A run's identity changes with everything that decides its output."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import core.code_version
from core.code_version import code_version
from core.errors import InputError
from core.rerank.base import Decoding
from core.systems import RunConfig, run_id, run_identity

CONFIG = RunConfig("icd", "base", "{document} {candidates}")
PARTS: dict[str, Any] = {
    "dataset_fingerprint": "d", "encoder": "e", "index": "i", "model": {"weights": "w"},
}  # fmt: skip


def identity(config: RunConfig = CONFIG, **parts: Any) -> str:
    return run_id(run_identity(config, **{**PARTS, **parts}))


def test_equal_choices_give_equal_ids() -> None:
    assert identity() == identity(RunConfig("icd", "base", "{document} {candidates}"))


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset": "mesh"},
        {"system": "other"},
        {"prompt": "{candidates} {document}"},
        {"k": 49},
        {"n": 9},
        {"ef": 100},
        {"use_scorer": False},
        {"decoding": Decoding(max_new_tokens=100)},
        {"decoding": Decoding(temperature=0.5)},
        {"decoding": Decoding(seed=1)},
        {"decoding": Decoding(prompt_lookup=0)},
    ],
)
def test_every_choice_makes_another_run(changed: dict[str, Any]) -> None:
    assert identity(replace(CONFIG, **changed)) != identity()


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset_fingerprint": "x"},
        {"encoder": "x"},
        {"index": "x"},
        {"model": {"weights": "w", "dtype": "float32"}},
    ],
)
def test_every_input_makes_another_run(changed: dict[str, Any]) -> None:
    assert identity(**changed) != identity()


def test_changed_code_makes_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity()
    for name in core.code_version.DECIDING:
        assert (core.code_version.ROOT / name).exists()
    (tmp_path / "rerank").mkdir()
    (tmp_path / "rerank" / "scorer.py").write_text("another question")
    monkeypatch.setattr(core.code_version, "ROOT", tmp_path)
    monkeypatch.setattr(core.code_version, "DECIDING", ("rerank",))
    code_version.cache_clear()
    try:
        assert identity() != before
    finally:
        code_version.cache_clear()


@pytest.mark.parametrize(
    ("decoding", "says"),
    [
        (Decoding(max_new_tokens=0), "token limit is 0"),
        (Decoding(temperature=float("nan")), "temperature is nan"),
        (Decoding(temperature=-1), "temperature is -1"),
        (Decoding(seed=-1), "seed is -1"),
        (Decoding(seed=2**64), "seed is"),
        (Decoding(prompt_lookup=-1), "Prompt lookup is -1"),
    ],
)
def test_decoding_that_no_model_does_is_refused(decoding: Decoding, says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(CONFIG, decoding=decoding).check(74_044)


def test_an_ef_beyond_all_measure_is_refused() -> None:
    with pytest.raises(InputError, match="ef is"):
        replace(CONFIG, ef=10**12).check(74_044)
