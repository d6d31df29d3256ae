"""Servers that refuse, hang, talk junk or break off: a clear error, and nothing written is lost."""

import json
import socket
from dataclasses import replace

import pytest

from core.config import Settings
from core.errors import EndpointError, ModelError
from core.models.base import Generated, ModelKind, ModelSpec, Piece
from core.models.catalogue import check_spec, load_model
from core.models.chat_stream import run_apart
from core.models.server import ServerModel
from core.rerank.base import Decoding
from core.traces.base import FinishReason
from tests.models.fake_server import (
    DONE,
    HEAD,
    Reply,
    chunk,
    says,
    says_then_hangs,
    says_then_resets,
    serving,
    status,
)

SPEC = ModelSpec("served", ModelKind.ENDPOINT, "", served_model="m", timeout_s=60.0)
SOON = 1.0  # seconds of silence that count as hung in these tests


def ask(
    reply: Reply,
    *,
    timeout_s: float = SPEC.timeout_s,
    pieces: list[str] | None = None,
    stop: bool = False,
    decoding: Decoding | None = None,
) -> Generated:
    """One answer from a server that replies so; `stop`: cancel after the first piece."""
    seen: list[str] = [] if pieces is None else pieces

    def on_piece(piece: Piece) -> None:
        seen.append(piece.text)

    with serving(reply) as (url, _):
        model = ServerModel.connect(replace(SPEC, location=url))
        model.endpoint = replace(model.endpoint, timeout_s=timeout_s)  # for the question alone
        return model.generate(
            "question",
            decoding or Decoding(),
            on_piece=on_piece,
            cancelled=lambda: stop and bool(seen),
        )


def test_a_whole_answer() -> None:
    usage = json.dumps(
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}
    )
    pieces: list[str] = []
    reply = says(
        HEAD, chunk("Hel"), chunk("lo"), chunk(finish="stop"), f"data: {usage}\n\n".encode(), DONE
    )
    got = ask(reply, pieces=pieces)
    assert got.text == "".join(pieces) == "Hello"
    assert got.finish_reason is FinishReason.STOP
    assert (got.prompt_tokens, got.tokens, got.token_offsets, got.notes) == (7, 3, (), ())
    assert got.seconds_to_first_token is not None
    assert 0 < got.seconds_to_first_token <= got.seconds


def test_what_was_decided_is_what_is_sent() -> None:
    with serving(says(HEAD, chunk("x", "stop"), DONE)) as (url, bodies):
        model = ServerModel.connect(replace(SPEC, location=url + "/"))
        model.generate(
            "hi {x}",
            Decoding(max_new_tokens=9, temperature=0.5, seed=4),
            on_piece=lambda p: None,
            cancelled=lambda: False,
        )
    (body,) = bodies
    assert body["messages"] == [{"role": "user", "content": "hi {x}"}]
    assert (body["model"], body["max_tokens"], body["temperature"], body["seed"]) == (
        "m",
        9,
        0.5,
        4,
    )
    assert json.loads(model.render("hi"))["messages"][0]["content"] == "hi"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_sent_apart_is_kept_between_marks_and_noted(field: str) -> None:
    got = ask(
        says(
            HEAD,
            chunk(**{field: "let me "}),
            chunk(**{field: "see"}),
            chunk("Answer: 1", "stop"),
            DONE,
        )
    )
    assert got.text == "<think>\nlet me see\n</think>\nAnswer: 1"
    assert any("<think>" in note for note in got.notes)


def test_the_token_limit_is_told() -> None:
    assert ask(says(HEAD, chunk("x", "length"), DONE)).finish_reason is FinishReason.LENGTH


def test_an_ending_of_another_kind_is_an_error_with_a_note() -> None:
    got = ask(says(HEAD, chunk("x", "content_filter"), DONE))
    assert got.finish_reason is FinishReason.ERROR
    assert "content_filter" in " ".join(got.notes)


def test_pieces_are_counted_where_the_server_does_not_count() -> None:
    got = ask(says(HEAD, chunk("a"), chunk("b"), chunk("", "stop"), DONE))
    assert got.tokens == 2
    assert "counted as pieces" in got.notes[0]


def test_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(EndpointError, match="cannot be reached"):
        ServerModel.connect(replace(SPEC, location=f"http://127.0.0.1:{port}/v1"))


