"""What `phaselens run` says of a run."""

import inspect

from core.commands.run import described, run
from core.run_request import BATCH_SIZE
from core.run_result import RunResult


def test_a_run_cancelled_before_it_began_is_not_described() -> None:
    assert described(RunResult("", 12, 0, cancelled=True).to_json()) == []


def test_a_run_is_described_with_what_to_do_next() -> None:
    lines = described(RunResult("abc", 12, 3, answered=9, seconds=3.0).to_json())
    assert lines[0].startswith("Run abc: 12 documents, 3 skipped as done, 9 answered")
    assert lines[-1] == "Next: phaselens eval abc"


def test_a_mode_that_the_model_does_not_know_is_said() -> None:
    note = "Fast mode does not know gpt: no such type. It writes in reference mode."
    result = RunResult("abc", 1, 0, answered=1, seconds=3.0, mode="reference", mode_note=note)
    lines = described(result.to_json())
    assert note in lines
    assert "in reference mode, 1 at a time" in lines[-2]


def test_the_command_and_the_app_write_as_many_side_by_side() -> None:
    assert inspect.signature(run).parameters["batch_size"].default == BATCH_SIZE
