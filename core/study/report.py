"""docs/results.md: what a study found, in Markdown, out of core.study.results alone.

Every sentence with a figure is made here from the figures, whichever way they came out.
"""

from collections.abc import Iterator, Sequence

from core.distill.arm import CONTROLS, Arm, title_of
from core.metrics.paired import p_number
from core.study.likeness import CONFUSION, FOCUS
from core.study.report_reading import reading_lines
from core.study.report_students import student_lines
from core.study.report_tables import (
    Row,
    arm_rows,
    difference,
    fate_rows,
    interval,
    likeness_rows,
    measure_rows,
    rule_words,
    table,
    teacher_rows,
)

SIGNIFICANT = 0.05
TUNED_FIRST = (
    "Of standard, mechanistic and the arms that are tuned, the first seed is the better of two "
    "trainings on dev or, where that was lost, another with its setting; further seeds, the longer "
    "standard arm and mechanistic without a phase are one training each, which is to their "
    "disadvantage. "
)
NEARER, LOWER = (FOCUS, CONFUSION), " (lower is nearer)"


def report(data: Row) -> str:
    """The whole page. `data`: as core.study.results.results gives it."""
    return "\n".join(_lines(data)).rstrip() + "\n"


def _lines(data: Row) -> Iterator[str]:
    preset, datasets = data["preset"], data["datasets"]
    yield f"# Results of the study `{preset}`"
    yield ""
    yield (
        "What was asked, trained and tested, and how: [protocol.md](protocol.md). This page is "
        "written by `phaselens results report` out of the runs in the store, which come along in "
        "`sample_data/results`; `phaselens results --json` prints every figure with its run, and "
        "`phaselens results verify` has the adapters write the traces again. "
        "Scores are example-based F1 of the trace's own answer on test documents unless another is "
        "named; intervals are 95% bootstrap over documents, those over seeds Student's t; p is of "
        "a paired permutation test over documents."
    )
    yield ""
    yield "## Does mechanistic distillation beat standard distillation?"
    yield ""
    for name, part in datasets.items():
        yield f"- **{name}**: {_verdict(part, data['planned_seeds'])}"
    yield ""
    yield (
        "The margin arm has seen which labels are gold, as the mechanistic one has, and the "
        "random-head arm has its losses on other heads of the same layers, drawn by chance, once: "
        "a gain over standard that they have too is not one of phases or of heads. The longer "
        "standard arm goes over the same traces for as long as a mechanistic training computes. "
        "Arms are compared by the seeds that both have. "
        + TUNED_FIRST
        * bool(data["students"]["tuning"])
        + "Seeds differ in the order of the traces (and of the random "
        "heads): all students begin with the same weights, so intervals over seeds say less than "
        "those of trainings from different beginnings would."
    )
    yield ""
    yield from student_lines(data["students"], data["learned"])
    yield _took(data["took"])
    yield ""
    yield from reading_lines(datasets, data["curves"])
    for name, part in datasets.items():
        if part["systems"]:
            yield from _dataset(name, part)
    yield "## Limits"
    yield ""
    yield (
        "The teacher's phases were taught by our own template: that it has them is no evidence "
        "that phases arise by themselves. The paper's terms are not all spelled out in it: the "
        "forms of the six losses, the way from the teacher's heads to the student's, and one "
        "weight for both phases are ours ([distillation-losses.md](distillation-losses.md)). The "
        "models have 135 million parameters and less."
    )
    yield ""
    if data["absent"]:
        yield f"Not on the machine that wrote this page: the runs on {', '.join(data['absent'])}."
        yield ""
    yield from _left_out(data["not_planned"])
    if data["not_run"]:
        yield f"Not run: {_not_run(data['not_run'])}."
        yield ""


def _took(took: Row) -> str:
    return (
        f"Trainings of these systems ({took['tokens']:,} tokens) and the runs of the study took "
        f"{took['seconds'] / 3600:.1f} hours by the clock. Trials of which no student came, the "
        "choice of layers and heads, the baselines and stretches that were broken off are not "
        "among them."
    )


def _left_out(left: Row) -> Iterator[str]:
    said = []
    if left["arms"]:
        said.append(f"the arms {', '.join(map(title_of, left['arms']))}")
    if left["seeds"]:
        said.append(f"seeds {', '.join(map(str, left['seeds']))}")
    if left["test_documents"] is not None:
        said.append(f"test documents after the first {left['test_documents']:,} of a dataset")
    if said:
        yield f"Left to the preset `gpu`: {'; '.join(said)}."
        yield ""


def _not_run(cells: Sequence[str]) -> str:
    """ "test/margin-0/icd" and "test/margin-0/wordnet" are "margin-0 (icd, wordnet)"."""
    datasets: dict[str, list[str]] = {}
    for cell in cells:
        _, system, dataset = cell.split("/")
        datasets.setdefault(system, []).append(dataset)
    return "; ".join(f"{system} ({', '.join(some)})" for system, some in datasets.items())


