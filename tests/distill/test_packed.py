"""Texts that share a pass are read as if each were alone."""

from typing import Any

import pytest
import torch

from core.distill import packed
from core.distill.packed import PASS_TOKENS, hidden_states, in_passes, pass_tokens_for
from core.errors import ModelError
from core.mechanism.architecture import Architecture
from core.mechanism.capture import Recorder, Wanted, capture
from tests.models.test_lean import tiny

LENGTHS = (9, 1, 17)


def texts(lengths: tuple[int, ...] = LENGTHS) -> list[torch.Tensor]:
    made = torch.Generator().manual_seed(5)
    return [torch.randint(3, 60, (length,), generator=made) for length in lengths]


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_texts_of_one_pass_do_not_see_each_other(kind: str) -> None:
    model = tiny(kind)
    before = model.config._attn_implementation
    with torch.inference_mode():
        together = hidden_states(model, texts())
        alone = [model.model(input_ids=text[None]).last_hidden_state[0] for text in texts()]
    for got, wanted in zip(together, alone, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
    assert model.config._attn_implementation == before


def test_gradients_are_those_of_texts_alone() -> None:
    def gradient(passes: list[list[torch.Tensor]]) -> torch.Tensor:
        model = tiny("llama")
        for some in passes:
            total = sum((hidden**3).sum() for hidden in hidden_states(model, some))
            torch.autograd.backward(total)
        found: torch.Tensor = model.model.layers[0].self_attn.k_proj.weight.grad
        return found

    alone = gradient([[text] for text in texts()])
    torch.testing.assert_close(gradient([texts()]), alone, rtol=1e-4, atol=1e-4)


def test_each_text_leaves_what_it_leaves_alone() -> None:
    architecture = Architecture.of(tiny("llama"))
    wanted = [
        Wanted(queries=(2, 8), layers=(0, 2), states=(0, 1), state_positions=(4,)),
        Wanted(layers=()),
        Wanted(queries=(0, 16), layers=(0, 2), states=(0, 1), state_positions=(3, 5)),
    ]
    recorders = [Recorder(architecture, one) for one in wanted]
    with torch.inference_mode():
        hidden_states(architecture.model, texts(), recorders)
        for at, text in enumerate(texts()):
            if not wanted[at].queries:
                continue
            kept, alone = recorders[at].capture(), capture(architecture, text, wanted[at])
            for name in ("attention", "mixed", "states"):
                got: Any = getattr(kept, name)
                torch.testing.assert_close(got, getattr(alone, name), rtol=1e-5, atol=1e-5)


def test_the_model_is_as_it_was_after_a_failure() -> None:
    model = tiny("llama")
    before = model.config._attn_implementation
    with pytest.raises(IndexError):
        hidden_states(model, [torch.tensor([10**9])])
    assert model.config._attn_implementation == before
    assert not any(name.startswith("_phaselens") for m in model.modules() for name in vars(m))


def test_a_text_longer_than_the_model_attends_is_refused() -> None:
    model = tiny("mistral")
    for layer in model.model.layers:
        layer.self_attn.sliding_window = 8
    model.config.sliding_window = 8
    with pytest.raises(ModelError, match="longer than this model attends"):
        hidden_states(model, texts())


def test_passes_hold_neighbours_up_to_a_size() -> None:
    half = PASS_TOKENS // 2
    assert in_passes(texts((half, half, 1, PASS_TOKENS + 5, 2))) == [[0, 1], [2], [3], [4]]
    assert in_passes([]) == []


def test_a_pass_is_as_long_as_a_model_leaves_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        total = 8 * 2**30

    monkeypatch.setattr(packed.psutil, "virtual_memory", Memory)
    monkeypatch.setattr(packed, "device_name", lambda: "cpu")
    model = tiny("llama")
    assert pass_tokens_for(model) == PASS_TOKENS
    model.config.num_hidden_layers, model.config.hidden_size = 30, 576
    model.config.intermediate_size = 1536
    small = pass_tokens_for(model)
    model.config.num_hidden_layers = 60
    assert small == pytest.approx(2 * pass_tokens_for(model), abs=2)
