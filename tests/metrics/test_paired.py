"""Paired tests, against cases worked by hand."""

import itertools

import numpy as np
import pytest

from core.metrics.paired import difference, holm


def test_few_documents_try_every_sign() -> None:
    a, b = np.array([0.9, 0.8, 0.7, 0.4]), np.array([0.5, 0.6, 0.6, 0.5])
    found = difference(a, b)
    signs = itertools.product((1, -1), repeat=4)
    means = np.array([np.mean(np.array(some) * (a - b)) for some in signs])
    by_hand = np.mean(np.abs(means) >= abs(np.mean(a - b)) - 1e-12)
    assert found.p == pytest.approx(by_hand)
    assert found.mean == pytest.approx(0.15)
    assert found.low <= found.mean <= found.high
    assert found.documents == 4


def test_the_direction_is_that_of_the_first() -> None:
    rng = np.random.default_rng(0)
    b = rng.random(200)
    better = difference(b + 0.1, b)
    worse = difference(b, b + 0.1)
    assert better.mean == pytest.approx(0.1)
    assert worse.mean == pytest.approx(-0.1)
    assert better.p == worse.p < 0.001


def test_chance_is_no_difference() -> None:
    rng = np.random.default_rng(1)
    p = [difference(rng.random(60), rng.random(60), resamples=499, seed=n).p for n in range(60)]
    assert 0.3 < np.mean(p) < 0.7
    assert difference([0.5, 0.5], [0.5, 0.5]).p == 1.0


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(ValueError, match="paired"):
        difference([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="paired"):
        difference([], [])


def test_holm_by_hand() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06}
    )
    assert holm({"a": 0.5, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_one_document_alone_says_nothing() -> None:
    found = difference([1.0], [0.0])
    assert (found.p, found.documents) == (1.0, 1)
