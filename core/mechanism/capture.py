"""Keeps what happens inside a model while it reads a text: attention, head outputs, states.

1. Say what is wanted: which queries, layers and heads. Nothing else is kept.
2. A `Recorder` is bound to the model as the probe of its attention; residual states are taken by
   forward hooks on the decoder's layers.
3. `Capture` holds what was kept. With gradients enabled the tensors stay in the graph, so that a
   loss on them trains the model; under `torch.no_grad()` they are plain values.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import InputError
from core.mechanism.architecture import Architecture, first_tensor, hidden_states
from core.mechanism.attention import probed
from core.mechanism.request import Head


@dataclass(frozen=True)
class Wanted:
    """What is kept. Positions count tokens of the whole sequence from 0.

    `queries`: whose rows. `layers`, `heads`, `keys`: None = all. `states`: which residual states,
    l = before layer l and `depth` = after the last layer (before the final norm);
    `state_positions`: None = as `queries`. `scores`: also the pre-softmax scores.
    """

    queries: tuple[int, ...] = ()
    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None
    keys: tuple[int, ...] | None = None
    attention: bool = True
    scores: bool = False
    mixed: bool = True
    states: tuple[int, ...] = ()
    state_positions: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Capture:
    """What one sequence left. Only what was wanted is not None.

    attention `(layers, heads, queries, keys)`: softmax weights, each full row sums to 1.
    scores    `(layers, heads, queries, keys)`: q k^T * scaling before the mask; those of keys
              later than the query have a value but no effect.
    mixed     `(layers, heads, queries, head_dim)`: z, the values as a head mixed them, before W_O.
    states    `(states, positions, d_model)`: the residual stream.
    logits    `(positions, vocabulary)` where asked for.
    """

    architecture: Architecture
    layers: tuple[int, ...]
    heads: tuple[int, ...]
    queries: tuple[int, ...]
    keys: tuple[int, ...]
    attention: Tensor | None = None
    scores: Tensor | None = None
    mixed: Tensor | None = None
    state_layers: tuple[int, ...] = ()
    state_positions: tuple[int, ...] = ()
    states: Tensor | None = None
    logits: Tensor | None = None

    @property
    def bytes(self) -> int:
        """Memory of all that is kept."""
        kept = (self.attention, self.scores, self.mixed, self.states, self.logits)
        return sum(t.numel() * t.element_size() for t in kept if t is not None)

    @cached_property
    def _row_of_layer(self) -> dict[int, int]:
        return {layer: at for at, layer in enumerate(self.layers)}

    @cached_property
    def _column_of_head(self) -> dict[int, int]:
        return {head: at for at, head in enumerate(self.heads)}

    def writes(self, layer: int) -> Tensor:
        """Delta_h(q) = z_h(q) W_O[:, h]^T of every kept head, `(heads, queries, d_model)`."""
        weight = self.architecture.output_weight(layer)[list(self.heads)]
        mixed = _there(self.mixed, "mixed")[self._row_of_layer[layer]].to(weight.dtype)
        return torch.einsum("hqk,hdk->hqd", mixed, weight)

    def write(self, layer: int, head: int) -> Tensor:
        """One head's contribution to the residual stream, `(queries, d_model)`."""
        return self.writes_of([(layer, head)])[0]

    def writes_of(self, heads: Sequence[Head]) -> Tensor:
        """Contributions of any heads, `(len(heads), queries, d_model)`."""
        weights = torch.stack(
            [self.architecture.output_weight(layer)[head] for layer, head in heads]
        )
        mixed = self.of(heads, "mixed").to(weights.dtype)  # autocast mixes in another format
        return torch.einsum("nqk,ndk->nqd", mixed, weights)

    def of(self, heads: Sequence[Head], what: str = "attention") -> Tensor:
        """The attention, scores or mixed values of any heads, `(len(heads), queries, ...)`."""
        tensor = _there(getattr(self, what), what)
        rows = [self._row_of_layer[layer] for layer, _ in heads]
        columns = [self._column_of_head[head] for _, head in heads]
        return tensor[rows, columns]

    def state(self, layer: int) -> Tensor:
        """The residual stream before a layer (`depth`: after the last), `(positions, d_model)`."""
        return _there(self.states, "states")[self.state_layers.index(layer)]


