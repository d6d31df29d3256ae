"""What Compare shows of a study before anybody has chosen."""

import random

from core.study.offered import offered

WHOLE = [
    ("r1", "laptop-teacher", "test"), ("r2", "laptop-standard-0", "test"),
    ("r3", "laptop-mechanistic-0", "test"), ("r4", "laptop-mechanistic-1", "test"),
    ("r5", "base", "test"), ("r6", "laptop-teacher", "train-student"),
]  # fmt: skip


def test_the_tests_of_one_study_standard_first() -> None:
    for seed in range(5):
        mixed = random.Random(seed).sample(WHOLE, len(WHOLE))
        assert offered(mixed) == ["r2", "r3", "r1"]


def test_a_study_that_is_not_whole_is_not_offered() -> None:
    assert offered(WHOLE[:2]) == []
    assert offered([]) == []
    other = [(f"s{n}", name.replace("laptop", "my-own"), split) for n, name, split in WHOLE]
    assert offered([*WHOLE[:2], *other]) == ["sr2", "sr3", "sr1"]
