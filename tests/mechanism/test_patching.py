"""Patching: identity bit for bit, what restores a clean run, and the corruptions."""

import pytest
import torch

from core.errors import InputError
from core.mechanism.architecture import Architecture
from core.mechanism.corruption import Corrupted, near_miss, noisy, swapped
from core.mechanism.effects import LabelScores
from core.mechanism.patching import Patcher, rank_correlation
from core.mechanism.request import Direction, PatchKind
from core.mechanism.runs import embed, prefix, run
from tests.mechanism.tiny import FAMILIES, some_ids, tiny

IDS = tuple(some_ids(24).tolist())
DOCUMENT = (6, 7, 8, 9, 10)
ENDINGS = {"a": (3,), "b": (5, 8), "c": (5, 9, 11), "d": (3, 1)}
HEADS = ((0, 1), (1, 0), (1, 3), (2, 2))


def patcher(family: str = "llama", corrupted: Corrupted | None = None) -> Patcher:
    bad = corrupted or swapped(IDS, DOCUMENT, (1, 2, 3))
    return Patcher(Architecture.of(tiny(family)), IDS, bad, ENDINGS, ("a",), ("b",))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", PatchKind)
def test_a_run_patched_with_its_own_activations_is_itself_bit_for_bit(
    family: str, kind: PatchKind
) -> None:
    architecture = Architecture.of(tiny(family))
    heads = architecture.all_heads
    past = prefix(architecture, IDS[:6])
    rest = embed(architecture, IDS)[:, 6:]
    own = run(architecture, rest, past, kind, logits_at=range(18), keep=heads)
    again = run(architecture, rest, past, kind, logits_at=range(18), take=own.kept)
    assert torch.equal(own.logits, again.logits)
    assert len(set(patcher(family).identity(kind, heads))) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_all_head_outputs_of_the_clean_run_restore_every_uncorrupted_position(family: str) -> None:
    architecture = Architecture.of(tiny(family))
    bad = swapped(IDS, DOCUMENT, (1, 2, 3))
    kind, heads = PatchKind.OUTPUT, architecture.all_heads
    logits = range(len(IDS))
    clean = run(architecture, embed(architecture, IDS), (), kind, logits_at=logits, keep=heads)
    dirty = bad.embeddings(architecture)
    corrupted = run(architecture, dirty, (), kind, logits_at=logits)
    restored = run(architecture, dirty, (), kind, logits_at=logits, take=clean.kept)
    untouched = [at for at in logits if at not in bad.changed]
    later = [at for at in untouched if at > bad.changed[0]]
    same = {"atol": 1e-5, "rtol": 1e-5}
    torch.testing.assert_close(restored.logits[0, untouched], clean.logits[0, untouched], **same)
    assert not torch.allclose(corrupted.logits[0, later], clean.logits[0, later], atol=1e-3)
    changed = list(bad.changed)
    assert not torch.allclose(restored.logits[0, changed], clean.logits[0, changed], atol=1e-3)


def test_a_shared_start_and_a_cache_change_no_score() -> None:
    found = patcher().patch(Direction.DENOISING, PatchKind.OUTPUT, HEADS).clean
    model = tiny()
    for label, score in found.scores:
        tokens = ENDINGS[label]
        ids = torch.tensor([[*IDS, *tokens]])
        with torch.no_grad():
            logs = model(ids).logits[0].log_softmax(-1)
        plain = sum(logs[len(IDS) - 1 + at, token] for at, token in enumerate(tokens))
        assert score == pytest.approx(float(plain), abs=1e-4)


@pytest.mark.parametrize("kind", PatchKind)
@pytest.mark.parametrize("direction", Direction)
def test_no_head_changes_nothing_and_all_outputs_move_all_the_way(
    kind: PatchKind, direction: Direction
) -> None:
    one = patcher()
    nothing = one.patch(direction, kind, ())
    assert nothing.patched == nothing.before
    everything = one.patch(direction, kind, one.architecture.all_heads)
    assert everything.patched != everything.before
    if kind is PatchKind.OUTPUT:  # the answer's own tokens are not corrupted
        assert everything.moved == pytest.approx(1, abs=1e-3)


def test_corruptions_keep_the_length_and_change_only_where_they_say() -> None:
    names = {(2, 3, 4): (90, 91), (6,): (92, 93)}
    for bad in (swapped(IDS, DOCUMENT, (1, 2)), near_miss(IDS, names), noisy(IDS, DOCUMENT)):
        architecture = Architecture.of(tiny())
        assert len(bad.ids) == len(IDS)
        differs = (bad.embeddings(architecture) != embed(architecture, IDS)).any(-1)[0]
        assert tuple(differs.nonzero()[:, 0].tolist()) == bad.changed
    assert near_miss(IDS, names).ids[2:7] == (90, 91, 90, IDS[5], 92)


def test_noise_depends_on_its_seed_alone_and_has_the_scale_asked_for() -> None:
    architecture = Architecture.of(tiny())
    clean = embed(architecture, IDS)
    one, two = (noisy(IDS, tuple(range(24)), scale=3, seed=s) for s in (1, 2))
    assert torch.equal(one.embeddings(architecture), one.embeddings(architecture))
    assert not torch.equal(one.embeddings(architecture), two.embeddings(architecture))
    added = (one.embeddings(architecture) - clean).std()
    assert float((added / architecture.embedding.std()).detach()) == pytest.approx(3, rel=0.1)


def test_what_cannot_be_patched_is_said() -> None:
    with pytest.raises(InputError, match=r"no head \(7, 0\)"):
        patcher().patch(Direction.NOISING, PatchKind.OUTPUT, [(7, 0)])
    with pytest.raises(InputError, match="changes no token"):
        swapped(IDS, DOCUMENT, [IDS[at] for at in DOCUMENT])
    few = patcher()
    few.sources = ((0, 0),)
    with pytest.raises(InputError, match="not kept"):
        few.patch(Direction.NOISING, PatchKind.OUTPUT, [(1, 1)])


def test_a_number_is_not_credited_with_a_longer_one_that_begins_with_it() -> None:
    from math import exp, log

    endings = {"1": (1,), "10": (1, 0), "100": (1, 0, 0), "2": (2,)}
    found = {"1": log(0.5), "10": log(0.2), "100": log(0.1), "2": log(0.3)}
    got = dict(LabelScores.of(found, endings, ("2",), ("1",), True).scores)
    assert {k: round(exp(v), 6) for k, v in got.items()} == {
        "1": 0.3,
        "10": 0.1,
        "100": 0.1,
        "2": 0.3,
    }


def test_rank_correlation_gives_ties_their_mean_rank() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 30]) == 1
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == -1
    assert rank_correlation([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(0.9487, abs=1e-4)
