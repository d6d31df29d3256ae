"""How a study's students were made, as a section of its page (core/study/report.py)."""

from collections.abc import Iterator

from core.study.made import AT_ENDS
from core.study.report_tables import Row, loss_rows, table, training_rows, trial_rows

SCORES = {"coarse": "CoarseScore", "refine": "RefineScore"}


def student_lines(made: Row, learned: Row) -> Iterator[str]:
    """A section in Markdown. `made`, `learned`: as core.study.made gives them."""
    if not any(made.values()):
        return
    yield "## How the students were made"
    yield ""
    if made["layers"]:
        yield (
            f"A student has {len(made['layers'])} of the teacher's layers "
            f"({', '.join(map(str, made['layers']))}), the others taken away one by one, each time "
            "the one whose removal costs the traces' likelihood least."
        )
        yield ""
    for phase, found in made["heads"].items():
        chosen = ", ".join(f"{layer}.{head}" for layer, head in found["chosen"])
        inside, of = found["in_kept_layers"], len(found["chosen"])
        shared, said = found["student_heads_of_random_ones_too"], [chosen]
        if inside is None:
            said.append("for each stands the student's head that is most like it")
        else:
            said.append(f"{inside} of {of} lie in layers that the student has")
            if inside < of:
                said.append("in place of each other one stands the student's head most like it")
        if shared:
            said.append(f"{shared} of the student's heads stand for random heads in that arm too")
        over = f" over {found['scored']} traces" if found["scored"] else ""
        how = f"Heads with the highest {SCORES[phase]}{over}"
        if found["scored"] == 0:
            how = (
                f"No trace could be scored for {SCORES[phase]}, so these heads are drawn by chance"
            )
        yield f"- {how} (layer.head): {'; '.join(said)}."
    if made["heads"]:
        yield ""
    if made["tuning"]:
        yield "Tuning on dev, where each trial is a whole training and the best one is the student:"
        yield ""
        names = list(made["tuning"][0]["example_f1"])
        head = ("arm", "learning rate", "weight of its terms", *names, "mean")
        yield from table(head, trial_rows(made["tuning"], names))
        yield ""
    if made["trained"]:
        yield (
            "Students, with the traces that have phases (on the others the terms of phases are "
            "naught), tokens trained on, and seconds computed:"
        )
        yield ""
        head = ("", "learning rate", "weight", "traces", "with phases", "tokens", "seconds")
        yield from table(head, training_rows(made["trained"]))
        yield ""
        yield from _writings(made["trained"])
    if learned:
        losses = list(dict.fromkeys(loss for found in learned.values() for loss in found))
        yield (
            f"How far each loss came, from its mean over the first {AT_ENDS} steps to that over "
            f"the last {AT_ENDS}, before weights. A term near naught hardly counts beside the "
            "others:"
        )
        yield ""
        yield from table(("", *losses), loss_rows(learned, losses))
        yield ""


def _writings(trained: Row) -> Iterator[str]:
    """Which students learned from which writing of the traces, where there are several."""
    by_runs: dict[tuple[str, ...], list[str]] = {}
    for name, one in trained.items():
        by_runs.setdefault(tuple(one["learned_from"] or ()), []).append(name)
    unknown = by_runs.pop((), [])
    if len(by_runs) < 2:
        return
    said = [
        f"{', '.join(names)} from {', '.join(f'`{run}`' for run in runs)}"
        for runs, names in by_runs.items()
    ]
    if unknown:
        said.append(f"of {', '.join(unknown)} it is not recorded")
    yield (
        "The teacher wrote its traces of the same documents more than once, and not in the same "
        f"words throughout (another processor rounds otherwise): {'; '.join(said)}. Between arms "
        "of different writings, that is a difference beside the one of their losses."
    )
    yield ""
