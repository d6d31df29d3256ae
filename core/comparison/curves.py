"""Focus and Confusion of several runs, as means over documents."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from core.comparison.measures import share_interval
from core.traces.base import CurvePoint

RESAMPLES = 200  # hundreds of points are drawn, as a band


def mean_curves(curves: Mapping[str, Mapping[str, Sequence[CurvePoint]]]) -> pd.DataFrame:
    """Mean Focus and Confusion at each t over the documents that all of these runs have curves of:
    run, t, curve, value, low, high, documents. `curves`: points by run and document; runs without
    any are left out."""
    curves = {run: some for run, some in curves.items() if some}
    shared = sorted(set.intersection(*(set(some) for some in curves.values()))) if curves else []
    rows = []
    for run, some in curves.items():
        for name in ("focus", "confusion"):
            by_t: dict[float, list[float]] = {}
            for document in shared:
                for point in some[document]:
                    value = getattr(point, name)
                    if value is not None:
                        by_t.setdefault(round(point.t, 4), []).append(value)
            for t, values in sorted(by_t.items()):
                interval = share_interval(np.array(values)[:, None], resamples=RESAMPLES)
                rows.append(
                    {
                        "run": run,
                        "t": t,
                        "curve": name.capitalize(),
                        "value": float(interval.value[0]),
                        "low": float(interval.low[0]),
                        "high": float(interval.high[0]),
                        "documents": len(values),
                    }
                )
    return pd.DataFrame(rows, columns=["run", "t", "curve", "value", "low", "high", "documents"])
