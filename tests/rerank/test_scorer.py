"""Scores are the model's own P(true) against P(false), one a candidate."""

import pytest

from core.rerank.base import Candidate
from core.rerank.scorer import Scorer, relevance
from tests.rerank.scripted import ScriptedModel

LABELS = (Candidate(1, "A", "Cholera"), Candidate(2, "B", "Typhoid\n fever"))


def test_scores_stand_in_the_order_of_the_candidates() -> None:
    model = ScriptedModel(true={"Cholera": 0.9, "Typhoid fever": 0.2})
    assert Scorer(model).score("a text", LABELS) == pytest.approx([0.9, 0.2])


def test_all_questions_share_their_start_and_hold_text_and_name() -> None:
    model = ScriptedModel(true={"Cholera": 0.5, "Typhoid fever": 0.5})
    Scorer(model).score("a {candidates} text", LABELS)
    first, second = model.asked
    assert first.split("Cholera") == second.split("Typhoid fever")
    assert "a {candidates} text" in first


def test_a_model_without_probabilities_gives_none() -> None:
    assert Scorer(ScriptedModel(true=None)).score("a text", LABELS) is None


def test_no_candidates_no_scores() -> None:
    assert Scorer(ScriptedModel(true={})).score("a text", ()) == []


def test_relevance_is_a_ratio_that_survives_tiny_probabilities() -> None:
    assert relevance([-1.0], [-1.0]) == 0.5
    assert relevance([-2000.0], [-2001.0]) == pytest.approx(0.7311, abs=1e-4)
    assert relevance([-5000.0], [0.0]) == 0.0
