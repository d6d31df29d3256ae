"""8-bit integers give the float network's vectors, or are not used."""

import logging
from pathlib import Path

import pytest
import torch

from core.config import Settings
from core.encoders import Encoder, model_folder
from core.minilm import MiniLM
from core.minilm_int8 import IntMiniLM, int_model, largest, maxima_of, vocabulary_texts
from core.models.precision import cpu_has_int8
from core.token_windows import packed

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(
        not cpu_has_int8(), reason="this processor has no AVX512-VNNI: int8 is not used on it"
    ),
]


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM.load(model_folder() / "model.safetensors")


def test_vectors_are_the_same_each_time_it_is_made(model: MiniLM) -> None:
    some = list(packed(vocabulary_texts(len(model.words))[:16]))
    maxima = largest(maxima_of(model, windows) for windows in some)
    with torch.inference_mode():
        first, second = (IntMiniLM(model, maxima)(some[0]) for _ in range(2))

    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_numbers_beyond_those_seen_before_are_cut_off_and_do_not_wrap(model: MiniLM) -> None:
    some = packed(vocabulary_texts(len(model.words))[:16])
    layer = IntMiniLM(model, largest(maxima_of(model, windows) for windows in some))._layers[0].up
    with torch.inference_mode():
        far = torch.full((1, 384), 1e6)
        integers = torch.cat([layer.integers(far), layer.integers(-far), layer.integers(0 * far)])

    assert integers.unique(dim=1).flatten().tolist() == [255, 0, 128]


def test_integers_that_give_other_vectors_are_refused_aloud(
    model: MiniLM,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("core.minilm_int8._LEAST_GELU", -1e4)  # a scale that rounds all away
    monkeypatch.setattr("core.minilm_int8._TEXTS", 32)

    with caplog.at_level(logging.WARNING):
        assert int_model(model) is None

    assert "8-bit integers are not used" in caplog.text
    assert "int8" not in Encoder.load(Settings(home=tmp_path)).label_identity
