"""Questions about the inside of a trace's model, asked of the real worker with the real model."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.annotation.people import local_person
from core.config import Settings
from core.events import Failed
from core.live.client import LiveWorker
from core.live.inside_questions import (
    Attend,
    Inner,
    InsideQuestion,
    Overview,
    Patch,
    PatchedWith,
    Rewrite,
    Rewritten,
    RightLabels,
)
from core.mechanism.request import Corruption, CorruptionKind, Direction, PatchRequest
from core.mechanism.results import AttentionAt
from core.models.base import ModelKind, ModelSpec
from core.traces.base import FinishReason
from db.models_added import add_model
from db.session import Store, open_store
from tests.conftest import linked_home
from tests.live.inside_examples import save_example

pytestmark = pytest.mark.model

PATIENCE_S = 300
HEADS = ((3, 2), (10, 4), (20, 0))
GOLD = RightLabels.GOLD


@pytest.fixture(scope="module")
def inside_home(icd_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return linked_home(icd_home, tmp_path_factory.mktemp("inside"))


@pytest.fixture(scope="module")
def store(inside_home: Path) -> Store:
    return open_store(Settings(home=inside_home))


@pytest.fixture(scope="module")
def worker(inside_home: Path) -> Iterator[LiveWorker]:
    live = LiveWorker(Settings(home=inside_home))
    yield live
    live.close()


def render(prompt: str) -> str:
    """The packaged model's chat template."""
    return f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def trace_id(store: Store) -> str:
    return save_example(store, render)


def ask(worker: LiveWorker, question: InsideQuestion) -> object:
    answer = worker.ask(question, PATIENCE_S)
    assert answer is not None, "no answer in time"
    return answer


def test_an_overview_scores_every_head_and_tells_the_tokens(
    worker: LiveWorker, trace_id: str
) -> None:
    found = ask(worker, Overview(trace_id, GOLD))
    assert isinstance(found, Inner), found
    assert (found.layers, found.heads) == (30, 9)
    assert found.analysis is not None
    assert found.analysis.scores.coarse.shape == (30, 9)
    assert found.analysis.scores.refine is not None
    words = [found.word(at) for at in range(len(found.spans))]
    assert "".join(words[found.prompt_tokens :]).startswith("Shortlist:")
    document = "".join(words[at] for at in found.document)
    assert "watery stools" in document


def test_attention_of_every_head_sums_to_one(worker: LiveWorker, trace_id: str) -> None:
    found = ask(worker, Attend(trace_id, 40))
    assert isinstance(found, AttentionAt), found
    assert found.weights.shape == (30, 9, 41)
    assert np.allclose(found.weights.sum(-1), 1, atol=1e-2), "bfloat16 has two digits"


@pytest.mark.parametrize("kind", list(CorruptionKind))
def test_patching_moves_labels_and_has_random_controls(
    worker: LiveWorker, trace_id: str, kind: CorruptionKind
) -> None:
    corruption = Corruption(kind, other_text="A broken arm after a fall from a horse")
    request = PatchRequest(HEADS, direction=Direction.NOISING, corruption=corruption)
    found = ask(worker, Patch(trace_id, GOLD, request, controls=2))
    assert isinstance(found, PatchedWith), found
    assert set(found.change.patched.ranking) == set(found.change.clean.ranking)
    assert found.change.patched.scores != found.change.clean.scores
    assert [len(control.heads) for control in found.controls] == [3, 3]
    assert found.controls[0].heads != found.controls[1].heads


def test_a_rewritten_text_has_curves_beside_the_saved_one(
    worker: LiveWorker, trace_id: str
) -> None:
    request = PatchRequest(HEADS)
    found = ask(worker, Rewrite(trace_id, GOLD, request, max_new_tokens=12))
    assert isinstance(found, Rewritten), found
    assert found.before is not None
    assert 0 < found.patched.tokens <= 12
    for trace in (found.saved, found.before, found.patched):
        assert trace.curves is not None
        assert trace.curves.points
        assert trace.curves.points[-1].confusion is not None


def test_a_dropped_rewriting_keeps_what_was_written(worker: LiveWorker, trace_id: str) -> None:
    question = Rewrite(
        trace_id, GOLD, PatchRequest(((0, 0),), direction=Direction.NOISING), max_new_tokens=500
    )
    assert worker.ask(question) is None
    deadline = time.monotonic() + PATIENCE_S
    while not ((told := worker.progress(question)) and told.text):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    worker.drop(question)
    found = ask(worker, question)
    assert isinstance(found, Rewritten), found
    assert found.patched.finish_reason is FinishReason.CANCELLED
    assert 0 < found.patched.tokens < 500
    assert worker.progress(question) is None


def test_a_question_dropped_before_its_turn_is_not_worked_on(
    worker: LiveWorker, trace_id: str
) -> None:
    long = Rewrite(trace_id, GOLD, PatchRequest(((0, 1),), direction=Direction.NOISING), 500)
    short = Attend(trace_id, 7)
    assert worker.ask(long) is None
    assert worker.ask(short) is None
    worker.drop(short)
    worker.drop(long)
    answer = ask(worker, short)
    assert isinstance(answer, Failed)
    assert "Stopped" in answer.what


def test_without_phases_the_scores_say_why_and_the_rest_works(
    worker: LiveWorker, store: Store
) -> None:
    trace_id = save_example(store, render, "It is cholera, which the culture shows.")
    found = ask(worker, Overview(trace_id, GOLD))
    assert isinstance(found, Inner), found
    assert found.analysis is None
    assert "no phases" in found.missing[0]
    assert isinstance(ask(worker, Attend(trace_id, 3)), AttentionAt)
    patched = ask(worker, Patch(trace_id, RightLabels.CHOSEN, PatchRequest(HEADS), controls=0))
    assert isinstance(patched, PatchedWith), patched
    assert patched.change.clean.margin is not None


def test_an_endpoint_and_a_missing_trace_are_refused_in_words(
    worker: LiveWorker, store: Store
) -> None:
    with store.write() as session:
        add_model(
            session,
            local_person(),
            ModelSpec("far", ModelKind.ENDPOINT, "http://127.0.0.1:9/v1", served_model="x"),
        )
    trace_id = save_example(store, render, system="far")
    refused = ask(worker, Overview(trace_id, GOLD))
    assert isinstance(refused, Failed)
    assert "endpoint" in refused.what
    missing = ask(worker, Overview("0" * 16, GOLD))
    assert isinstance(missing, Failed)