def _verdict(part: Row, planned_seeds: int) -> str:
    less = part["mechanistic_less"].get(Arm.STANDARD.value)
    if less is None:
        return "not tested."
    said = f"{difference(less)}, corrected over datasets {p_number(less['p_holm'])}"
    if less["seeds"] < planned_seeds:
        said += f"; {less['seeds']} of {planned_seeds} seeds so far"
    if between := less["between_seeds"]:
        said += f"; over {len(between['by_seed'])} seeds {interval(between, 'mean', '+.3f')}"
    if untuned := part["untuned"]:
        seeds = untuned["seeds"]
        said += (
            f"; over the {seeds} seed{'s' * (seeds > 1)} that no choice was made by "
            f"{interval(untuned, 'mean', '+.3f')}"
        )
    said += f". {_controls(part)}"
    if less["p_holm"] >= SIGNIFICANT:
        return f"not shown: {said}."
    answer = "yes" if less["mean"] > 0 else "no, it is behind"
    if between is None or between["low"] <= 0 <= between["high"]:
        answer += ", as far as these trainings go (so few seeds do not tell what others would give)"
    return f"{answer}: {said}."


def _controls(part: Row) -> str:
    """What stands beside the headline, so that a gain is not credited to phases or heads when it
    comes from seeing gold, from any heads, or from more computing."""
    said = "; ".join(_less(part, arm) for arm in CONTROLS)
    return f"Beside it, mechanistic {said}; at equal compute, {_less(part, Arm.LONGER)}"


def _less(part: Row, arm: Arm) -> str:
    less = part["mechanistic_less"].get(arm.value)
    if less is None:
        return f"less {title_of(arm)}, not tested yet"
    told = f"{interval(less, 'mean', '+.3f')}, p corrected {p_number(less['p_holm'])}"
    return f"less {title_of(arm)}, {told}"


def _dataset(name: str, part: Row) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    if part["teacher_less"]:
        yield "The teacher, and what it must beat:"
        yield ""
        yield from table(("", "F1", "teacher less it", "p, corrected"), teacher_rows(part))
        yield ""
        yield _teacher_verdict(part)
        yield ""
    ceilings = [one["ceiling"] for one in part["systems"].values()]
    yield (f"No answer among the labels that were shown could have more than {max(ceilings):.3f}.")
    yield ""
    failed = {name: one["failed"] for name, one in part["systems"].items() if one["failed"]}
    if failed:
        counts = ", ".join(f"{name} {count:,}" for name, count in failed.items())
        yield f"Documents that failed and are in no score: {counts}."
        yield ""
    yield "All systems:"
    yield ""
    head: Sequence[str] = ("", "F1", "by seed", "mechanistic less it", "p", "p, corrected")
    yield from table(head, arm_rows(part))
    yield ""
    if part["baselines"]:
        yield _students_verdict(part)
        yield ""
    head = (
        "", "micro F1", "macro F1", "precision", "recall", "P@1", "nDCG@5", "PSP@5", "well-formed",
        "run",
    )  # fmt: skip
    yield from table(head, measure_rows(part["systems"]))
    yield ""
    if part["other_measures"]:
        said = [
            f"- {measure}{LOWER if measure in NEARER else ''}: {difference(less)}, "
            f"corrected {p_number(less['p_holm'])}"
            for measure, less in part["other_measures"].items()
        ]
        yield "Mechanistic less standard in other measures, p corrected over these and datasets:"
        yield ""
        yield from said
        yield ""
    yield "What became of the gold labels, and what an answer costs:"
    yield ""
    fates = sorted({f for one in part["systems"].values() for f, n in one["fates"].items() if n})
    head = ("", *fates, "labels answered", "tokens", "seconds")
    yield from table(head, fate_rows(part["systems"], fates))
    yield ""
    yield "How alike traces are to the teacher's, and how well they tell what is answered:"
    yield ""
    head = (
        "", "shortlists", "verdicts", "Focus apart", "Confusion apart", "Focus", "Confusion", "LAS",
        "leaking",
    )  # fmt: skip
    yield from table(head, likeness_rows(part["systems"]))
    yield ""


def _students_verdict(part: Row) -> str:
    """Whether students have more than the best rule, which no trained model is needed for."""
    rule = max(part["baselines"], key=lambda name: part["baselines"][name]["example_f1"])
    least = part["baselines"][rule]["example_f1"]
    arms = {arm: one for arm, one in part["over_seeds"].items() if arm in set(Arm)}
    above = [title_of(arm) for arm, one in arms.items() if one["example_f1"] > least]
    which = " and ".join(above) if above else "no student's arm"  # titles have commas
    return f"Above {rule_words(part, rule)} ({least:.3f}) is {which}; differences were not tested."


def _teacher_verdict(part: Row) -> str:
    behind = [
        rule_words(part, rule) for rule, less in part["teacher_less"].items()
        if less["mean"] <= 0 or less["p_holm"] >= SIGNIFICANT
    ]  # fmt: skip
    absent = [rule_words(part, rule) for rule in part["teacher_not_beside"]]
    lacking = f" Not tested yet, and counted in the correction: {'; '.join(absent)}."
    said = f"It is not shown to beat {'; nor '.join(behind)}." if behind else (
        "It beats each of these." if absent else "It beats each of them."
    )  # fmt: skip
    return said + lacking * bool(absent)