def _there(tensor: Tensor | None, name: str) -> Tensor:
    if tensor is None:
        raise InputError(f"This capture kept no {name}.", f"Ask for {name} when capturing.")
    return tensor


class Recorder:
    """A probe that keeps what is wanted, for each row of a batch.

    `wanted`: one for all rows. Feed it one or more forward passes over consecutive parts of the
    same sequence (each on top of the cache of those before).
    """

    def __init__(
        self, architecture: Architecture, wanted: Wanted, *, own_position_only: bool = False
    ) -> None:
        self.own_position_only = own_position_only
        self.architecture = architecture
        self.wanted = wanted
        self.layers = _chosen(wanted.layers, architecture.depth, "layer")
        self.heads = _chosen(wanted.heads, architecture.heads, "head")
        self._wants_layer = frozenset(self.layers)
        self._kept: dict[tuple[str, int], list[Tensor]] = {}
        self._states: dict[int, list[Tensor]] = {}
        self._start = 0  # position of the first token of the pass that runs
        self._length = 0

    def scores(self, layer: int, scores: Tensor) -> None:
        self._start = scores.shape[-1] - scores.shape[-2]
        self._length = scores.shape[-1]
        if self.wanted.scores:
            self._keep("scores", layer, scores, self.wanted.keys)

    def weights(self, layer: int, weights: Tensor) -> Tensor:
        if self.wanted.attention:
            self._keep("attention", layer, weights, self.wanted.keys)
        return weights

    def mixed(self, layer: int, mixed: Tensor) -> Tensor:
        if self.wanted.mixed:
            self._keep("mixed", layer, mixed, None)
        return mixed

    def wants(self, layer: int) -> bool:
        """Whether anything of a layer's attention is to be kept."""
        return layer in self._wants_layer and bool(self.wanted.queries)

    def wanted_rows(self, layer: int, weights: Tensor, mixed: Tensor) -> None:
        """Keeps attention `(1, heads, wanted queries, tokens)` and mixed values of a whole sequence
        whose other queries' rows nobody has computed."""
        self._length = weights.shape[-1]
        if self.wanted.attention:
            self._keep_rows("attention", layer, weights, self.wanted.keys)
        if self.wanted.mixed:
            self._keep_rows("mixed", layer, mixed, None)

    def _keep(self, what: str, layer: int, tensor: Tensor, keys: tuple[int, ...] | None) -> None:
        """`tensor`: `(rows, heads, queries, anything)`."""
        if layer not in self._wants_layer:
            return
        at = [q - self._start for q in self.wanted.queries]
        inside = [q for q in at if 0 <= q < tensor.shape[2]]
        if not inside:
            return
        if inside != list(range(tensor.shape[2])):
            tensor = tensor[:, :, inside]
        self._keep_rows(what, layer, tensor, keys)

    def _keep_rows(
        self, what: str, layer: int, tensor: Tensor, keys: tuple[int, ...] | None
    ) -> None:
        """`tensor`: `(rows, heads, wanted queries, anything)`."""
        if self.wanted.heads is not None:
            tensor = tensor[:, list(self.heads)]
        if keys is not None:
            tensor = tensor[..., [k for k in keys if k < tensor.shape[-1]]]
        self._kept.setdefault((what, layer), []).append(tensor)

    def _keep_state(self, layer: int, states: Tensor, start: int) -> None:
        """`states`: `(rows, tokens, d_model)` of the tokens from position `start` on."""
        at = [p - start for p in self.state_positions]
        inside = [p for p in at if 0 <= p < states.shape[1]]
        if inside:
            self._states.setdefault(layer, []).append(states[:, inside])

    @property
    def state_positions(self) -> tuple[int, ...]:
        chosen = self.wanted.state_positions
        return self.wanted.queries if chosen is None else chosen

    def capture(self, row: int = 0, logits: Tensor | None = None) -> Capture:
        """What a row of the batch left. `logits` `(positions, vocabulary)` are put beside it."""
        keys = self.wanted.keys
        states = [torch.cat(self._states[layer], 1)[row] for layer in self.wanted.states]
        return Capture(
            self.architecture,
            self.layers,
            self.heads,
            self.wanted.queries,
            tuple(range(self._length)) if keys is None else keys,
            self._stacked("attention", row),
            self._stacked("scores", row),
            self._stacked("mixed", row),
            self.wanted.states,
            self.state_positions if self.wanted.states else (),
            torch.stack(states) if states else None,
            logits,
        )

    def _stacked(self, what: str, row: int) -> Tensor | None:
        if not getattr(self.wanted, what) or not self.wanted.queries:
            return None
        by_layer = [_joined([t[row] for t in self._kept[what, layer]]) for layer in self.layers]
        return torch.stack(by_layer)


