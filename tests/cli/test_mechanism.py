"""`phaselens mechanism scores`, with the packaged model on handwritten traces."""

from pathlib import Path

import pytest

from core.config import Settings
from core.mechanism.run_scores import load_scores
from db.session import open_store
from db.traces import load_trace
from tests.cli.conftest import Cli
from tests.live.inside_examples import save_example
from tests.mechanism.example import TRACE
from tests.pages.saved import IDENTITY


def render(prompt: str) -> str:
    return f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"


def saved(home: Path, *traces: str) -> str:
    """Saves traces of one run; returns its id."""
    store = open_store(Settings(home=home))
    ids = [save_example(store, render, trace, identity=IDENTITY) for trace in traces]
    with store.read() as session:
        run_id = load_trace(session, ids[0]).summary.run_id
    store.close()
    assert run_id is not None
    return run_id


def test_a_run_without_phases_has_nothing_to_score(cli: Cli, home: Path) -> None:
    run_id = saved(home, "It is cholera.")
    outcome = cli("mechanism", "scores", "--run", run_id, "--json")
    assert outcome.status == 1
    assert "no finished trace with both phases" in outcome.json["error"]["what"]


def test_an_unknown_run_is_named(cli: Cli) -> None:
    outcome = cli("mechanism", "scores", "--run", "ffffffff")
    assert outcome.status == 1
    assert "ffffffff" in outcome.line


@pytest.mark.model
def test_scores_have_intervals_and_a_second_call_goes_on(cli: Cli, working_home: Path) -> None:
    other = TRACE.replace("the culture grew it", "it grew in the culture of the stool")
    run_id = saved(working_home, TRACE, other, "It is cholera.")
    first = cli("mechanism", "scores", "--run", run_id[:8], "--limit", "1", "--json")
    assert first.status == 0, first.stderr
    assert first.json["texts"] == 1
    assert first.json["scores"]["coarse"]["heads"] is None  # one text gives no interval
    both = cli("mechanism", "scores", "--run", run_id, "--json")
    assert "1 of 1" in both.stderr  # the first text is not scored again
    found = both.json["scores"]["coarse"]
    assert found["texts"] == 2
    assert len(found["heads"]) == 270
    means = [head["mean"] for head in found["heads"]]
    assert means == sorted(means, reverse=True)
    assert all(h["low"] <= h["mean"] + 1e-5 and h["mean"] <= h["high"] + 1e-5
               for h in found["heads"])  # fmt: skip
    kept = load_scores(Settings(home=working_home), run_id)
    assert kept is not None
    assert kept.coarse.shape == (2, 30, 9)
    assert cli("mechanism", "scores", "--run", run_id).stdout.count("95% interval") >= 1
