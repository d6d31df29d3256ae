"""CoarseScore and RefineScore of every head (arXiv 2606.06840), from one reading of one example.

    CoarseScore(h) = mean over early q of kappa(h, q) * cos(Delta_h(q), c_anchor)
    RefineScore(h) = mean over late q of (mean QK over right names - mean QK over near misses)
                     * <Delta_h(q), grad of margin(q)>

1. The prompt is read once without gradients; its keys and values and the anchors' states stay.
2. The trace is read on top of it with gradients. Each position's output depends, for gradients,
   on its own key and value alone (`Probe.own_position_only`), so the backward pass of the sum of
   all margins gives every position the gradient of its own margin and of no other's. The gradient
   is that with respect to the attention output at that layer and position, which is where heads
   write.
3. Everything else is arithmetic on what was captured, in float32.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import InputError
from core.mechanism.architecture import Architecture, first_tensor
from core.mechanism.capture import Capture, Recorder, Wanted, state_hooks
from core.mechanism.conventions import Conventions, KurtosisKeys
from core.mechanism.patching import rank_correlation
from core.mechanism.positions import Roles, Tokens
from core.mechanism.results import Grid, HeadScores
from core.mechanism.runs import embed, forward


def excess_kurtosis(weights: Tensor) -> Tensor:
    """Fisher's excess kurtosis over the last dimension, by population moments: m4 / m2^2 - 3.

    0 for a normal distribution, > 0 leptokurtic (sharp); it does not depend on scale or shift. A
    row whose weights are all equal has no kurtosis and gets 0: it is not sharp. Raises InputError
    for fewer than 4 weights.
    """
    if weights.shape[-1] < 4:
        raise InputError("Kurtosis needs at least 4 keys.", "Use a longer text.")
    values = weights.double()  # the fourth moment of weights near 1e-4 is near 1e-16
    mean = values.mean(-1, keepdim=True)
    second = (values - mean).pow(2).mean(-1)
    fourth = (values - mean).pow(4).mean(-1)
    constant = second <= (1e-6 * mean[..., 0]).pow(2)
    found = fourth / second.pow(2).clamp_min(torch.finfo(torch.float64).tiny) - 3
    return torch.where(constant, torch.zeros_like(found), found).float()


def head_scores(
    architecture: Architecture,
    tokens: Tokens,
    roles: Roles,
    pairs: Sequence[tuple[int, int]],
    conventions: Conventions,
) -> HeadScores:
    """Both scores of all heads, `(layers, heads)`. Raises InputError, ModelError.

    `pairs`: tokens of the margin. Without pairs, or without keys that name both sides, there is
    no RefineScore, and the result says why.
    """
    conventions.check()
    seen, states, gradients = _read(architecture, tokens, roles, pairs)
    sinks = _sinks(seen, roles, conventions)
    with torch.no_grad():
        coarse, kappa, cosine = _coarse(seen, states, roles, conventions, ())
        without, _, _ = _coarse(seen, states, roles, conventions, sinks)
        missing = roles.missing or ("" if pairs else "There is no near miss to set against.")
        refine = None if missing else _refine(seen, gradients, roles)
    chosen = without if conventions.exclude_sink else coarse
    return HeadScores(
        coarse=_grid(chosen),
        refine=None if refine is None else _grid(refine),
        refine_missing=missing,
        kurtosis=_grid(kappa),
        write_cosine=_grid(cosine),
        coarse_other_sink=_grid(coarse if conventions.exclude_sink else without),
        sink_rank_correlation=rank_correlation(
            coarse.flatten().tolist(), without.flatten().tolist()
        ),
        sinks=sinks,
        roles=roles,
        capture_bytes=seen.bytes,
    )


def margin_gradients(
    architecture: Architecture,
    tokens: Sequence[int],
    start: int,
    late: Sequence[int],
    pairs: Sequence[tuple[int, int]],
) -> Tensor:
    """d margin(q) / d attention output at (layer, q), `(layers, len(late), d_model)`.

    Only tokens from `start` on are read with gradients; every q must be among them.
    """
    past, _ = _prompt(architecture, tokens[:start], (), 0)
    recorder = Recorder(
        architecture, Wanted((), attention=False, mixed=False), own_position_only=True
    )
    return _trace(architecture, tokens, start, past, recorder, late, pairs)


def _read(
    architecture: Architecture,
    tokens: Tokens,
    roles: Roles,
    pairs: Sequence[tuple[int, int]],
) -> tuple[Capture, Tensor, Tensor]:
    """(what was captured, anchors' states `(layers, anchors, d_model)`, gradients)."""
    queries = tuple(sorted({*roles.early, *roles.late}))
    start = queries[0]
    past, states = _prompt(architecture, tokens.ids[:start], roles.anchors, architecture.depth)
    wanted = Wanted(queries, scores=bool(roles.right and roles.wrong))
    recorder = Recorder(architecture, wanted, own_position_only=True)
    late = roles.late if pairs else ()
    gradients = _trace(
        architecture, tokens.ids[: queries[-1] + 1], start, past, recorder, late, pairs
    )
    return recorder.capture(), states, gradients


def _prompt(
    architecture: Architecture, ids: Sequence[int], anchors: Sequence[int], layers: int
) -> tuple[Any, Tensor]:
    wanted = Wanted(states=tuple(range(layers)), state_positions=tuple(anchors))
    recorder = Recorder(architecture, wanted)
    with torch.no_grad(), state_hooks(recorder, 0):
        if not ids:
            return (), torch.zeros(0)
        _, past = forward(architecture, embed(architecture, ids), (), None, [len(ids) - 1])
    states = recorder.capture().states
    return past, torch.zeros(0) if states is None else states.float()


def _trace(
    architecture: Architecture,
    ids: Sequence[int],
    start: int,
    past: Any,
    recorder: Recorder,
    late: Sequence[int],
    pairs: Sequence[tuple[int, int]],
) -> Tensor:
    """Reads ids[start:]; the gradients of the margins at `late`, or none."""
    embeddings = embed(architecture, ids[start:]).detach()
    if not late or not pairs:
        with torch.no_grad():
            forward(architecture, embeddings, past, recorder, [0])
        return torch.zeros(0)
    with torch.enable_grad(), _outputs(architecture) as outputs:
        at = [q - start for q in late]
        logits, _ = forward(architecture, embeddings.requires_grad_(), past, recorder, at)
        right, wrong = ([pair[side] for pair in pairs] for side in (0, 1))
        margins = (logits[0][:, right] - logits[0][:, wrong]).float().mean(-1)  # (late,)
        found = torch.autograd.grad(margins.sum(), outputs)
    return torch.stack([gradient[0, at].float() for gradient in found])


@contextmanager
def _outputs(architecture: Architecture) -> Iterator[list[Tensor]]:
    """The attention output of each layer in the graph, `(1, tokens, d_model)`."""
    outputs: list[Tensor] = []

    def hook(_: nn.Module, __: Any, output: Any) -> None:
        outputs.append(first_tensor(output))

    handles = [module.register_forward_hook(hook) for module in architecture.attention]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _rows(seen: Capture, queries: Sequence[int]) -> list[int]:
    place = {query: at for at, query in enumerate(seen.queries)}
    return [place[query] for query in queries]


def _sinks(seen: Capture, roles: Roles, conventions: Conventions) -> tuple[int, ...]:
    """Sink tokens among the keys: the first ones, and those that get much of all attention."""
    every = seen.of(seen.architecture.all_heads)[:, _rows(seen, roles.early)].detach()
    mass = every.float().mean((0, 1))  # (keys,)
    heavy = (mass > conventions.sink_mass).nonzero()[:, 0].tolist()
    return tuple(sorted({*range(min(conventions.sink_tokens, len(mass))), *heavy}))


def _coarse(
    seen: Capture,
    states: Tensor,
    roles: Roles,
    conventions: Conventions,
    left_out: Sequence[int],
) -> tuple[Tensor, Tensor, Tensor]:
    """(CoarseScore, mean kappa, mean cosine), each `(layers, heads)`."""
    rows = _rows(seen, roles.early)
    document = conventions.kurtosis_keys is KurtosisKeys.DOCUMENT
    keys = roles.document if document else tuple(range(seen.queries[0] + 1))
    keys = tuple(key for key in keys if key not in set(left_out))
    kept = [at for at, anchor in enumerate(roles.anchors) if anchor not in set(left_out)]
    direction = states[:, kept or list(range(len(roles.anchors)))].mean(1)  # (layers, d_model)
    score, kappas, cosines = [], [], []
    for layer in range(len(seen.layers)):
        attention = seen.of([(layer, head) for head in seen.heads])[:, rows]
        kappa = excess_kurtosis(attention[..., keys])  # (heads, early)
        write = seen.writes(layer)[:, rows].float()
        cosine = torch.cosine_similarity(write, direction[layer][None, None], dim=-1)
        score.append((kappa * cosine).mean(1))
        kappas.append(kappa.mean(1))
        cosines.append(cosine.mean(1))
    return torch.stack(score), torch.stack(kappas), torch.stack(cosines)


def _refine(seen: Capture, gradients: Tensor, roles: Roles) -> Tensor:
    """RefineScore `(layers, heads)`; keys later than a query do not count for it."""
    rows = _rows(seen, roles.late)
    score = []
    for layer in range(len(seen.layers)):
        heads = [(layer, head) for head in seen.heads]
        qk = seen.of(heads, "scores")[:, rows].float()  # (heads, late, keys)
        gap = _mean_before(qk, roles.right, roles.late) - _mean_before(qk, roles.wrong, roles.late)
        write = seen.writes(layer)[:, rows].float()
        gain = (write * gradients[layer][None]).sum(-1)
        score.append((gap * gain).mean(1))
    return torch.stack(score)


def _mean_before(qk: Tensor, keys: Sequence[int], queries: Sequence[int]) -> Tensor:
    """Mean over the keys not later than each query, `(heads, queries)`; 0 where there is none."""
    at = torch.tensor(list(keys), device=qk.device)
    read = at[None] <= torch.tensor(list(queries), device=qk.device)[:, None]
    return (qk[..., at] * read).sum(-1) / read.sum(-1).clamp_min(1)


def _grid(values: Tensor) -> Grid:
    found: Grid = values.detach().float().cpu().numpy()
    return found