def _joined(parts: list[Tensor]) -> Tensor:
    """Parts `(heads, queries, n)` one after another; a shorter n (fewer keys read) is filled with
    0, which is the weight of a key not yet read."""
    longest = max(part.shape[-1] for part in parts)
    return torch.cat(
        [nn.functional.pad(part, (0, longest - part.shape[-1])) for part in parts], dim=1
    )


def _chosen(chosen: tuple[int, ...] | None, count: int, what: str) -> tuple[int, ...]:
    if chosen is None:
        return tuple(range(count))
    wrong = [number for number in chosen if not 0 <= number < count]
    if wrong:
        raise InputError(
            f"There is no {what} {wrong[0]} in this model.", f"It has {what}s 0 to {count - 1}."
        )
    return chosen


@contextmanager
def recording(recorder: Recorder, start: int = 0) -> Iterator[None]:
    """Binds a recorder to its model for forward passes that begin at position `start`.

    One pass a block where states are wanted.
    """
    with probed(recorder.architecture.model, recorder), state_hooks(recorder, start):
        yield


@contextmanager
def state_hooks(recorder: Recorder, start: int) -> Iterator[None]:
    """Hooks that keep the residual stream before the wanted layers, or after the last."""
    architecture = recorder.architecture
    handles = []

    def before(layer: int) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            recorder._keep_state(layer, hidden_states(args, kwargs), start)

        return hook

    def after(_: nn.Module, __: Any, output: Any) -> None:
        recorder._keep_state(architecture.depth, first_tensor(output), start)

    for layer in _chosen(recorder.wanted.states, architecture.depth + 1, "state"):
        if layer == architecture.depth:
            handles.append(architecture.layers[-1].register_forward_hook(after))
        else:
            module = architecture.layers[layer]
            handles.append(module.register_forward_pre_hook(before(layer), with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def capture(
    architecture: Architecture,
    ids: Tensor | Sequence[int],
    wanted: Wanted,
    *,
    logits_at: Sequence[int] | None = (),
    embeddings: Tensor | None = None,
) -> Capture:
    """One forward pass over a sequence of token ids `(tokens,)`, keeping what is wanted.

    `logits_at`: positions whose logits are kept, None = all. `embeddings` `(tokens, d_model)`
    stand in for those of the ids. Gradients flow where they are enabled. Raises InputError for
    positions outside the sequence, ModelError for attention that cannot be done exactly.
    """
    tokens = torch.as_tensor(ids, device=architecture.device)
    _check_positions(len(tokens), wanted, logits_at or ())
    at = list(range(len(tokens)) if logits_at is None else logits_at)
    inputs: dict[str, Any] = {"input_ids": tokens[None]}
    if embeddings is not None:
        inputs = {"inputs_embeds": embeddings[None]}
    keep = torch.tensor(at or [len(tokens) - 1], device=architecture.device)
    recorder = Recorder(architecture, wanted)
    with recording(recorder):
        output = architecture.model(**inputs, use_cache=False, logits_to_keep=keep)
    return recorder.capture(logits=output.logits[0] if at else None)


def _check_positions(tokens: int, wanted: Wanted, logits_at: Sequence[int]) -> None:
    asked = (wanted.queries, wanted.keys or (), wanted.state_positions or (), logits_at)
    wrong = [p for positions in asked for p in positions if not 0 <= p < tokens]
    if wrong:
        raise InputError(
            f"Position {wrong[0]} is not in a sequence of {tokens} tokens.",
            "Choose positions from 0 to one less than the number of tokens.",
        )
    if list(wanted.queries) != sorted(set(wanted.queries)):
        raise InputError("Query positions must rise.", "Sort them and leave repeats out.")
