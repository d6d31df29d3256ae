"""Reference mode without its slowness: a text that fast mode wrote is a draft, and one pass of
transformers' own network says whether generate() would have written the very same.

generate() chooses, token after token, the one with the highest logit. A pass over prompt and draft
gives the logits of all those steps at once, equal to its own but for the order of sums. Where each
token of the draft leads by more than that can be off, the draft is the reference text. Where one
does not, the text is written by generate() itself.
"""

from collections.abc import Sequence
from typing import Any

import torch

from core.models.answers import write_reference
from core.models.lean_text import Text
from core.models.streaming import TokenStreamer

# Logits that a token must lead by. In float32 those of one pass and of generate()'s many differ by
# less than 0.0005 in the packaged model (tests/models/test_drafts.py), so this is far off chance.
LEAD = 0.01


def is_reference(
    model: Any, prompt: Sequence[int], written: Sequence[int], ends: Sequence[int], room: int
) -> bool:
    """Whether generate() writes `written` after `prompt`, greedily, ending at a token of `ends` or
    after `room` tokens; False also where that is not certain.

    `model`: a causal model in float32; in other formats no lead is certain, and this is False.
    """
    if model.dtype is not torch.float32 or not written:
        return False
    if len(written) < room and written[-1] not in ends:
        return False
    ids = torch.tensor([[*prompt, *written]], device=model.device)
    with torch.inference_mode():
        logits = model(ids, use_cache=False, logits_to_keep=len(written) + 1).logits[0, :-1]
    best, chosen = logits.topk(2, dim=-1)
    same = chosen[:, 0] == ids[0, len(prompt) :]
    return bool((same & (best[:, 0] - best[:, 1] > LEAD)).all())


def draft_of(text: Text, tokenizer: Any) -> Text:
    """The same text for fast mode to write, unheard."""
    silent = TokenStreamer(tokenizer, lambda piece: None)
    return Text(text.prompt, text.decoding.fast(), text.room, text.ends, silent, text.cancelled)


def write_drafted(model: Any, text: Text, draft: Text) -> None:
    """Writes a text in reference mode; `draft` is what fast mode wrote for it.

    Raises what torch and generate() raise: RuntimeError, MemoryError, ValueError.
    """
    written = draft.streamer.ids
    text.was_cancelled = draft.was_cancelled
    if text.was_cancelled:
        return
    greedy = text.decoding.temperature <= 0
    if greedy and is_reference(model, text.prompt, written, text.ends, text.room):
        text.begin()
        text.streamer.put(torch.tensor(written))
    else:
        write_reference(model, text)
