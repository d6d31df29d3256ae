"""What the inside view must know of a transformer, read off the loaded model and then checked.

1. The decoder's layers are found, and in each the one module that projects heads back to the
   residual stream (`o_proj`). Its columns, cut into equal parts, are W_O[:, h] of the heads.
2. Whether "residual stream = what came in + attention output" really holds is not believed but
   tried: `check` sends a few tokens through and compares, and compares the logits of our
   attention with the model's own. A model that norms or scales the attention output before it is
   added (Gemma 2, Granite) or that mixes in other layers (Mamba, encoder-decoder) is refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import ModelError

FIX = "Choose a plain decoder-only model: Llama, Mistral, Qwen2, Qwen3, SmolLM and their kin."
_TRIED_TOKENS = 6


@dataclass(frozen=True)
class Architecture:
    """A decoder-only transformer whose heads write to the residual stream by addition.

    `layers`: the decoder's blocks; `attention`: their attention modules, in the same order.
    `heads` query heads share `kv_heads` keys and values; `head_dim` is the width of what a head
    mixes, `d_model` that of the residual stream.
    """

    model: Any
    layers: tuple[nn.Module, ...]
    attention: tuple[nn.Module, ...]
    heads: int
    kv_heads: int
    head_dim: int
    d_model: int

    @classmethod
    def of(cls, model: Any) -> "Architecture":
        """Reads a transformers causal language model. Raises ModelError for what is no plain
        decoder; `check` must pass before numbers are trusted."""
        config = model.config
        if getattr(config, "is_encoder_decoder", False):
            raise ModelError("Encoder-decoder models have no single residual stream.", FIX)
        layers = tuple(_layers(model))
        attention = tuple(_attention(at, layer) for at, layer in enumerate(layers))
        heads = int(config.num_attention_heads)
        shapes = {tuple(_plain(module.o_proj).weight.shape) for module in attention}
        if len(shapes) != 1 or next(iter(shapes))[1] % heads:
            raise ModelError("The layers of this model have heads of different sizes.", FIX)
        d_model, width = next(iter(shapes))
        groups = {int(getattr(module, "num_key_value_groups", 1)) for module in attention}
        if len(groups) != 1:
            raise ModelError("The layers of this model share keys in different ways.", FIX)
        kv_heads = heads // groups.pop()
        return cls(model, layers, attention, heads, kv_heads, width // heads, d_model)

    @property
    def depth(self) -> int:
        """Layers."""
        return len(self.layers)

    @property
    def all_heads(self) -> tuple[tuple[int, int], ...]:
        """Every (layer, head)."""
        return tuple((layer, head) for layer in range(self.depth) for head in range(self.heads))

    @property
    def device(self) -> torch.device:
        return torch.device(self.model.device)

    def output_weight(self, layer: int) -> Tensor:
        """W_O of a layer by head, `(heads, d_model, head_dim)`: head h writes W_O[h] @ z_h."""
        weight = _weight(self.attention[layer].o_proj)
        return weight.view(self.d_model, self.heads, self.head_dim).transpose(0, 1)

    def output_bias(self, layer: int) -> Tensor | None:
        """What the projection adds for no head in particular, `(d_model,)`, or None."""
        bias: Tensor | None = _plain(self.attention[layer].o_proj).bias
        return bias

    @property
    def final_norm(self) -> nn.Module:
        """The norm between the last residual state and the unembedding. Raises ModelError."""
        norm = getattr(decoder_of(self.model), "norm", None)
        if not isinstance(norm, nn.Module):
            raise ModelError("The final norm of this model was not found.", FIX)
        return norm

    @property
    def unembedding(self) -> Tensor:
        """`(vocabulary, d_model)`: logits = unembedding @ final_norm(state) (+ bias)."""
        weight: Tensor = self.model.get_output_embeddings().weight
        return weight

    @property
    def embedding(self) -> Tensor:
        """`(vocabulary, d_model)` of the input tokens."""
        weight: Tensor = self.model.get_input_embeddings().weight
        return weight


def decoder_of(model: Any) -> Any:
    """The stack of layers inside a causal language model."""
    return model.get_decoder() if hasattr(model, "get_decoder") else model.base_model


def _layers(model: Any) -> Iterator[nn.Module]:
    layers = getattr(decoder_of(model), "layers", None)
    if not isinstance(layers, nn.ModuleList) or not len(layers):
        raise ModelError(f"{type(model).__name__} keeps its layers in an unknown place.", FIX)
    yield from layers


def _attention(at: int, layer: nn.Module) -> nn.Module:
    """The one attention module of a layer. Raises ModelError where there is none, or another."""
    found = [m for m in layer.children() if isinstance(getattr(m, "o_proj", None), nn.Module)]
    if len(found) != 1 or getattr(found[0], "layer_idx", None) != at:
        raise ModelError(
            f"Layer {at} of this model is no plain attention layer ({type(layer).__name__}).", FIX
        )
    if getattr(found[0], "is_causal", True) is False:
        raise ModelError(f"Layer {at} of this model attends to later tokens.", FIX)
    _plain(found[0].o_proj)
    return found[0]


def _plain(projection: Any) -> nn.Linear:
    """The matrix of an output projection, without its adapters. Raises ModelError."""
    plain = getattr(projection, "base_layer", projection)
    if not isinstance(plain, nn.Linear) or not plain.weight.is_floating_point():
        raise ModelError(
            f"The output projection is a {type(plain).__name__}, not a plain matrix.",
            "Load the model without quantization.",
        )
    return plain


def _weight(projection: Any) -> Tensor:
    """The matrix that a projection multiplies with: its own, and its low-rank adapters (peft's)."""
    weight: Tensor = _plain(projection).weight
    for name in getattr(projection, "active_adapters", ()):
        if name in projection.lora_A:
            up, down = projection.lora_B[name].weight, projection.lora_A[name].weight
            weight = weight + projection.scaling[name] * (up @ down)
    return weight


def check(architecture: Architecture) -> None:
    """Tries what the inside view stands on, with a few tokens. Raises ModelError.

    Our attention must give the model's own logits, and each layer's output must be what came in +
    the attention output + what the rest of the layer adds, so that a head's write is its share of
    the residual stream.
    """
    from core.mechanism.attention import probed

    model = architecture.model
    tokens = min(_TRIED_TOKENS, architecture.embedding.shape[0])
    ids = torch.arange(tokens, device=architecture.device)[None]
    with torch.no_grad(), _in_eval(model):
        own = model(ids, use_cache=False).logits.float()
        with probed(model, None), _parts(architecture) as parts:
            ours = model(ids, use_cache=False).logits.float()
    exact = model.dtype == torch.float32
    if not _close(own, ours, exact):
        raise ModelError("Attention recomputed outside this model gives other logits.", FIX)
    for at, part in enumerate(parts):
        total = part["in"] + part["attention"] + part["rest"]
        if not _close(total, part["out"], exact):
            raise ModelError(
                f"Layer {at} of this model changes the attention output before adding it.", FIX
            )


def _close(a: Tensor, b: Tensor, exact: bool) -> bool:
    """In float32 to rounding. In 16 bits the rounding of 30 layers is seen in single values (as
    much as 0.14 of the largest, with AMX), so on the whole: another attention is as far as the
    values are wide."""
    if exact:
        return bool((a - b).abs().max() <= 1e-3 * (1 + b.abs().max()))
    return bool((a - b).float().abs().mean() <= 0.1 * (1e-3 + b.float().std()))


@contextmanager
def _in_eval(model: Any) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@contextmanager
def _parts(architecture: Architecture) -> Iterator[list[dict[str, Tensor]]]:
    """Per layer what goes in, what its attention and its other module give, what comes out."""
    parts: list[dict[str, Tensor]] = [{} for _ in architecture.layers]
    handles = []
    rests = [_rest(architecture, at) for at in range(architecture.depth)]
    for at, (layer, rest) in enumerate(zip(architecture.layers, rests, strict=True)):
        part = parts[at]
        handles += [
            layer.register_forward_pre_hook(_keep_input(part), with_kwargs=True),
            layer.register_forward_hook(_keep_output(part, "out")),
            architecture.attention[at].register_forward_hook(_keep_output(part, "attention")),
            rest.register_forward_hook(_keep_output(part, "rest")),
        ]
    try:
        yield parts
    finally:
        for handle in handles:
            handle.remove()


def _rest(architecture: Architecture, at: int) -> nn.Module:
    """The module of a layer that is neither its attention nor a norm. Raises ModelError."""
    found = [
        module
        for module in architecture.layers[at].children()
        if module is not architecture.attention[at] and any(module.children())
    ]
    if len(found) != 1:
        raise ModelError(f"Layer {at} of this model has parts that are unknown here.", FIX)
    return found[0]


def _keep_input(part: dict[str, Tensor]) -> Any:
    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        part["in"] = hidden_states(args, kwargs).float()

    return hook


def _keep_output(part: dict[str, Tensor], name: str) -> Any:
    def hook(_: nn.Module, __: Any, output: Any) -> None:
        part[name] = first_tensor(output).float()

    return hook


def hidden_states(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """The residual stream that a decoder layer is called with."""
    states: Tensor = args[0] if args else kwargs["hidden_states"]
    return states


def first_tensor(output: Any) -> Tensor:
    """A module's output where it is a tensor, or the first of several."""
    tensor: Tensor = output[0] if isinstance(output, tuple) else output
    return tensor
