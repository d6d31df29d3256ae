"""Head scores of many texts of one run, kept in a file, with intervals over the texts.

    <home>/mechanism/<run id>.npz    coarse, refine `(texts, layers, heads)`, trace ids, counts

A text whose RefineScore cannot be computed has nan there and counts for CoarseScore alone. The file
is replaced whole, so that what it holds is always right as far as it goes.
"""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.atomic import new_file
from core.config import Settings
from core.errors import StoreError
from core.mechanism.results import Grid
from core.metrics.bootstrap import Interval, mean_interval

Grids = npt.NDArray[np.float32]


@dataclass(frozen=True)
class RunScores:
    """`coarse`, `refine`: `(texts, layers, heads)`, one text a trace id, nan = not there.
    `left_out`: how many traces had no scores at all, by why. `weights`: of the model."""

    run_id: str
    weights: str
    trace_ids: tuple[str, ...]
    coarse: Grids
    refine: Grids
    left_out: dict[str, int] = field(default_factory=dict)

    def adding(self, trace_id: str, coarse: Grid, refine: Grid | None) -> "RunScores":
        """With one text more."""
        last = np.full_like(coarse, np.nan) if refine is None else refine
        empty = not self.trace_ids
        return replace(
            self,
            trace_ids=(*self.trace_ids, trace_id),
            coarse=coarse[None] if empty else np.concatenate([self.coarse, coarse[None]]),
            refine=last[None] if empty else np.concatenate([self.refine, last[None]]),
        )

    def leaving_out(self, why: str) -> "RunScores":
        """With one more trace that has no scores."""
        return replace(self, left_out={**self.left_out, why: self.left_out.get(why, 0) + 1})

    def texts_with(self, score: str) -> int:
        """How many texts have the score "coarse" or "refine"."""
        return len(self._of(score))

    def interval(self, score: str) -> Interval | None:
        """Mean of "coarse" or "refine" over the texts with its bootstrap interval, `(layers,
        heads)` each; None for fewer than two texts, which give no interval."""
        grids = self._of(score)
        if len(grids) < 2:
            return None
        found = score_intervals(grids)
        shape = grids.shape[1:]
        return Interval(*(v.reshape(shape) for v in (found.value, found.low, found.high)))

    def _of(self, score: str) -> Grids:
        grids: Grids = getattr(self, score)
        there: Grids = grids[np.isfinite(grids).all(axis=(1, 2))]
        return there


def score_intervals(
    grids: Sequence[Grid] | Grids, *, resamples: int = 1000, seed: int = 0
) -> Interval:
    """Mean score of each head over documents with its bootstrap interval; `(layers * heads,)`,
    head by head within layers. Raises ValueError for no documents."""
    table = np.stack([grid.flatten() for grid in grids]).astype(np.float64)
    return mean_interval(table, resamples=resamples, seed=seed)


def empty_scores(run_id: str, weights: str) -> RunScores:
    """No text yet."""
    none = np.zeros((0, 0, 0), np.float32)
    return RunScores(run_id, weights, (), none, none)


def file_of(settings: Settings, run_id: str) -> Path:
    """Where the scores of a run are kept."""
    return settings.home / "mechanism" / f"{Path(run_id).name}.npz"


def save_scores(settings: Settings, scores: RunScores) -> None:
    """Replaces the file of the run. Raises OSError."""
    path = file_of(settings, scores.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    about = json.dumps(
        {
            "run": scores.run_id,
            "weights": scores.weights,
            "traces": scores.trace_ids,
            "left_out": scores.left_out,
        }
    )
    with new_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, coarse=scores.coarse, refine=scores.refine, about=np.array(about))


def load_scores(settings: Settings, run_id: str) -> RunScores | None:
    """The scores kept for a run, or None. Raises StoreError for a file that cannot be read."""
    path = file_of(settings, run_id)
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            about = json.loads(str(kept["about"]))
            return RunScores(
                about["run"],
                about["weights"],
                tuple(about["traces"]),
                kept["coarse"],
                kept["refine"],
                dict(about["left_out"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"The head scores in {path} cannot be read ({error}).",
            "Delete the file and run `phaselens mechanism scores` again.",
        ) from error
