"""From a model's spec to the loaded model, its tokenizer and what identifies both."""

from typing import Any

from core.config import Settings
from core.errors import ModelError
from core.models import packaged
from core.models.base import ModelKind, ModelSpec
from core.models.loading import read_folder, read_gguf, read_hub
from core.models.weights import find_weights, fingerprint


def special_texts(tokenizer: Any) -> list[str]:
    """Every text that is read as a special token, longest first: also those that were added
    without a name, such as Llama 3's <|start_header_id|>."""
    added = (t.content for t in tokenizer.added_tokens_decoder.values() if t.special)
    texts = {text for text in (*tokenizer.all_special_tokens, *added) if len(text) > 1}
    return sorted(texts, key=lambda text: (-len(text), text))


def as_list(value: Any) -> list[int]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [int(value)]


def ends_of(name: str, of_model: Any, of_tokenizer: Any) -> list[int]:
    """The tokens that end an answer, never none of them. Raises ModelError."""
    ends = as_list(of_model) or as_list(of_tokenizer)
    if not ends:
        raise ModelError(
            f"{name} has no end-of-text token, so its answers would never end.",
            "Set eos_token in tokenizer_config.json, or eos_token_id in generation_config.json.",
        )
    return ends


def in_format(model: Any, device: str, dtype: Any) -> None:
    """Moves a model to a device and its weights to a number format.

    What it keeps beside its weights stays as it is: the frequencies of rotary positions in
    bfloat16 would turn position 500 by a radian too much or too little.
    """
    model.to(device=device)
    for weight in model.parameters():
        weight.data = weight.data.to(dtype)


def read_spec(spec: ModelSpec, settings: Settings, dtype: Any) -> tuple[Any, Any, str, str]:
    """(model, tokenizer, fingerprint of the weights, and of the files beside them) of a spec that
    runs in this process."""
    if spec.kind is ModelKind.HUB:
        model, tokenizer = read_hub(spec.location, dtype)
        commit = getattr(model.config, "_commit_hash", None)
        return model, tokenizer, f"hub:{spec.location}@{commit or 'unknown'}", ""
    packaged_model = spec.kind is ModelKind.PACKAGED
    location = str(packaged.ensure(settings)) if packaged_model else spec.location
    weights = find_weights(location)
    if weights.gguf:
        model, tokenizer = read_gguf(weights.files[0], "float32")
    else:
        model, tokenizer = read_folder(weights, dtype)
    notebook = settings.cache_dir / "weights.json"
    beside = fingerprint(weights.companions, notebook) if weights.companions else ""
    return model, tokenizer, fingerprint(weights.files, notebook), beside
