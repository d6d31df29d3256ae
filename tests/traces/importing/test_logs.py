"""Chat logs of OpenAI's form, think tags and reasoning apart from the answer."""

from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from core.errors import InputError
from core.traces.importing.thinking import joined, taken_apart, thinking_of
from db.session import open_store
from db.trace_views import StoredTrace, TraceFilter
from db.traces import load_trace, page_of
from tests.traces.importing.brought import brought_in, problems, rows_file, stored, with_dataset

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


PLAIN: dict[str, dict[str, Any]] = {
    "messages that are the prompt": {"id": "d3", "messages": USER, "output": "Answer: topic 3"},
    "choices that are labels": {"id": "d3", "choices": ["a", "b"], "output": "Answer: topic 3"},
    "a conversation beside": {"id": "d3", "messages": [*USER, MESSAGE], "cot": "Answer: topic 3"},
    "a response that is a text": {"id": "d3", "messages": USER, "response": "Answer: topic 3"},
}


@pytest.mark.parametrize("row", PLAIN.values(), ids=PLAIN.keys())
def test_a_row_with_a_trace_of_its_own_is_no_chat(
    settings: Settings, tmp_path: Path, row: dict[str, Any]
) -> None:
    report = brought_in(settings, rows_file(tmp_path, [row]), dataset="mine", system="ours")
    assert (problems(report), report.files) == ({}, {"traces.jsonl": "JSON lines"})
    assert (only_one(settings).text, only_one(settings).document.id) == ("Answer: topic 3", "d3")


def test_a_column_that_is_given_counts_in_logs_as_well(settings: Settings, tmp_path: Path) -> None:
    log = {"model": "r1", "choices": CHOICES, "mine": "Mine: topic 3",
           "metadata": {"dataset": "mine", "pmid": "d3", "shown": ["L2", "L3"]}}  # fmt: skip
    file = rows_file(tmp_path, [log])
    given = {"document": "pmid", "candidates": "shown"}
    assert problems(brought_in(settings, file, columns=given)) == {}
    assert [c.label_id for c in only_one(settings).candidates] == ["L2", "L3"]
    with pytest.raises(InputError, match="no column 'docid'"):
        brought_in(settings, file, columns={"document": "docid"})
    own = {"trace": "mine", "document": "id"}
    file = rows_file(tmp_path, [{**log, "id": "d3"}])
    brought_in(settings, file, columns=own, dataset="mine")
    assert [one.text for one in stored(settings)][1] == "Mine: topic 3"


@pytest.mark.parametrize("turned", [False, True])
def test_a_file_may_mix_rows_of_logs_and_of_named_columns(
    settings: Settings, tmp_path: Path, turned: bool
) -> None:
    named = {"document_id": "d4", "model": "r1", "trace": "Answer: topic 4", "answer": ["L4"]}
    rows = [LOGS["a batch's output"], named]
    file = rows_file(tmp_path, rows[::-1] if turned else rows)
    report = brought_in(settings, file, dataset="mine")
    assert (report.traces, problems(report)) == (2, {})
    assert report.files == {"traces.jsonl": "JSON lines and chat log"}
    found = {one.document.id: one for one in stored(settings)}
    assert found["d4"].answer == ("L4",)
    assert found["d3"].text.startswith("<think>")


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
