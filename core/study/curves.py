"""Focus and Confusion of a study's tests, measured again with the vectors of one machine.

Which labels are near misses, and so what Confusion is, hangs on the last digits of cosines, which
processors round differently. Where tests ran on several machines, a part of how far a student's
curves are from the teacher's is how far the machines are from each other, until one of them has
measured all. What was written, decided and answered stays as it is.
"""

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.datasets.base import Dataset
from core.study.cell_files import cells_folder, read_results, write_result
from core.study.pack_loading import AT_A_TIME
from core.study.tested import runs_are_away, tests_of
from core.text_check import check_text
from core.toolbox import Toolbox
from core.trace_curves import measured, near_misses_of
from core.traces.base import Curves
from db.runs import run_records
from db.session import Store
from db.traces import StoredTrace, load_trace, replace_curves

CELL = "curves"

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """`encoder`: its identity, of which the number format is a part; `processor`: this machine's;
    `systems`: of each dataset, those whose tests have their curves from both, now or from an
    earlier call; `traces`: measured now; `other_near_misses`: how many of them had other near
    misses before; `absent`: tests, as "system on dataset", that are not in the store."""

    encoder: str
    processor: str
    systems: dict[str, list[str]]
    traces: int
    other_near_misses: int
    absent: list[str]


def measure_again(toolbox: Toolbox, store: Store, study: str, report: Report) -> Measured:
    """The curves of all traces of a study's tests that are in the store; they take the place of
    those before. The study's cell CELL tells what was measured; tests that it tells of, by this
    processor, are passed over.

    Raises InputError where there is none of them, IndexFileError where a dataset has no index.
    """
    tests = tests_of(toolbox.settings, study)
    by_test: dict[tuple[str, str], list[str]] = {}
    with store.read() as session:
        for name, systems in tests.items():
            for system, test in systems.items():
                records = run_records(session, test["run"])
                by_test[name, system] = [one.trace_id for one in records]
    if not any(by_test.values()):
        raise runs_are_away(study, list(tests))
    encoder, here = toolbox.encoder().identity, processor()
    before = read_results(cells_folder(toolbox.settings, study)).get(CELL, {})
    same = (before.get("encoder"), before.get("processor")) == (encoder, here)
    found: dict[str, list[str]] = {}
    left = []
    for (name, system), traces in by_test.items():
        if traces:
            found.setdefault(name, []).append(system)
            if not (same and system in before["systems"].get(name, [])):
                left.append((name, system, traces))
    total = sum(len(traces) for *_, traces in left)
    done = others = 0
    for name, system, traces in left:
        dataset = toolbox.dataset(name)
        for start in range(0, len(traces), AT_A_TIME):
            some = traces[start : start + AT_A_TIME]
            others += _measure(toolbox, store, dataset, some)
            done += len(some)
            report(f"{system} on {name}", done, total)
    told = Measured(
        encoder=encoder,
        processor=here,
        systems=found,
        traces=done,
        other_near_misses=others,
        absent=[f"{system} on {name}" for (name, system), some in by_test.items() if not some],
    )
    stands_on = [f"test/{system}/{name}" for name, systems in found.items() for system in systems]
    write_result(cells_folder(toolbox.settings, study), CELL, stands_on, asdict(told))
    return told


def processor() -> str:
    """What this machine computes with, as its system tells it: name, family, model, stepping."""
    told: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            told.setdefault(name.strip(), value.strip())
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    wanted = ("model name", "cpu family", "model", "stepping")
    return " ".join(told[name] for name in wanted if name in told) or platform.machine()


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