def test_hanging_before_a_word() -> None:
    with pytest.raises(EndpointError, match="said nothing for 1 seconds"):
        ask(says_then_hangs(), timeout_s=SOON)


def test_hanging_with_signs_of_life_but_no_words() -> None:
    with pytest.raises(EndpointError, match="said nothing"):
        ask(says_then_hangs(HEAD, b": ping\n\n" * 3), timeout_s=SOON)


def test_hanging_half_way_keeps_the_text() -> None:
    got = ask(says_then_hangs(HEAD, chunk("half")), timeout_s=SOON)
    assert (got.text, got.finish_reason) == ("half", FinishReason.ERROR)
    assert "broke off" in got.notes[-1]


def test_a_line_left_open_after_the_end_is_no_error() -> None:
    got = ask(says_then_hangs(HEAD, chunk("whole", "stop")), timeout_s=SOON)
    assert (got.text, got.finish_reason) == ("whole", FinishReason.STOP)


def test_a_server_that_hangs_while_listing_models() -> None:
    with serving(says_then_hangs(), models=None) as (url, _), pytest.raises(EndpointError):
        ServerModel.connect(replace(SPEC, location=url, timeout_s=SOON))


@pytest.mark.parametrize("break_off", [says, says_then_resets])
def test_breaking_off_half_way_keeps_the_text(break_off: type) -> None:
    parts = (chunk("half"), chunk(" way"))
    got = ask(says(HEAD, *parts) if break_off is says else break_off(*parts))
    assert (got.text, got.finish_reason) == ("half way", FinishReason.ERROR)
    assert "broke off" in got.notes[-1]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe not http at all",
        status(200, "<html><body>Welcome</body></html>", "text/html"),
        status(200, "{}"),
        HEAD,
        HEAD + b"data: not json\n\n",
        HEAD + b"data: {broken\n\n" + DONE,
        HEAD + b'data: "just a string"\n\n' + DONE,
        HEAD + b"data: [1, 2]\n\n" + DONE,
        HEAD + b"data: null\n\n" + DONE,
        HEAD + b'data: {"choices": 7}\n\n' + DONE,
        HEAD + b'data: {"choices": [null]}\n\n' + DONE,
        HEAD + b'data: {"choices": [{"delta": 5}]}\n\n' + DONE,
        HEAD + b'data: {"choices": [{"delta": {"content": {"a": 1}}}]}\n\n' + DONE,
        HEAD + b'data: {"error": "out of memory"}\n\n',
        HEAD + DONE,
        HEAD + b"data: \xff\xfe\xfa\n\n",
    ],
)
def test_junk_is_an_endpoint_error(raw: bytes) -> None:
    with pytest.raises(EndpointError) as caught:
        ask(says(raw))
    assert caught.value.fix


def test_junk_after_good_text_keeps_the_text() -> None:
    got = ask(says(HEAD, chunk("good"), b"data: {junk\n\n"))
    assert (got.text, got.finish_reason) == ("good", FinishReason.ERROR)


def test_text_that_no_database_takes_is_made_storable() -> None:
    got = ask(says(HEAD, chunk("a\x00b\ud800c", "stop"), DONE))
    assert got.text.encode("utf-8") == "a\ufffdb?c".encode()


def test_a_server_that_never_ends_is_cut_off() -> None:
    got = ask(says(HEAD, chunk("x" * 50) * 400), decoding=Decoding(max_new_tokens=5))
    assert got.finish_reason is FinishReason.LENGTH
    assert len(got.text) < 2000
    assert "did not keep the token limit" in " ".join(got.notes)


