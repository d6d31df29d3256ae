"""Guided texts: words are given, choices are the network's, and both are told apart."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from core.models.lean import LeanNetwork
from core.models.lean_text import Text
from core.models.lean_writer import LeanWriter
from core.models.script import Choice, Given, Guide, Line, Script
from core.models.streaming import TokenStreamer
from core.rerank.base import Decoding
from tests.models.test_lean import tiny

LINE_END = 26  # its token; the others are a to z


class Letters:
    """One token a letter: 0 is a, and 26 ends a line; beyond that, letters again."""

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join("\n" if token == LINE_END else chr(97 + token % 26) for token in ids)

    def encode(self, text: str) -> list[int]:
        return [LINE_END if letter == "\n" else ord(letter) - 97 for letter in text]


def script(said: list[str] | None = None) -> Script:
    """Given, a choice whose options share letters, a line, and a choice of one."""
    heard = said if said is not None else []
    heard.append((yield Given("start\n")))
    heard.append((yield Choice(["aab", "aac", "b"])))
    heard.append((yield Line(6)))
    heard.append((yield Choice(["only"])))
    heard.append((yield Line(3)))
    heard.append((yield Given("end")))


def guide(steps: Script, ends: tuple[int, ...] = ()) -> Guide:
    letters = Letters()
    return Guide(steps, letters.encode, letters.decode, ends)


def text(prompt: list[int], steps: Script, room: int = 60, **decoding: Any) -> Text:
    streamer = TokenStreamer(Letters(), lambda piece: None)
    made = Decoding(**decoding)
    return Text(prompt, made, room, (), streamer, lambda: False, guide(steps))


def plain(model: Any, prompt: list[int]) -> list[int]:
    """The same script followed with a whole pass for every token."""
    ids = list(prompt)
    following = guide(script())
    ids += following.begin()
    while not following.done:
        with torch.inference_mode():
            logits = model(torch.tensor([ids])).logits[0, -1]
        allowed = following.allowed or list(range(len(logits)))
        token = allowed[int(logits[allowed].argmax())]
        kept, given = following.take(token)
        ids += [token] * kept + given
    return ids


def prompts(count: int) -> list[list[int]]:
    made = torch.Generator().manual_seed(5)
    return [torch.randint(60, (9 + 4 * n,), generator=made).tolist() * 2 for n in range(count)]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("prompt_lookup", [0, 10])
def test_a_guided_text_is_the_scripts_with_the_networks_choices(
    rows: int, prompt_lookup: int
) -> None:
    model = tiny("llama")
    wanted = [plain(model, prompt) for prompt in prompts(7)]
    texts = [text(prompt, script(), prompt_lookup=prompt_lookup) for prompt in prompts(7)]
    assert len(list(LeanWriter(LeanNetwork(model), rows).write(iter(texts)))) == 7
    assert [t.ids for t in texts] == wanted
    assert all(t.done and t.ended for t in texts)


def test_guided_and_free_texts_stand_side_by_side() -> None:
    model = tiny("llama")
    prompt, other = prompts(2)
    free = Text(other, Decoding(), 30, (), TokenStreamer(Letters(), lambda p: None), lambda: False)
    alone = Text(other, Decoding(), 30, (), TokenStreamer(Letters(), lambda p: None), lambda: False)
    one = text(prompt, script())
    list(LeanWriter(LeanNetwork(model), 2).write(iter((one, free))))
    list(LeanWriter(LeanNetwork(model), 1).write(iter((alone,))))
    assert one.ids == plain(model, prompt)
    assert free.ids == alone.ids


def test_what_was_given_is_told_and_the_rest_was_chosen() -> None:
    said: list[str] = []
    one = text(prompts(1)[0], script(said))
    list(LeanWriter(LeanNetwork(tiny("llama")), 1).write(iter((one,))))
    letters, written = Letters(), one.ids[len(one.prompt) :]
    given = [letters.decode(written[a:b]) for a, b in one.given]
    assert given[0] == "start\n"
    assert any("only" in part for part in given)
    assert given[-1].endswith("end")
    assert said[0] == "start\n"
    assert said[1] in ("aab", "aac", "b")
    assert said[3] == "only"
    assert len(said[2].rstrip("\n")) <= 6
    share = sum(b - a for a, b in one.given)
    assert share < len(written)  # something was the network's own


def test_a_line_that_does_not_end_is_ended() -> None:
    following = guide(script())
    following.begin()
    while following.allowed:
        following.take(following.allowed[-1])
    for _ in range(5):
        assert following.take(3) == (True, [])
    kept, given = following.take(3)
    assert kept
    assert Letters().decode(given) == "\nonly"


def test_the_end_of_a_text_ends_a_line_and_is_not_written() -> None:
    following = guide(script(), ends=(99,))
    following.begin()
    while following.allowed:
        following.take(following.allowed[-1])
    kept, given = following.take(99)
    assert not kept
    assert Letters().decode(given) == "\nonly"
    assert following.take(99) == (False, Letters().encode("\nend"))
    assert following.done


def test_given_words_stop_where_the_text_has_no_room_left() -> None:
    def long() -> Iterator[Any]:
        yield Given("abcdefghij" * 10)

    one = text(prompts(1)[0], long(), room=7)
    list(LeanWriter(LeanNetwork(tiny("llama")), 1).write(iter((one,))))
    assert Letters().decode(one.ids[len(one.prompt) :]) == "abcdefg"


def test_a_seed_decides_a_guided_text_that_is_drawn() -> None:
    network = LeanNetwork(tiny("llama"))

    def drawn(seed: int) -> list[int]:
        one = text(prompts(1)[0], script(), temperature=2.0, seed=seed)
        list(LeanWriter(network, 1).write(iter((one,))))
        return one.ids

    assert drawn(1) == drawn(1)
    assert len({tuple(drawn(seed)) for seed in range(6)}) > 1


def test_an_option_that_begins_another_is_refused() -> None:
    def unclear() -> Iterator[Any]:
        yield Choice(["ab", "abc"])

    with pytest.raises(ValueError, match="begins"):
        guide(unclear()).begin()
