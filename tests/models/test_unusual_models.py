"""Models unlike the packaged one, of random weights: read right, or refused in words."""

from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from core.errors import ModelError
from core.models.base import ModelKind, ModelSpec
from core.models.local import LocalModel
from core.models.shared_prompt import copies_well, next_token_log_probabilities
from core.rerank.base import Decoding, Mode

pytestmark = pytest.mark.model

SMALL = {
    "vocab_size": 32,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
}


def write_model(folder: Path, *, end: str | None) -> ModelSpec:
    """A whole folder of a tiny Llama whose tokenizer has `end` as its end of text."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({f"w{i}": i for i in range(32)}, unk_token="w31"))
    words.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token=end)
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(**SMALL, eos_token_id=None, bos_token_id=None)
    LlamaForCausalLM(config).save_pretrained(folder)
    return ModelSpec("tiny", ModelKind.LOCAL, str(folder), dtype="float32")


def test_a_model_without_an_end_of_text_is_refused(tmp_path: Path) -> None:
    spec = write_model(tmp_path / "m", end=None)
    with pytest.raises(ModelError, match="tiny has no end-of-text token"):
        LocalModel.load(spec, Settings(home=tmp_path))


def test_token_zero_can_be_the_end_of_text(tmp_path: Path) -> None:
    model = LocalModel.load(write_model(tmp_path / "m", end="w0"), Settings(home=tmp_path))
    assert model.model.generation_config.eos_token_id == 0


def hybrid() -> Any:
    from transformers import Lfm2Config, Lfm2ForCausalLM

    return Lfm2ForCausalLM(Lfm2Config(**SMALL, layer_types=["conv", "full_attention"]))


def linear() -> Any:
    from transformers import Mamba2Config, Mamba2ForCausalLM

    sizes = {"num_heads": 4, "head_dim": 8, "n_groups": 1, "state_size": 8, "expand": 2}
    return Mamba2ForCausalLM(
        Mamba2Config(vocab_size=32, hidden_size=16, num_hidden_layers=2, **sizes)
    )


@pytest.mark.parametrize("make", [hybrid, linear])
def test_models_with_more_than_keys_and_values_get_the_plain_computation(make: Any) -> None:
    import torch

    torch.manual_seed(0)
    model = make().eval()
    rows = [[1, 5, 6, 7], [1, 5, 9], [1, 5, 6, 7, 8, 9]]
    found = next_token_log_probabilities(model, rows, 8)
    for row, got in zip(rows, found, strict=True):
        with torch.inference_mode():
            plain = model(torch.tensor([row]), use_cache=False).logits[0, -1].log_softmax(-1)
        assert got.numpy() == pytest.approx(plain.numpy(), abs=1e-5)


def test_a_model_of_attention_alone_shares_its_prompt() -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(LlamaConfig(**SMALL)).eval()
    assert copies_well(model(torch.tensor([[1, 2]]), use_cache=True).past_key_values)


def test_no_special_token_of_a_text_is_read_as_one(tmp_path: Path) -> None:
    from tokenizers import AddedToken
    from transformers import AutoTokenizer

    spec = write_model(tmp_path / "m", end="w0")
    tokenizer = AutoTokenizer.from_pretrained(spec.location)
    header = AddedToken("<|start_header_id|>", special=True)  # in no named role, as in Llama 3
    tokenizer.add_tokens([header], special_tokens=True)
    model = LocalModel(spec, None, tokenizer, "", "", 1)
    assert "<|start_header_id|>" not in model.tokenizer.all_special_tokens
    [token] = model._ids("<|start_header_id|>")
    assert token not in model._ids(model.render("w1 <|start_header_id|> w2"))
    assert "start_header_id" in model.render("w1 <|start_header_id|> w2"), "the text stays"


def test_what_generate_refuses_is_a_model_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LocalModel.load(write_model(tmp_path / "m", end="w0"), Settings(home=tmp_path))

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("this model cannot do that")

    monkeypatch.setattr(model.model, "generate", refuse)
    with pytest.raises(ModelError, match="cannot do that"):
        model.generate(
            "w1",
            Decoding(mode=Mode.REFERENCE),
            on_piece=lambda piece: None,
            cancelled=lambda: False,
        )
