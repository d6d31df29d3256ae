"""A text drafted in fast mode and checked in one pass is what generate() writes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config import Settings
from core.models import drafts
from core.models.base import Generated, Piece, Request
from core.models.catalogue import PACKAGED
from core.models.drafts import LEAD, is_reference
from core.models.local import LocalModel
from core.rerank.base import Decoding, Mode
from core.traces.base import FinishReason
from tests.models.test_modes import PROMPTS, ask, request
from tests.models.test_unusual_models import write_model

REFERENCE: dict[str, Any] = {"mode": Mode.REFERENCE, "prompt_lookup": 0}


@pytest.fixture
def model(tmp_path: Path) -> LocalModel:
    torch.manual_seed(3)
    return LocalModel.load(write_model(tmp_path / "m", end="w0"), Settings(home=tmp_path))


@pytest.mark.parametrize("certain", [True, False])
def test_texts_drafted_side_by_side_are_those_of_generate(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch, certain: bool
) -> None:
    generated = []
    whole = drafts.write_reference
    monkeypatch.setattr(
        drafts, "write_reference", lambda m, text: (generated.append(text), whole(m, text))
    )
    monkeypatch.setattr(drafts, "LEAD", 0.0 if certain else float("inf"))
    wanted = {prompt: ask(model, prompt, **REFERENCE) for prompt in PROMPTS}
    heard: dict[str, str] = dict.fromkeys(PROMPTS, "")

    def asked(prompt: str) -> Request:
        def hear(piece: Piece) -> None:
            heard[prompt] += piece.text

        return request(prompt, heard=hear, **REFERENCE)

    got = list(model.generate_many(iter(map(asked, PROMPTS)), 2))
    assert len(got) == len(PROMPTS)
    for one, outcome in got:
        assert isinstance(outcome, Generated)
        alone = wanted[one.prompt]
        assert (outcome.text, outcome.token_offsets) == (alone.text, alone.token_offsets)
        assert (outcome.finish_reason, outcome.tokens) == (alone.finish_reason, alone.tokens)
        assert heard[one.prompt] == outcome.text, "no draft is heard"
    assert len(generated) == (0 if certain else len(PROMPTS))


def test_a_draft_with_another_token_is_not_the_reference(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = 0.001  # the tiny model's logits are small
    monkeypatch.setattr(drafts, "LEAD", lead)
    prompt = model._ids(model.render(PROMPTS[0]))
    out = model.model.generate(torch.tensor([prompt]), max_new_tokens=8, do_sample=False)
    written = out[0, len(prompt) :].tolist()
    assert len(written) == 8
    with torch.inference_mode():
        logits = model.model(out).logits[0, len(prompt) - 1 : -1]
    best = logits.topk(2).values
    assert float((best[:, 0] - best[:, 1]).min()) > lead, "else the test says nothing"
    assert is_reference(model.model, prompt, written, [0], room=8)
    for at in range(8):
        other = [*written]
        other[at] = (other[at] + 1) % 50
        assert not is_reference(model.model, prompt, other, [0], room=8)
    assert not is_reference(model.model, prompt, written, [0], room=9), "it did not end there"
    assert is_reference(model.model, prompt, written, [written[-1]], room=9)
    assert not is_reference(model.model, prompt, [], [0], room=8)
    assert not is_reference(model.model.bfloat16(), prompt, written, [0], room=8)


def test_above_temperature_0_generate_itself_draws(model: LocalModel) -> None:
    hot = {**REFERENCE, "temperature": 1.0, "seed": 7}
    wanted = ask(model, PROMPTS[0], **hot)
    ((_, got),) = model.generate_many(iter([request(PROMPTS[0], **hot)]), 2)
    assert isinstance(got, Generated)
    assert got.text == wanted.text


def test_a_cancelled_draft_is_a_cancelled_text(model: LocalModel) -> None:
    asked = Request(PROMPTS[0], Decoding(30, **REFERENCE), lambda piece: None, lambda: True)
    ((_, got),) = model.generate_many(iter([asked]), 1)
    assert isinstance(got, Generated)
    assert got.finish_reason is FinishReason.CANCELLED


def test_one_pass_of_the_real_model_is_as_exact_as_the_lead_needs(shared_home: Path) -> None:
    spec = replace(PACKAGED, dtype="float32")
    real = LocalModel.load(spec, Settings(home=shared_home))
    prompt = torch.tensor([real._ids(real.render("Name three rivers of Europe, and why." * 8))])
    with torch.inference_mode():
        out = real.model.generate(
            prompt, max_new_tokens=60, do_sample=False, output_logits=True,
            return_dict_in_generate=True,
        )  # fmt: skip
        at_once = real.model(out.sequences).logits[0, prompt.shape[1] - 1 : -1]
    one_by_one = torch.cat(out.logits)
    assert float((at_once - one_by_one).abs().max()) < LEAD / 20
