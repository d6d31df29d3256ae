"""Focus and Confusion of a study's tests, measured again with the vectors of one machine.

Which labels are near misses, and so what Confusion is, hangs on the last digits of cosines, which
processors round differently. Where tests ran on several machines, a part of how far a student's
curves are from the teacher's is how far the machines are from each other, until one of them has
measured all. What was written, decided and answered stays as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from core.datasets.base import Dataset
from core.study.cell_files import cells_folder, write_result
from core.study.tested import runs_are_away, tests_of
from core.text_check import check_text
from core.toolbox import Toolbox
from core.trace_curves import measured, near_misses_of
from core.traces.base import Curves
from db.runs import run_records
from db.session import Store
from db.traces import StoredTrace, load_trace, replace_curves

CELL = "curves"
AT_A_TIME = 10  # traces in one transaction: whoever else writes meanwhile need not wait

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """`encoder`: its identity, of which the number format is a part; `systems`: of each dataset,
    those whose tests have their curves from it; `traces`: of these tests; `other_near_misses`: how
    many of them had other near misses before; `absent`: tests, as "system on dataset", that are
    not in the store."""

    encoder: str
    systems: dict[str, list[str]]
    traces: int
    other_near_misses: int
    absent: list[str]


def measure_again(toolbox: Toolbox, store: Store, study: str, report: Report) -> Measured:
    """The curves of all traces of a study's tests that are in the store; they take the place of
    those before. The study's cell CELL tells what was measured.

    Raises InputError where there is none of them, IndexFileError where a dataset has no index.
    """
    tests = tests_of(toolbox.settings, study)
    by_test: dict[tuple[str, str], list[str]] = {}
    with store.read() as session:
        for name, systems in tests.items():
            for system, test in systems.items():
                records = run_records(session, test["run"])
                by_test[name, system] = [one.trace_id for one in records]
    total = sum(map(len, by_test.values()))
    if not total:
        raise runs_are_away(study, list(tests))
    done = others = 0
    found: dict[str, list[str]] = {}
    for (name, system), traces in by_test.items():
        if not traces:
            continue
        dataset = toolbox.dataset(name)
        for start in range(0, len(traces), AT_A_TIME):
            some = traces[start : start + AT_A_TIME]
            others += _measure(toolbox, store, dataset, some)
            done += len(some)
            report(f"{system} on {name}", done, total)
        found.setdefault(name, []).append(system)
    told = Measured(
        encoder=toolbox.encoder().identity,
        systems=found,
        traces=done,
        other_near_misses=others,
        absent=[f"{system} on {name}" for (name, system), some in by_test.items() if not some],
    )
    stands_on = [f"test/{system}/{name}" for name, systems in found.items() for system in systems]
    write_result(cells_folder(toolbox.settings, study), CELL, stands_on, asdict(told))
    return told


def _measure(toolbox: Toolbox, store: Store, dataset: Dataset, traces: Sequence[str]) -> int:
    """How many of them had other near misses."""
    with store.read() as session:
        before = [load_trace(session, trace) for trace in traces]
    after = {one.id: curves for one in before if (curves := _curves(toolbox, dataset, one))}
    with store.write() as session:
        for trace, curves in after.items():
            replace_curves(session, trace, curves)
    old = {one.id: one.trace.curves for one in before if one.trace is not None}
    return sum(_near_misses(old[trace]) != _near_misses(new) for trace, new in after.items())


def _curves(toolbox: Toolbox, dataset: Dataset, stored: StoredTrace) -> Curves | None:
    """None for a trace without words."""
    if stored.trace is None or stored.prediction is None or not stored.trace.text.strip():
        return None
    document = dataset.document(stored.document.id)
    text = check_text(stored.document.text, toolbox.settings.max_text_chars)  # as it was answered
    selected = stored.prediction.selected
    near, source = near_misses_of(toolbox.index(dataset), document, stored.candidates, selected)
    return measured(toolbox.encoder(), stored.trace, text, near, source).curves


def _near_misses(curves: Curves | None) -> set[str]:
    return {one.label_id for one in curves.near_misses} if curves else set()
