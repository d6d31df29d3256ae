"""Every gold label has exactly one fate."""

import pytest

from core.rerank.base import Bucket, Candidate, Fate, Parsed, Verdict
from core.shortlist.base import GoldRank, Shortlist, ShortlistRow
from core.shortlist.fates import fate_of_gold

K = 3
SHOWN = 2
ROWS = tuple(ShortlistRow(f"r{i}", f"row {i}", i, 1 - i / 10, i) for i in range(1, K + 1))
SHORTLIST = Shortlist(ROWS, K, 50, "encoder", "index", 100, 100, 0.0, 0.0)
CANDIDATES = tuple(Candidate(i, f"r{i}", f"row {i}") for i in range(1, SHOWN + 1))


def parsed(
    shortlisted: tuple[str, ...] = (),
    verdicts: tuple[tuple[str, Verdict], ...] = (),
    answer: tuple[str, ...] | None = (),
) -> Parsed:
    return Parsed(Bucket.OK, shortlisted, verdicts, answer)


def fate(label_id: str, exact_rank: int | None, read: Parsed, known: bool = True) -> Fate:
    gold = (GoldRank(label_id, label_id, known, exact_rank),)
    (found,) = fate_of_gold(gold, SHORTLIST, CANDIDATES, read)
    return found.fate


@pytest.mark.parametrize(
    ("label_id", "exact_rank", "known", "expected"),
    [
        ("gone", None, False, Fate.NOT_IN_VOCABULARY),
        ("far", K + 1, True, Fate.ENCODER_MISS),
        ("near", K, True, Fate.INDEX_MISS),
        ("not encoded yet", None, True, Fate.INDEX_MISS),
        ("r3", 3, True, Fate.NOT_SHOWN),
    ],
)
def test_labels_that_the_model_never_saw(
    label_id: str, exact_rank: int | None, known: bool, expected: Fate
) -> None:
    assert fate(label_id, exact_rank, parsed(answer=(label_id,)), known) is expected


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (parsed(("r1",), (("r1", Verdict.KEEP),), ("r1",)), Fate.SELECTED),
        (parsed(answer=("r1",)), Fate.SELECTED),
        (parsed(verdicts=(("r1", Verdict.DROP),), answer=("r1",)), Fate.SELECTED),
        (parsed(("r1",), (("r1", Verdict.KEEP),), ()), Fate.LOST_IN_PARSING),
        (parsed(("r1",), (("r1", Verdict.KEEP),), None), Fate.LOST_IN_PARSING),
        (parsed(("r1",), (("r1", Verdict.DROP),), ()), Fate.DROPPED_IN_REASONING),
        (parsed(("r1",), (), ()), Fate.DROPPED_IN_REASONING),
        (parsed((), (("r1", Verdict.DROP),), ()), Fate.DROPPED_IN_REASONING),
        (parsed(("r2",), (("r2", Verdict.KEEP),), ("r2",)), Fate.DROPPED_IN_SHORTLISTING),
        (parsed((), (), None), Fate.DROPPED_IN_SHORTLISTING),
        (
            parsed(("r1",), (("r1", Verdict.KEEP), ("r1", Verdict.DROP)), ()),
            Fate.DROPPED_IN_REASONING,
        ),
    ],
)
def test_labels_that_the_model_saw(read: Parsed, expected: Fate) -> None:
    assert fate("r1", 1, read) is expected


def test_fates_keep_the_order_and_the_ranks() -> None:
    gold = (GoldRank("r3", "row 3", True, 7), GoldRank("far", "Far", True, 90))

    found = fate_of_gold(gold, SHORTLIST, CANDIDATES, parsed())

    assert [(f.label_id, f.name, f.rank, f.exact_rank) for f in found] == [
        ("r3", "row 3", 3, 7),
        ("far", "Far", None, 90),
    ]


def test_a_label_at_rank_1_that_hnsw_found_although_its_exact_rank_is_beyond_k_was_shown() -> None:
    assert fate("r1", K + 2, parsed(answer=("r1",))) is Fate.SELECTED
