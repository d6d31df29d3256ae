"""Texts written by the lean network are transformers' own greedy texts, alone and side by side."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from core.models.base import Piece
from core.models.lean import LeanNetwork
from core.models.lean_text import Text
from core.models.lean_writer import LeanWriter
from core.models.streaming import TokenStreamer
from core.rerank.base import Decoding
from tests.models.test_lean import tiny


class Letters:
    """A tokenizer whose token 0 is a, 1 is b and so on."""

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join(chr(97 + token % 26) for token in ids)


def text(
    prompt: list[int],
    room: int = 30,
    ends: tuple[int, ...] = (),
    cancelled: Callable[[], bool] = lambda: False,
    heard: Callable[[Piece], None] = lambda piece: None,
    **decoding: Any,
) -> Text:
    streamer = TokenStreamer(Letters(), heard)
    return Text(prompt, Decoding(**decoding), room, ends, streamer, cancelled)


def plain(model: Any, prompt: list[int], room: int = 30) -> list[int]:
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=room, do_sample=False,
            eos_token_id=None, pad_token_id=0,
        )  # fmt: skip
    return [int(token) for token in out[0]]


def prompts(count: int) -> list[list[int]]:
    start = torch.randint(300, (20,), generator=torch.Generator().manual_seed(1)).tolist()
    made = torch.Generator().manual_seed(2)
    return [
        start + torch.randint(300, (3 + 9 * n,), generator=made).tolist() * 2 for n in range(count)
    ]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("prompt_lookup", [0, 10])
def test_texts_are_those_of_plain_generate(rows: int, prompt_lookup: int) -> None:
    model = tiny("llama")
    wanted = [plain(model, prompt) for prompt in prompts(7)]
    writer = LeanWriter(LeanNetwork(model), rows)
    texts = [text(prompt, prompt_lookup=prompt_lookup) for prompt in prompts(7)]
    finished = list(writer.write(iter(texts)))
    assert len(finished) == 7
    assert [t.ids for t in texts] == wanted
    assert all(t.streamer.ids == t.ids[len(t.prompt) :] for t in texts)


def test_a_text_is_asked_for_when_a_row_is_free() -> None:
    asked: list[int] = []

    def texts() -> Iterator[Text]:
        for n, prompt in enumerate(prompts(5)):
            asked.append(n)
            yield text(prompt, room=3 if n == 1 else 30, prompt_lookup=0)

    writing = LeanWriter(LeanNetwork(tiny("llama")), 2).write(texts())
    assert len(next(writing).prompt) == len(prompts(2)[1])
    assert asked == [0, 1]
    assert len(list(writing)) == 4


def test_an_end_stops_one_row_and_no_other() -> None:
    model = tiny("llama")
    one, two = prompts(2)
    end = plain(model, one)[len(one) + 4]
    texts = [text(one, ends=(end,)), text(two)]
    list(LeanWriter(LeanNetwork(model), 2).write(iter(texts)))
    assert texts[0].ids[-1] == end
    assert len(texts[0].ids) <= len(one) + 5
    assert texts[1].ids == plain(model, two)


def test_a_cancelled_row_keeps_its_text_and_the_other_goes_on() -> None:
    model = tiny("llama")
    one, two = prompts(2)
    heard: list[Piece] = []
    stopped = text(one, cancelled=lambda: len(heard) >= 3, heard=heard.append, prompt_lookup=0)
    other = text(two)
    list(LeanWriter(LeanNetwork(model), 2).write(iter((stopped, other))))
    assert stopped.was_cancelled
    assert stopped.ids == plain(model, one)[: len(one) + 3]
    assert other.ids == plain(model, two)


def test_a_seed_decides_a_sampled_text_whatever_is_beside_it() -> None:
    network = LeanNetwork(tiny("llama"))
    one, two = prompts(2)
    alone = text(one, temperature=1.0, seed=3)
    list(LeanWriter(network, 1).write(iter((alone,))))
    beside = [text(two, temperature=1.0, seed=9), text(one, temperature=1.0, seed=3)]
    list(LeanWriter(network, 2).write(iter(beside)))
    assert beside[1].ids == alone.ids
    other = text(one, temperature=1.0, seed=4)
    list(LeanWriter(network, 1).write(iter((other,))))
    assert other.ids != alone.ids
