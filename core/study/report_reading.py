"""How the tables of a study's page are to be read, as a section of it (core/study/report.py)."""

from collections.abc import Iterator

from core.distill.arm import TITLES
from core.study.report_tables import Row


def reading_lines(datasets: Row, curves: Row | None) -> Iterator[str]:
    """A section in Markdown, once for all tables. `curves`: what was told when they were
    measured again (core/study/curves.py)."""
    simulators = sorted({part["simulator"] for part in datasets.values()})
    yield "## How to read the tables"
    yield ""
    yield (
        "- Arms: "
        + "; ".join(f"`{arm.value}` is {title}" for arm, title in TITLES.items()
                    if title != arm.value)
        + ". A number at the end is the seed."
    )  # fmt: skip
    yield (
        "- **p, corrected**: by Holm's method; of mechanistic less standard over the datasets, of "
        "mechanistic less the other arms over these and datasets, of the teacher over what it must "
        "beat, in each dataset."
    )
    yield (
        "- **by seed**: where an arm has several seeds, F1 is of their mean, document by document; "
        "in brackets the interval over seeds."
    )
    yield (
        "- **precision**, **recall**: of the answer, means over documents, 0 where it is empty. "
        "**P@1**, **nDCG@5** and **PSP@5** are of a ranking that is filled up with the other "
        "labels as retrieved, so that part of them is retrieval's; what retrieval has alone stands "
        "first."
    )
    yield (
        "- **seconds**: of the clock a document, in reference mode after drafts of 8 side by side "
        "in fast mode, on the machine that ran the test; of the last stretch of a run that was "
        "broken off, and with whatever else the machine did: an order of size, no measurement."
    )
    yield (
        "- **shortlists**, **verdicts**, **Focus apart**, **Confusion apart**: how alike traces "
        "are to the teacher's, as Jaccard of the labels that phase 1 names, Cohen's kappa of "
        "verdicts, and mean distance of the two curves (lower is nearer). **Focus** (higher is "
        "better), **Confusion** (lower is better): means of the curves. **LAS**: leakage-adjusted "
        f"simulatability; the simulator is a {' / '.join(simulators)}. **leaking**: of the "
        "labels that were shown, the share for which the trace alone is enough to tell whether the "
        "model answers them; where it is nearly all, LAS rests on few labels and says little."
    )
    yield f"- {_measured(datasets, curves)}"
    yield ""


def _measured(datasets: Row, curves: Row | None) -> str:
    """Whether one machine has measured the curves of all."""
    by_it: Row = curves["systems"] if curves else {}
    others = [
        f"{system} ({dataset})"
        for dataset, part in datasets.items()
        for system in part["systems"]
        if system not in by_it.get(dataset, [])
    ]
    if curves and not others:
        return (
            "The curves of all systems were measured by one machine (`phaselens results curves`), "
            f"{curves['processor']}, with `{curves['encoder']}`."
        )
    which = f"of {', '.join(others)} " if curves else ""
    return (
        f"The curves {which}are of the machine that ran each test. Processors round vectors "
        "differently, and near misses with them: distances of curves are in part those of machines "
        "until one has measured all (`phaselens results curves`)."
    )
