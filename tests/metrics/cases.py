"""Random rankings, selected sets and gold sets, with every odd shape among them."""

import random
from collections.abc import Sequence

from core.metrics.ranking import Scored

LABELS = tuple(f"L{number:02d}" for number in range(40))
UNKNOWN = tuple(f"unknown-{number}" for number in range(5))  # in no vocabulary


def random_cases(count: int, seed: int) -> list[Scored]:
    """Rankings of 0 to 30 labels, gold of 0 to 12, some of both unknown; no label ranked twice."""
    rng = random.Random(seed)
    return [one_case(rng, str(number)) for number in range(count)]


def one_case(rng: random.Random, document_id: str) -> Scored:
    pool = LABELS + UNKNOWN if rng.random() < 0.3 else LABELS
    ranking = rng.sample(pool, rng.choice((0, 1, 2, 3, 4, 5, 9, 10, 11, 30)))
    gold = rng.sample(pool, rng.choice((0, 1, 1, 2, 3, 5, 12)))
    if rng.random() < 0.1:  # nothing right
        ranking = [label for label in ranking if label not in gold]
    if rng.random() < 0.1:  # everything right, best first
        ranking = gold + [label for label in ranking if label not in gold]
    selected = rng.sample(ranking, rng.randrange(len(ranking) + 1))
    return Scored(document_id, tuple(ranking), tuple(selected), tuple(gold))


def with_repeats(ranking: Sequence[str], rng: random.Random) -> tuple[str, ...]:
    """The ranking with some labels named again further down."""
    out = list(ranking)
    for label in rng.sample(out, min(3, len(out))):
        out.insert(rng.randint(out.index(label) + 1, len(out)), label)
    return tuple(out)
