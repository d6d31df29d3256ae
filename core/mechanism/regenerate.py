"""Greedy text under a patch: two runs in lockstep on the same new tokens.

1. Both prompts, equally long, are read; the target's chosen heads take what the source's do.
2. The target's likeliest token is written, and read by both runs in one batch of two rows, in
   which the target's chosen heads again take what the source's do. And so on, until the model
   ends, the limit is reached or the reader cancels.
"""

import time
from collections.abc import Callable, Sequence

import torch

from core.errors import InputError
from core.mechanism.architecture import Architecture
from core.mechanism.corruption import Corrupted
from core.mechanism.request import Head, PatchKind
from core.mechanism.runs import Lockstep, embed, forward, prefix, repeated
from core.models.base import Generated, Piece
from core.models.local import LocalModel
from core.models.streaming import TokenStreamer
from core.traces.base import FinishReason

MOST_TOKENS = 512


def regenerate(
    model: LocalModel,
    architecture: Architecture,
    ids: Sequence[int],
    corrupted: Corrupted,
    noising: bool,
    kind: PatchKind,
    heads: Sequence[Head],
    *,
    max_new_tokens: int,
    on_piece: Callable[[Piece], None],
    cancelled: Callable[[], bool],
) -> Generated:
    """What the clean run (noising) or the corrupted run writes with its heads patched.

    No head: what the run writes by itself. Raises InputError for limits no run keeps.
    """
    limit = model.context_tokens
    if not 1 <= max_new_tokens <= MOST_TOKENS:
        raise InputError(
            f"{max_new_tokens} new tokens were asked for.", f"Ask for 1 to {MOST_TOKENS}."
        )
    if limit is not None and len(ids) + max_new_tokens > limit:
        raise InputError(
            f"Text and answer would have more than the {limit:,} tokens that the model reads.",
            "Ask for fewer new tokens or open a shorter example.",
        )
    started = time.perf_counter()
    streamer = TokenStreamer(model.tokenizer, on_piece)
    reason = _write(
        model, architecture, ids, corrupted, noising, Lockstep(kind, heads), max_new_tokens,
        streamer, cancelled,
    )  # fmt: skip
    streamer.end()
    return Generated(
        text=streamer.text,
        token_offsets=tuple(streamer.offsets),
        finish_reason=reason,
        prompt_tokens=len(ids),
        tokens=len(streamer.ids),
        seconds=time.perf_counter() - started,
        seconds_to_first_token=None,
    )


def _write(
    model: LocalModel,
    architecture: Architecture,
    ids: Sequence[int],
    corrupted: Corrupted,
    noising: bool,
    probe: Lockstep,
    most: int,
    streamer: TokenStreamer,
    cancelled: Callable[[], bool],
) -> FinishReason:
    ends = model.model.generation_config.eos_token_id
    stops = set(ends) if isinstance(ends, list | tuple) else {ends}
    start = min(corrupted.changed[0], len(ids) - 1)
    with torch.no_grad():
        past = repeated(prefix(architecture, ids[:start]), 2)
        pair = [embed(architecture, ids), corrupted.embeddings(architecture)]
        rows = torch.cat(pair if noising else pair[::-1])[:, start:]  # row 0 = target
        for _ in range(most):
            if cancelled():
                return FinishReason.CANCELLED
            logits, past = forward(architecture, rows, past, probe, [rows.shape[1] - 1])
            token = int(logits[0, -1].argmax())
            streamer.add([token])
            if token in stops:
                return FinishReason.STOP
            rows = embed(architecture, [token]).expand(2, -1, -1)
    return FinishReason.LENGTH
