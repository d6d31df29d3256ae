"""Kurtosis by definition, exact gradients of each position's margin, and the scores' formulas."""

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.mechanism.architecture import Architecture
from core.mechanism.capture import Wanted, capture
from core.mechanism.conventions import AnchorRule, Conventions, KurtosisKeys, MentionPlace
from core.mechanism.head_scores import excess_kurtosis, head_scores, margin_gradients
from core.mechanism.positions import Roles, Tokens
from core.mechanism.results import top_heads
from tests.mechanism.tiny import FAMILIES, some_ids, tiny

IDS = tuple(some_ids(24).tolist())
TOKENS = Tokens("x" * 24, IDS, tuple((i, i + 1) for i in range(24)), 12, 12)
ROLES = Roles(
    document=(3, 4, 5, 6, 7, 8),
    anchors=(4, 6),
    anchor_rule=AnchorRule.QUOTED,
    early=(11, 12, 13, 14),
    late=(17, 18, 20),
    right=(13, 14),
    wrong=(15,),
    place=MentionPlace.TRACE,
    verdicts=(18,),
)
PAIRS = ((3, 9), (4, 9))


def test_kurtosis_is_fishers_by_population_moments() -> None:
    one_hot = torch.tensor([1.0, 0, 0, 0, 0])
    assert float(excess_kurtosis(one_hot)) == pytest.approx(0.25)  # m4 / m2^2 = 3.25
    coin = torch.tensor([0.5, 0.5, 0.0, 0.0])
    assert float(excess_kurtosis(coin)) == pytest.approx(-2)  # the least there is
    sharp = torch.nn.functional.one_hot(torch.tensor(0), 100).float()
    assert float(excess_kurtosis(sharp)) == pytest.approx(1 / (0.01 * 0.99) - 6, rel=1e-4)
    assert float(excess_kurtosis(sharp * 0.001)) == pytest.approx(float(excess_kurtosis(sharp)))
    assert float(excess_kurtosis(torch.full((9,), 0.1))) == 0
    with pytest.raises(InputError, match="4 keys"):
        excess_kurtosis(torch.ones(3))


@pytest.mark.parametrize("family", FAMILIES)
def test_each_positions_gradient_is_that_of_its_own_margin_alone(family: str) -> None:
    model = tiny(family)
    architecture = Architecture.of(model)
    got = margin_gradients(architecture, IDS, 11, ROLES.late, PAIRS)
    for at, q in enumerate(ROLES.late):
        outputs: list[torch.Tensor] = []
        handles = [
            module.register_forward_hook(lambda _, __, output, kept=outputs: kept.append(output[0]))
            for module in architecture.attention
        ]
        logits = model(torch.tensor([IDS])).logits[0, q]
        for handle in handles:
            handle.remove()
        margin = sum(logits[a] - logits[b] for a, b in PAIRS) / len(PAIRS)
        plain = torch.autograd.grad(margin, outputs)
        for layer in range(3):
            torch.testing.assert_close(got[layer, at], plain[layer][0, q], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_scores_follow_their_formulas(family: str) -> None:
    model = tiny(family)
    architecture = Architecture.of(model)
    got = head_scores(architecture, TOKENS, ROLES, PAIRS, Conventions())
    with torch.no_grad():
        seen = capture(
            architecture,
            IDS,
            Wanted(tuple(range(24)), scores=True, states=(0, 1, 2)),
        )
    gradients = margin_gradients(architecture, IDS, 0, ROLES.late, PAIRS)
    assert seen.attention is not None
    assert seen.scores is not None
    assert got.refine is not None
    for layer, head in ((0, 0), (1, 3), (2, 1)):
        write = seen.write(layer, head).detach()
        anchor = seen.state(layer)[[4, 6]].mean(0)
        coarse = np.mean(
            [
                float(excess_kurtosis(seen.attention[layer, head, q, 3:9]))
                * float(torch.cosine_similarity(write[q], anchor, dim=0))
                for q in ROLES.early
            ]
        )
        assert got.coarse[layer, head] == pytest.approx(coarse, abs=1e-4)
        qk = seen.scores[layer, head]
        refine = np.mean(
            [
                float(qk[q, [13, 14]].mean() - qk[q, 15]) * float(write[q] @ gradients[layer, at])
                for at, q in enumerate(ROLES.late)
            ]
        )
        assert got.refine[layer, head] == pytest.approx(refine, abs=1e-4)


def test_a_sink_among_the_keys_changes_scores_and_one_outside_does_not() -> None:
    architecture = Architecture.of(tiny())
    document = Conventions(sink_mass=1.0)
    whole = Conventions(sink_mass=1.0, kurtosis_keys=KurtosisKeys.INPUT)
    same = head_scores(architecture, TOKENS, ROLES, PAIRS, document)
    differs = head_scores(architecture, TOKENS, ROLES, PAIRS, whole)
    assert same.sinks == differs.sinks == (0,)
    assert same.sink_rank_correlation == pytest.approx(1)
    assert not np.allclose(differs.coarse, differs.coarse_other_sink)


def test_without_near_misses_there_is_no_refine_score_and_a_reason() -> None:
    got = head_scores(Architecture.of(tiny()), TOKENS, ROLES, (), Conventions())
    assert got.refine is None
    assert "near miss" in got.refine_missing


def test_top_heads_are_the_highest_first() -> None:
    grid = np.array([[1, 5], [3, 5]], dtype=np.float32)
    assert top_heads(grid, 3) == ((0, 1), (1, 1), (1, 0))
    assert top_heads(grid, 1, lowest=True) == ((0, 0),)
