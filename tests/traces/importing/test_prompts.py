"""A prompt says which document a trace is of; it is not the document."""

from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from tests.traces.importing.brought import brought_in, problems, rows_file, stored, with_dataset

PROMPT = "Pick labels.\nL1 topic 1\nL2 topic 2\nText: about   topic 3"
ANSWER = {"role": "assistant", "content": "Answer: topic 3"}
NOT_FOUND = "prompts in which the dataset's document is not found"
TAKEN = "prompts taken for documents, for nothing else says which these are"
USER = {"role": "user", "content": PROMPT}
SYSTEM = {"role": "system", "content": "Choose."}
BATCH = {
    "custom_id": "d3",
    "request": {"body": {"model": "r1", "messages": [SYSTEM, USER]}},
    "response": {"body": {"model": "r1", "choices": [{"message": ANSWER}]}},
}
ROWS: dict[str, dict[str, Any]] = {
    "a chat log": BATCH,
    "a column": {"id": "d3", "input": PROMPT, "output": "Answer: topic 3"},
    "messages in a column": {"id": "d3", "input": [SYSTEM, USER], "output": "Answer: topic 3"},
    "messages beside the trace": {"id": "d3", "messages": [USER], "output": "Answer: topic 3"},
    "a prompt of any length": {"id": "d3", "prompt": PROMPT * 20_000, "output": "topic 3"},
    "no prompt that can be read": {"id": "d3", "input": [1, {"role": "user"}], "output": "topic 3"},
}


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    return with_dataset(home, tmp_path)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_prompt_never_takes_the_place_of_the_datasets_document(
    settings: Settings, tmp_path: Path, row: dict[str, Any]
) -> None:
    report = brought_in(settings, rows_file(tmp_path, [row]), dataset="mine", system="r1")
    assert (report.traces, problems(report)) == (1, {})
    (one,) = stored(settings)
    assert (one.document.id, one.document.text) == ("d3", "about topic 3")
    assert one.document.gold == ("L3",)


def test_a_prompt_without_the_document_is_said(settings: Settings, tmp_path: Path) -> None:
    row = {"id": "d2", "input": PROMPT, "output": "Answer: topic 3"}
    report = brought_in(settings, rows_file(tmp_path, [row]), dataset="mine", system="r1")
    assert problems(report) == {NOT_FOUND: [1]}
    assert stored(settings)[0].document.text == "about topic 2"


def test_a_text_of_its_own_is_another_text_and_one_that_cannot_be_costs_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    rows = [
        {**BATCH, "metadata": {"text": "topic 3, cut"}},
        {"id": "d3", "input": "topic 3, cut", "output": "x"},  # by --column
        {"id": "d4", "text": "long " * 100_000, "output": "x"},
        {"id": "d4", "text": {"title": "an object"}, "output": "x"},
    ]
    report = brought_in(settings, rows_file(tmp_path, rows[:1]), dataset="mine")
    assert problems(report) == {"documents whose text is another than the dataset's": [1]}
    given = {"text": "input"}
    again = rows_file(tmp_path, rows[1:2])
    report = brought_in(settings, again, dataset="mine", system="s", columns=given)
    assert problems(report) == {"documents whose text is another than the dataset's": [1]}
    last = rows_file(tmp_path, rows[2:])
    report = brought_in(settings, last, dataset="mine", system="s")
    assert (report.traces, report.known) == (1, 1)
    assert problems(report)["document texts that cannot be used; the dataset's are taken"] == [1, 2]
    texts = [one.document.text for one in stored(settings)]
    assert texts == ["topic 3, cut", "topic 3, cut", "about topic 4"]


def test_a_document_is_found_by_a_prompt_else_the_prompt_stands_for_it(
    settings: Settings, tmp_path: Path
) -> None:
    rows = [
        {"custom_id": "request-1", "messages": [USER | {"content": " about topic 3\n"}, ANSWER]},
        {"custom_id": "request-2", "messages": [USER, ANSWER]},
        {"custom_id": "request-3", "messages": [SYSTEM, ANSWER]},
    ]
    report = brought_in(settings, rows_file(tmp_path, rows), dataset="mine", system="s")
    assert problems(report) == {
        "documents that are neither in the dataset nor given as text": [3],
        TAKEN: [2],
    }
    found, own = (one.document for one in stored(settings))
    assert (found.id, found.gold) == ("d3", ("L3",))
    assert (own.id, own.text) == ("request-2", PROMPT)
