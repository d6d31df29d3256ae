"""Which of many runs can be compared with each other."""

from collections.abc import Collection, Mapping
from itertools import combinations


def together(documents: Mapping[str, Collection[str]], most: int) -> list[str]:
    """Up to `most` runs that can be compared, out of `documents` (run -> ids of the documents that
    it has answered): the pair that shares the most, then whichever leaves the most shared, in the
    order given where they tie; none where no two share any."""
    sets = {run: set(ids) for run, ids in documents.items()}
    pairs = [(len(sets[a] & sets[b]), a, b) for a, b in combinations(sets, 2)]
    shared, *best = max(pairs, key=lambda pair: pair[0], default=(0,))
    if not shared:
        return []
    chosen = [str(run) for run in best]
    common = sets[chosen[0]] & sets[chosen[1]]
    while len(chosen) < most:
        left = [(len(common & sets[run]), run) for run in sets if run not in chosen]
        count, run = max(left, key=lambda one: one[0], default=(0, ""))
        if not count or 2 * count < len(common):  # it would take more than half of them away
            break
        chosen.append(run)
        common &= sets[run]
    return [run for run in sets if run in chosen]
