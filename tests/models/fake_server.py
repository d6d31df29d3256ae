"""Tiny HTTP servers on loopback that behave badly on purpose.

The well-behaved side is tested against a real server (test_real_server.py).
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Reply = Callable[[socket.socket, dict[str, object], threading.Event], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def chunk(content: str | None = None, finish: str | None = None, **delta: object) -> bytes:
    """One server-sent event with a chat completion chunk."""
    if content is not None:
        delta["content"] = content
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {
        "id": "x",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }
    return f"data: {json.dumps(body)}\n\n".encode()


DONE = b"data: [DONE]\n\n"


def status(code: int, body: str, kind: str = "application/json") -> bytes:
    raw = body.encode()
    head = f"HTTP/1.1 {code} X\r\nContent-Type: {kind}\r\nContent-Length: {len(raw)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + raw


MODELS = status(200, json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}))


@contextmanager
def serving(reply: Reply, models: bytes | None = MODELS) -> Iterator[tuple[str, list[dict]]]:
    """(base URL, request bodies so far) of a server that answers chat requests with `reply`.

    `reply(connection, body, closing)` writes raw bytes; `closing` is set when the test ends.
    `models`: the raw answer to GET /models; None: that one goes to `reply` too.
    """
    closing, bodies = threading.Event(), []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                head, body = read_request(connection)
                if models is not None and head.startswith("GET"):
                    connection.sendall(models)
                    return
                bodies.append(body)
                reply(connection, body, closing)
            except OSError:
                return  # the client hung up, as it may

    def accept() -> None:
        threads = []
        while not closing.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=answer, args=(connection,)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    server = threading.Thread(target=accept)
    server.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", bodies
    finally:
        closing.set()
        server.join()
        listener.close()


def read_request(connection: socket.socket) -> tuple[str, dict[str, object]]:
    raw = b""
    while b"\r\n\r\n" not in raw:
        got = connection.recv(65536)
        if not got:
            raise ConnectionError("closed")
        raw += got
    head, _, body = raw.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head.decode(), json.loads(body) if body else {}


def says(*parts: bytes) -> Reply:
    """Sends these bytes and closes."""

    def reply(connection: socket.socket, body: dict[str, object], closing: threading.Event) -> None:
        connection.sendall(b"".join(parts))

    return reply


def says_then_hangs(*parts: bytes) -> Reply:
    """Sends these bytes and then nothing, leaving the line open until the test ends."""

    def reply(connection: socket.socket, body: dict[str, object], closing: threading.Event) -> None:
        connection.sendall(b"".join(parts))
        closing.wait()

    return reply


def says_then_resets(*parts: bytes) -> Reply:
    """Promises more than it sends: the line breaks in the middle of a chunked body."""
    head = HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked")

    def reply(connection: socket.socket, body: dict[str, object], closing: threading.Event) -> None:
        data = b"".join(parts)
        connection.sendall(head + f"{len(data) + 1000:x}\r\n".encode() + data)

    return reply
