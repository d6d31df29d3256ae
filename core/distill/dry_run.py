"""A dry run of a distillation too large for this machine: shapes on torch's meta device alone.

    python -m core.distill.dry_run [--cards 8] [--memory-gib 80] [--tokens 768] [--json]

A teacher of Llama-3 70B's shape and a student of the 8B's, each with its adapter, are built without
memory; their layers are found and cut by core/distill/fsdp.yaml as a real launch would; one pass of
mechanistic distillation goes through both, and every tensor of the phases has the shape that the
losses ask for. What a card must hold is counted. No step is made: that needs the cards.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml  # type: ignore[import-untyped]

from core.distill.base import select_heads
from core.distill.packed import hidden_states
from core.distill.sharding import kept_whole, layers_of
from core.errors import ModelError
from core.mechanism.architecture import Architecture
from core.mechanism.capture import Recorder, Wanted
from core.models.adapters import with_adapter

FSDP = Path(__file__).with_name("fsdp.yaml")
GIB = 2**30
WEIGHT_BYTES = 2  # of frozen weights, and of what a pass keeps: bfloat16
ADAPTER_BYTES = 16  # float32 with its gradient and AdamW's two moments
QUERIES, HEADS = 160, 14  # of a phase; read inside both models


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides a Llama's size."""

    name: str
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int = 8
    vocab_size: int = 128_256


TEACHER = Shape("Llama-3 70B", 8192, 28_672, 80, 64)
STUDENT = Shape("Llama-3 8B", 4096, 14_336, 32, 32)


def dry_run(
    teacher: Shape, student: Shape, cards: int, memory_gib: float, tokens: int, rank: int = 16
) -> dict[str, Any]:
    """Plain data; `fits` says whether a card holds its part. Raises ModelError where the two cannot
    be distilled, or the configuration names no layer of theirs."""
    if teacher.vocab_size != student.vocab_size:
        raise ModelError("Teacher and student have other vocabularies.", "Use one family.")
    wanted = yaml.safe_load(FSDP.read_text(encoding="utf-8"))["fsdp_config"]
    classes = [wanted["fsdp_transformer_layer_cls_to_wrap"]]
    found: dict[str, Any] = {"cards": cards, "memory_gib": memory_gib, "tokens": tokens}
    for role, shape in (("teacher", teacher), ("student", student)):
        model = on_meta(shape, rank)
        part = memory(model, layers_of(model, classes), cards)
        found[role] = {
            "name": shape.name,
            **part,
            "weights_gib": sum(value for name, value in part.items() if name.endswith("_gib")),
            "trained_pass_gib": pass_through(model, tokens, trained=True) / GIB,
            "read_pass_gib": pass_through(model, tokens, trained=False) / GIB,
        }
    one, two = found["teacher"], found["student"]
    found["teaching_gib"] = one["weights_gib"] + one["trained_pass_gib"]
    found["distilling_gib"] = (
        one["weights_gib"] + one["read_pass_gib"] + two["weights_gib"] + two["trained_pass_gib"]
    )
    found["fits"] = max(found["teaching_gib"], found["distilling_gib"]) < memory_gib
    return found


def on_meta(shape: Shape, rank: int) -> Any:
    """The model with its adapter, without memory."""
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {name: getattr(shape, name) for name in Shape.__slots__ if name != "name"}
    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(**sizes, tie_word_embeddings=False))
        return with_adapter(model, rank, 2 * rank, seed=0)


def memory(model: Any, layers: Sequence[Any], cards: int) -> dict[str, float]:
    """What a card holds of weights, in GiB: its share of what is cut, one layer that has come
    together, what is whole, and adapters with their optimizer."""
    whole = {p for layer in layers for p in kept_whole(layer)}
    cut = [[p for p in layer.parameters() if p not in whole] for layer in layers]
    inside = {p for part in cut for p in part}
    adapters = [p for p in model.parameters() if p.requires_grad]
    rest = [p for p in model.parameters() if p not in inside and not p.requires_grad]

    def gib(parameters: Sequence[Any], each: float) -> float:
        count: int = sum(p.numel() for p in parameters)
        return count * each / GIB

    return {
        "parameters_1e9": sum(p.numel() for p in model.parameters()) / 1e9,
        "cut_gib": gib(list(inside), WEIGHT_BYTES / cards),
        "one_layer_gib": 2 * gib(max(cut, key=len), WEIGHT_BYTES),  # this one, and the next comes
        "whole_gib": gib(rest, WEIGHT_BYTES),
        "adapter_gib": gib(adapters, ADAPTER_BYTES),
    }


def pass_through(model: Any, tokens: int, *, trained: bool) -> int:
    """Bytes that one pass keeps: what backward needs where the model is trained, else one layer's.

    Raises ModelError where what is read inside has not the shape that the losses ask for.
    """
    architecture = Architecture.of(model)
    layers = tuple(range(0, architecture.depth, max(architecture.depth // HEADS, 1)))[:HEADS]
    heads = [(layer, 0) for layer in layers]
    queries = tuple(range(tokens - QUERIES, tokens))
    read = Recorder(
        architecture,
        Wanted(queries, layers, states=tuple(range(architecture.depth)), state_positions=(1, 2)),
    )
    kept = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        source = tensor if tensor._base is None else tensor._base  # a matrix is kept transposed
        if not isinstance(source, torch.nn.Parameter):
            kept += tensor.numel() * WEIGHT_BYTES
        return tensor

    saved = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with torch.set_grad_enabled(trained), saved:
        ids = torch.zeros(tokens, dtype=torch.long, device="meta")
        (hidden,) = hidden_states(model, [ids], [read])
    seen = read.capture()
    attention = select_heads(seen.of(heads)[None], [(0, at) for at in range(len(heads))])
    shapes = {
        "hidden": (tuple(hidden.shape), (tokens, architecture.d_model)),
        "attention": (tuple(attention.shape), (len(heads), QUERIES, tokens)),
        "writes": (
            tuple(seen.writes_of(heads).shape), (len(heads), QUERIES, architecture.d_model)
        ),
    }  # fmt: skip
    for name, (got, asked) in shapes.items():
        if got != asked:
            raise ModelError(f"{name} has the shape {got} where {asked} is asked for.", "")
    config = model.config
    alone = tokens * (config.hidden_size + 2 * config.intermediate_size) * WEIGHT_BYTES * 4
    return kept if trained else int(alone)


def main() -> int:
    """The exit status: 1 where a card does not hold its part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--cards", type=int, default=8)
    parser.add_argument("--memory-gib", type=float, default=80.0)
    parser.add_argument("--tokens", type=int, default=768, help="of a pass: the longest text")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = dry_run(TEACHER, STUDENT, asked.cards, asked.memory_gib, asked.tokens)
    if asked.json:
        print(json.dumps(found))
    else:
        for role in ("teacher", "student"):
            part = found[role]
            sizes = [
                f"{name.removesuffix('_gib').replace('_', ' ')} {value:.1f}"
                for name, value in part.items()
                if name.endswith("_gib")
            ]
            size = f"{part['parameters_1e9']:.1f}e9 parameters"
            print(f"{role} ({part['name']}, {size}): {', '.join(sizes)} GiB")
        fits = "fits into" if found["fits"] else "does not fit into"
        held = f"{found['teaching_gib']:.1f} to teach, {found['distilling_gib']:.1f} to distil"
        print(f"Each of {asked.cards} cards: {held}; {fits} {asked.memory_gib:g} GiB.")
    return 0 if found["fits"] else 1


if __name__ == "__main__":
    sys.exit(main())
