"""Chat logs of OpenAI's form, think tags and reasoning apart from the answer."""

from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from core.traces.importing.thinking import joined, taken_apart, thinking_of
from db.session import open_store
from db.trace_views import StoredTrace, TraceFilter
from db.traces import load_trace, page_of
from tests.traces.importing.brought import brought_in, problems, rows_file, with_dataset

MESSAGE = {"role": "assistant", "content": "Answer: topic 3", "reasoning_content": "Topic 3?"}
CHOICES = [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}]
USER = [{"role": "system", "content": "Choose."}, {"role": "user", "content": "about topic 3"}]

LOGS: dict[str, dict[str, Any]] = {
    "a batch's output": {
        "custom_id": "d3",
        "response": {"status_code": 200, "body": {"model": "r1", "choices": CHOICES,
                                                  "usage": {"completion_tokens": 7}}},
    },
    "request and response": {
        "request": {"model": "r1", "messages": USER, "metadata": {"document_id": "d3"}},
        "response": {"model": "r1", "choices": CHOICES, "usage": {"completion_tokens": 7}},
    },
    "a stored completion": {
        "object": "chat.completion", "model": "r1", "choices": CHOICES, "messages": USER,
        "metadata": {"dataset": "mine", "document_id": "d3"}, "usage": {"completion_tokens": 7},
    },
    "the text alone": {"model": "r1", "body": {"messages": USER}, "choices": CHOICES,
                       "usage": {"completion_tokens": 7}},
}  # fmt: skip


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    return with_dataset(home, tmp_path)


def only_one(settings: Settings) -> StoredTrace:
    with open_store(settings).read() as session:
        (row,) = page_of(session, TraceFilter())
        return load_trace(session, row.id)


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS.keys())
def test_each_form_of_log_gives_the_same_trace(
    settings: Settings, tmp_path: Path, log: dict[str, Any]
) -> None:
    report = brought_in(settings, rows_file(tmp_path, [log]), dataset="mine")
    assert (report.traces, report.rejected) == (1, 0)
    assert report.files == {"traces.jsonl": "chat log"}
    stored = only_one(settings)
    assert stored.document.id == "d3"
    assert stored.summary.system == "r1"
    assert stored.summary.tokens == 7
    assert stored.text == "<think>\nTopic 3?\n</think>\n\nAnswer: topic 3"


def test_several_answers_are_several_traces_and_errors_are_named(
    settings: Settings, tmp_path: Path
) -> None:
    two = [{"message": {"role": "assistant", "content": f"Answer: topic {n}"}} for n in (1, 2)]
    rows = [
        {"custom_id": "d1", "response": {"body": {"model": "r1", "choices": two}}},
        {"custom_id": "d2", "response": {"body": {"error": {"message": "rate limit"}}}},
        {"custom_id": "d4", "response": {"body": {"model": "r1", "choices": []}}},
    ]
    report = brought_in(settings, rows_file(tmp_path, rows), dataset="mine")
    assert report.traces == 2
    assert problems(report) == {"malformed rows": [2, 3]}


def test_a_conversation_ends_with_the_trace(settings: Settings, tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "<think>hm</think>"}, {"type": "text", "text": "topic 3"}]
    row = {"messages": [*USER, {"role": "assistant", "content": parts}]}
    brought_in(settings, rows_file(tmp_path, [row]), dataset="mine", system="ours")
    assert only_one(settings).text == "<think>hm</think>\ntopic 3"


@pytest.mark.parametrize(
    ("text", "inside", "after"),
    [
        ("<think>\nfirst\n</think>\n\nthen", "first", "then"),
        ("first </thinking> then", "first", "then"),  # the template opened it
        ("<think>cut off", "cut off", ""),
        ("<THINK></THINK>then", "", "then"),
    ],
)
def test_what_tags_enclose(text: str, inside: str, after: str) -> None:
    found = thinking_of(text)
    assert found is not None
    start, end, answer = found
    assert text[start:end].strip() == inside
    assert text[answer:] == after


def test_no_tags_enclose_nothing() -> None:
    assert thinking_of("plain prose") is None


@pytest.mark.parametrize("reasoning", ["", "a", "a </think> in it", "\n\n"])
def test_reasoning_and_answer_come_apart_as_they_were(reasoning: str) -> None:
    assert taken_apart(joined(reasoning, "answer"), len(reasoning)) == (reasoning, "answer")
