"""Fast and reference mode of local models: the same greedy text, alone and side by side."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GenerationConfig

from core.config import Settings
from core.errors import InputError, ModelError
from core.models.base import Generated, ManyAtOnce, Piece, Request
from core.models.lean import LeanNetwork
from core.models.local import LocalModel
from core.rerank.base import Decoding, Mode
from core.traces.base import FinishReason
from tests.models.test_unusual_models import linear, write_model

MODES = (Mode.FAST, Mode.REFERENCE)
PROMPTS = ["w1 w2 w3", "w4 w5 w4 w5 w6", "w7", "w1 w2 w9 w9 w9 w9", "w8 w3"]


@pytest.fixture
def model(tmp_path: Path) -> LocalModel:
    torch.manual_seed(3)
    return LocalModel.load(write_model(tmp_path / "m", end="w0"), Settings(home=tmp_path))


def ask(model: LocalModel, prompt: str, **decoding: Any) -> Generated:
    return model.generate(
        prompt,
        Decoding(**{"max_new_tokens": 30, **decoding}),
        on_piece=lambda piece: None,
        cancelled=lambda: False,
    )


def request(
    prompt: str,
    cancelled: Callable[[], bool] = lambda: False,
    heard: Callable[[Piece], None] = lambda piece: None,
    **decoding: Any,
) -> Request:
    return Request(prompt, Decoding(**{"max_new_tokens": 30, **decoding}), heard, cancelled)


def test_both_modes_tell_alike_how_a_text_ended(model: LocalModel) -> None:
    ids = model._ids(PROMPTS[0])
    third = model.model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=3,
        do_sample=False, eos_token_id=None,
    )[0, -1]  # fmt: skip
    for end, reason in ((int(third), FinishReason.STOP), (299, FinishReason.LENGTH)):
        model.model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=0)
        found = {m: ask(model, PROMPTS[0], mode=m, max_new_tokens=6) for m in MODES}
        assert {m: one.finish_reason for m, one in found.items()} == dict.fromkeys(MODES, reason)
        assert found[Mode.FAST].tokens == found[Mode.REFERENCE].tokens


@pytest.mark.parametrize("prompt", PROMPTS)
def test_reference_mode_is_generate_token_for_token(model: LocalModel, prompt: str) -> None:
    ids = torch.tensor([model._ids(prompt)])
    with torch.inference_mode():
        out = model.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=30, do_sample=False
        )
    wanted = model.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
    got = ask(model, prompt, mode=Mode.REFERENCE, prompt_lookup=10)
    assert got.text == wanted
    assert got.tokens == out.shape[1] - ids.shape[1]


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("prompt_lookup", [0, 10])
def test_fast_mode_writes_what_reference_mode_writes(
    model: LocalModel, prompt: str, prompt_lookup: int
) -> None:
    fast = ask(model, prompt, prompt_lookup=prompt_lookup)
    reference = ask(model, prompt, mode=Mode.REFERENCE)
    assert (fast.text, fast.token_offsets) == (reference.text, reference.token_offsets)
    assert (fast.finish_reason, fast.notes) == (reference.finish_reason, ())


def test_fast_mode_is_the_default_and_not_transformers(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("generate was called")

    monkeypatch.setattr(model.model, "generate", refuse)
    assert ask(model, "w1").tokens > 0
    with pytest.raises(ModelError, match="generate was called"):
        ask(model, "w1", mode=Mode.REFERENCE)


def test_a_model_that_fast_mode_does_not_know_says_so_in_every_trace(model: LocalModel) -> None:
    model.model = linear().eval()
    model.model.generation_config = GenerationConfig(eos_token_id=0, pad_token_id=0)
    mode, why = model.mode_for(Mode.FAST)
    assert mode is Mode.REFERENCE
    assert "mamba2" in why
    assert ask(model, "w1 w2").notes == (why,)
    assert model.mode_for(Mode.REFERENCE) == (Mode.REFERENCE, "")


def test_texts_written_side_by_side_are_those_written_alone(model: LocalModel) -> None:
    assert isinstance(model, ManyAtOnce)
    alone = {prompt: ask(model, prompt) for prompt in PROMPTS}
    many = list(model.generate_many(iter([request(p) for p in PROMPTS]), 3))
    assert sorted(asked.prompt for asked, _ in many) == sorted(PROMPTS)
    for asked, got in many:
        assert isinstance(got, Generated)
        wanted = alone[asked.prompt]
        assert (got.text, got.token_offsets) == (wanted.text, wanted.token_offsets)
        assert got.finish_reason is wanted.finish_reason
        assert got.seconds_to_first_token is not None


def test_no_more_than_so_many_are_asked_for(model: LocalModel) -> None:
    asked: list[str] = []

    def requests() -> Iterator[Request]:
        for prompt in PROMPTS:
            asked.append(prompt)
            yield request(prompt)

    written = model.generate_many(requests(), 2)
    next(written)
    assert asked == PROMPTS[:2]
    assert len(list(written)) == 4


def test_an_error_of_one_request_is_no_other_s(model: LocalModel) -> None:
    long = "w1 " * 100
    got = {
        asked.prompt: outcome
        for asked, outcome in model.generate_many(
            iter([request("w1"), request(long), request("w2")]), 2
        )
    }
    assert isinstance(got[long], InputError)
    assert isinstance(got["w1"], Generated)
    assert isinstance(got["w2"], Generated)


def test_cancelling_one_leaves_the_others(model: LocalModel) -> None:
    heard: list[Piece] = []
    stopped = request("w1", lambda: len(heard) >= 2, heard.append, prompt_lookup=0)
    got = {
        asked.prompt: outcome
        for asked, outcome in model.generate_many(iter([stopped, request("w2")]), 2)
    }
    first, second = got["w1"], got["w2"]
    assert isinstance(first, Generated)
    assert isinstance(second, Generated)
    assert (first.finish_reason, first.tokens) == (FinishReason.CANCELLED, 2)
    assert second.text == ask(model, "w2").text


def test_a_failing_network_costs_the_texts_in_hand_and_no_other(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = LeanNetwork.hidden
    passes = 0

    def fail_once(*args: Any, **options: Any) -> torch.Tensor:
        nonlocal passes
        passes += 1
        if passes == 4:
            raise RuntimeError("out of memory")
        return whole(*args, **options)

    monkeypatch.setattr(LeanNetwork, "hidden", fail_once)
    got = list(model.generate_many(iter([request(p, prompt_lookup=0) for p in PROMPTS]), 2))
    assert len(got) == 5
    reasons = [o.finish_reason if isinstance(o, Generated) else o for _, o in got]
    assert reasons.count(FinishReason.ERROR) == 2
    broken = [
        o for _, o in got if isinstance(o, Generated) and "out of memory" in " ".join(o.notes)
    ]
    assert len(broken) == 2
    assert all(b.text for b in broken)


def test_an_error_where_requests_come_from_is_not_taken_for_the_network_s(
    model: LocalModel,
) -> None:
    def requests() -> Iterator[Request]:
        yield request("w1")
        raise RuntimeError("no more documents")

    with pytest.raises(RuntimeError, match="no more documents"):
        list(model.generate_many(requests(), 2))


@pytest.mark.parametrize("mode", [Mode.FAST, Mode.REFERENCE])
def test_label_probabilities_are_the_plain_ones(model: LocalModel, mode: Mode) -> None:
    ends = ["w4 w5", "w6", "w7 w8 w9 w1"]
    found = model.log_probabilities("w1 w2 w3 ", ends, ["w1", "w2"], mode)
    for end, row in zip(ends, found, strict=True):
        ids = torch.tensor([model._ids("w1 w2 w3 " + end)])
        with torch.inference_mode():
            plain = model.model(ids).logits[0, -1].log_softmax(-1)
        assert row == pytest.approx([float(plain[1]), float(plain[2])], abs=1e-4)