@pytest.mark.parametrize("hang", [False, True])
def test_cancel_keeps_the_partial_text_even_while_the_server_is_silent(hang: bool) -> None:
    parts = (HEAD, chunk("first"), *([] if hang else [chunk("more")] * 50))
    got = ask(says_then_hangs(*parts), timeout_s=60, stop=True)
    assert got.finish_reason is FinishReason.CANCELLED
    assert got.text.startswith("first")


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422, 429, 500, 503])
def test_an_error_status_is_told_without_the_key(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    body = json.dumps({"error": {"message": "bad key sk-very-secret " + "x" * 5000}})
    with serving(says(status(code, body))) as (url, _):
        model = ServerModel.connect(replace(SPEC, location=url, api_key_env="MY_KEY"))
        with pytest.raises(EndpointError) as caught:
            model.generate("q", Decoding(), on_piece=lambda p: None, cancelled=lambda: False)
    assert str(code) in caught.value.what
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_options_that_a_server_refuses_are_left_out_and_noted() -> None:
    def picky(connection: socket.socket, body: dict[str, object], closing: object) -> None:
        for name in ("stream_options", "max_tokens", "seed"):
            if name in body:
                connection.sendall(status(400, json.dumps({"error": f"unsupported: {name}"})))
                return
        connection.sendall(HEAD + chunk("ok", "stop") + DONE)

    with serving(picky) as (url, bodies):
        got = ServerModel.connect(replace(SPEC, location=url)).generate(
            "q", Decoding(max_new_tokens=8), on_piece=lambda p: None, cancelled=lambda: False
        )
    assert got.text == "ok"
    assert bodies[-1]["max_completion_tokens"] == 8
    assert any("refused seed" in note for note in got.notes)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "localhost:8000",
        "ftp://host/v1",
        "http://",
        "file:///etc/passwd",
        "http://h:99999/v1",
        "http://user:pw@host/v1",
        "http://host/v1?key=1",
        "http://[::1/v1",
    ],
)
def test_an_address_that_is_none(location: str) -> None:
    with pytest.raises(EndpointError, match="not the address"):
        ServerModel.connect(replace(SPEC, location=location))


def test_a_key_that_is_not_set_is_named() -> None:
    spec = replace(SPEC, location="http://127.0.0.1:1/v1", api_key_env="NO_SUCH_KEY")
    with pytest.raises(EndpointError, match="NO_SUCH_KEY"):
        ServerModel.connect(spec)


def test_without_a_name_the_only_served_model_is_taken() -> None:
    with serving(says()) as (url, _):
        assert ServerModel.connect(replace(SPEC, location=url, served_model="")).served == "m"


def test_without_a_name_several_models_are_an_error_that_lists_them() -> None:
    two = status(200, json.dumps({"object": "list", "data": [{"id": "m1"}, {"id": "m2"}]}))
    with serving(says(), models=two) as (url, _), pytest.raises(EndpointError, match="m1, m2"):
        ServerModel.connect(replace(SPEC, location=url, served_model=""))


@pytest.mark.parametrize("body", ["<html></html>", "[]", '{"data": 5}', "null"])
def test_a_list_of_models_that_is_none(body: str) -> None:
    with serving(says(), models=status(200, body)) as (url, _), pytest.raises(EndpointError):
        ServerModel.connect(replace(SPEC, location=url))


@pytest.mark.parametrize("code", [404, 405, 500])
def test_a_server_without_a_list_of_models_is_taken_at_the_specs_word(code: int) -> None:
    with serving(says(HEAD, chunk("x", "stop"), DONE), models=status(code, "{}")) as (url, _):
        spec = replace(SPEC, location=url)
        check_spec(spec, Settings())
        assert isinstance(load_model(spec, Settings()), ServerModel)


def test_an_unlisted_model_is_tried_before_it_is_added() -> None:
    wrong = says(status(404, json.dumps({"error": {"message": "no such model"}})))
    with serving(wrong) as (url, _), pytest.raises(ModelError, match="no such model"):
        check_spec(replace(SPEC, location=url, served_model="other"), Settings())


def test_a_key_refused_at_the_list_is_told() -> None:
    listing = serving(says(), models=status(401, "{}"))
    with listing as (url, _), pytest.raises(EndpointError, match="refused the key"):
        ServerModel.connect(replace(SPEC, location=url))


def test_servers_give_no_probabilities_no_counts_and_no_limit() -> None:
    with serving(says()) as (url, _):
        model = ServerModel.connect(replace(SPEC, location=url))
    assert model.log_probabilities("p", ["a"], ["b"]) is None
    assert model.count_tokens("a b") is None
    assert model.context_tokens is None
    assert model.identity()["served_model"] == "m"


def test_a_server_is_asked_from_a_notebook_too() -> None:
    async def cell() -> Generated:  # a notebook's cell runs inside an event loop
        return ask(says(HEAD, chunk("Answer: 1", "stop"), DONE))

    assert run_apart(cell()).text == "Answer: 1"  # the browser tests leave a loop running here
