"""The endpoint adapter against a real OpenAI-compatible server process: `transformers serve`
with the packaged model, on loopback."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.config import Settings
from core.errors import EndpointError
from core.models.base import ModelKind, ModelSpec, Piece
from core.models.catalogue import check_spec, load_model
from core.models.packaged import ensure
from core.rerank.base import Candidate, Decoding
from core.rerank.prompts import DEFAULT_PROMPT, build_prompt
from core.rerank.reasoner import Reasoner
from core.traces.base import FinishReason

pytestmark = pytest.mark.model


@pytest.fixture
def url(served_url: str) -> str:
    return served_url


@pytest.fixture
def spec(url: str, shared_home: Path) -> ModelSpec:
    """The served model; this server knows it by its folder."""
    folder = str(ensure(Settings(home=shared_home)))
    return ModelSpec("served", ModelKind.ENDPOINT, url, served_model=folder, timeout_s=60)


def test_a_served_model_can_be_added_and_writes_a_trace(spec: ModelSpec) -> None:
    check_spec(spec, Settings())
    model = load_model(spec, Settings())
    labels = (Candidate(1, "A", "Cholera"), Candidate(2, "B", "Typhoid fever"))
    pieces: list[str] = []
    trace = Reasoner(model).write(
        build_prompt(DEFAULT_PROMPT, "cholera", labels),
        labels,
        Decoding(max_new_tokens=8),
        emit=lambda event: pieces.append(getattr(event, "text", "")),
        cancelled=lambda: False,
    )
    assert trace.text == "".join(pieces) != ""
    assert trace.finish_reason in (FinishReason.STOP, FinishReason.LENGTH)
    assert 0 < trace.tokens <= 8
    assert trace.prompt_tokens > 20
    assert model.log_probabilities("p", ["a"], ["b"]) is None


def test_greedy_answers_repeat(spec: ModelSpec) -> None:
    model = load_model(spec, Settings())
    texts = [
        model.generate(
            "Name three fruits.",
            Decoding(max_new_tokens=5),
            on_piece=lambda p: None,
            cancelled=lambda: False,
        ).text
        for _ in range(2)
    ]
    assert texts[0] == texts[1] != ""


def test_cancel_stops_a_served_answer_and_keeps_its_text(spec: ModelSpec) -> None:
    model = load_model(spec, Settings())
    pieces: list[Piece] = []
    got = model.generate(
        "Write a long story about the sea.",
        Decoding(max_new_tokens=400),
        on_piece=pieces.append,
        cancelled=lambda: len(pieces) >= 5,
    )
    assert got.finish_reason is FinishReason.CANCELLED
    assert got.text == "".join(piece.text for piece in pieces)
    assert got.tokens < 100


def test_a_wrong_path_on_a_real_server_is_told(spec: ModelSpec) -> None:
    with pytest.raises(EndpointError, match="404"):
        check_spec(replace(spec, location=spec.location.removesuffix("/v1") + "/v7"), Settings())


def test_a_model_that_is_not_served_is_told(spec: ModelSpec) -> None:
    with pytest.raises(EndpointError, match="another-model"):
        check_spec(replace(spec, served_model="another-model"), Settings())
