"""docs/results.md: what a study found, in Markdown, out of core.study.results alone.

Every sentence with a figure is made here from the figures, whichever way they came out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.distill.arm import Arm
from core.models.catalogue import BASE

SIGNIFICANT = 0.05
SMALLEST_P = 0.001
SCORES = {"coarse": "CoarseScore", "refine": "RefineScore"}
RULES = {
    "top": "the {n} nearest by cosine",
    "threshold": "cosine above {threshold:.3f}",
    "scorer": "the untuned model's Scorer above {threshold:.3f}",
    BASE: "the untuned model's own trace",
}
Row = Mapping[str, Any]


def report(data: Row) -> str:
    """The whole page. `data`: as core.study.results.results gives it."""
    return "\n".join(_lines(data)).rstrip() + "\n"


def _lines(data: Row) -> Iterator[str]:
    preset, datasets = data["preset"], data["datasets"]
    yield f"# Results of the study `{preset}`"
    yield ""
    yield (
        "What was asked, trained and tested, and how: [protocol.md](protocol.md). This page is "
        f"written by `phaselens results report --preset {preset}` out of the runs in the store, "
        "which come along in `sample_data/results`; `phaselens results --json` prints every figure "
        "with its run, and `phaselens results verify` has the adapters write the traces again. "
        "Scores are example-based F1 of the trace's own answer on test documents unless another is "
        "named; intervals are 95% bootstrap over documents, those over seeds Student's t; p is of "
        "a paired permutation test over documents."
    )
    yield ""
    yield "## Does mechanistic distillation beat standard distillation?"
    yield ""
    for name, part in datasets.items():
        yield f"- **{name}**: {_verdict(part)}"
    yield ""
    yield (
        "The margin arm has seen which labels are gold, as the mechanistic one has, and the "
        "random-head arm has its losses on other heads of the same layers, drawn by chance: a gain "
        "over standard that they have too is not one of phases or of heads. Arms are compared by "
        "the seeds that both have. Seeds differ in the order of the traces (and of the random "
        "heads): all students begin with the same weights, so intervals over seeds say less than "
        "those of trainings from different beginnings would."
    )
    yield ""
    yield from _students(data["students"])
    yield from _reading(datasets)
    for name, part in datasets.items():
        if part["systems"]:
            yield from _dataset(name, part)
    yield "## Limits"
    yield ""
    yield (
        "The teacher's phases were taught by our own template: that it has them is no evidence "
        "that phases arise by themselves. The models have 135 million parameters and less."
    )
    yield ""
    if data["not_run"]:
        yield f"Not run: {_not_run(data['not_run'])}."
        yield ""


def _not_run(cells: Sequence[str]) -> str:
    """ "test/margin-0/icd" and "test/margin-0/wordnet" are "margin-0 (icd, wordnet)"."""
    datasets: dict[str, list[str]] = {}
    for cell in cells:
        _, system, dataset = cell.split("/")
        datasets.setdefault(system, []).append(dataset)
    return "; ".join(f"{system} ({', '.join(some)})" for system, some in datasets.items())


def _students(made: Row) -> Iterator[str]:
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
        said = f"{inside} of {of} lie in layers that the student has"
        if inside < of:
            said += "; in place of each other one stands the student's head that is most like it"
        yield f"- Heads with the highest {SCORES[phase]} (layer.head): {chosen}; {said}."
    if made["heads"]:
        yield ""
    if made["tuning"]:
        yield "Tuning on dev, where each trial is a whole training and the best one is the student:"
        yield ""
        names = list(made["tuning"][0]["example_f1"])
        head = ("arm", "learning rate", "weight of its terms", *names, "mean")
        yield from _table(head, _trial_rows(made["tuning"], names))
        yield ""


def _trial_rows(trials: Sequence[Row], names: Sequence[str]) -> Iterator[Sequence[str]]:
    for trial in trials:
        values = [trial["example_f1"][name] for name in names]
        weight = "" if trial["arm"] == Arm.STANDARD.value else f"{trial['weight']:g}"
        shown = (f"{value:.3f}" for value in (*values, sum(values) / len(values)))
        yield (trial["arm"], f"{trial['learning_rate']:g}", weight, *shown)


def _reading(datasets: Row) -> Iterator[str]:
    """What the columns of the tables are, once for all."""
    simulators = sorted({part["simulator"] for part in datasets.values()})
    yield "## How to read the tables"
    yield ""
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
        "in fast mode, on the machine that ran the study."
    )
    yield (
        "- **shortlists**, **verdicts**, **Focus**, **Confusion**: how alike traces are to the "
        "teacher's, as Jaccard, Cohen's kappa, and mean distance of the two curves. **LAS**: "
        f"leakage-adjusted simulatability; the simulator is a {' / '.join(simulators)}; "
        "**leaking**: the share of answers that the trace alone gives away."
    )
    yield ""


def _verdict(part: Row) -> str:
    less = part["mechanistic_less"].get(Arm.STANDARD.value)
    if less is None:
        return "not tested."
    said = f"{_difference(less)}, corrected over datasets {_p(less['p_holm'])}"
    if between := less["between_seeds"]:
        said += f"; over {len(between['by_seed'])} seeds {_interval(between, 'mean', '+.3f')}"
    if less["p_holm"] >= SIGNIFICANT:
        return f"no difference that chance could not make: {said}."
    return f"{'yes' if less['mean'] > 0 else 'no, it is behind'}: {said}."


def _dataset(name: str, part: Row) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    if part["teacher_less"]:
        yield "The teacher, and what it must beat:"
        yield ""
        yield from _table(("", "F1", "teacher less it", "p, corrected"), _teacher_rows(part))
        yield ""
    yield "All systems:"
    yield ""
    head: Sequence[str] = ("", "F1", "by seed", "mechanistic less it", "p", "p, corrected")
    yield from _table(head, _arm_rows(part))
    yield ""
    head = (
        "", "micro F1", "macro F1", "precision", "recall", "P@1", "nDCG@5", "PSP@5", "well-formed",
        "run",
    )  # fmt: skip
    yield from _table(head, _measure_rows(part["systems"]))
    yield ""
    if part["other_measures"]:
        said = [
            f"- {measure}: {_difference(less)}, corrected {_p(less['p_holm'])}"
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
    yield from _table(head, _fate_rows(part["systems"], fates))
    yield ""
    yield "How alike traces are to the teacher's, and how well they tell what is answered:"
    yield ""
    head = ("", "shortlists", "verdicts", "Focus", "Confusion", "LAS", "leaking")
    yield from _table(head, _likeness_rows(part["systems"]))
    yield ""


def _teacher_rows(part: Row) -> Iterator[Sequence[str]]:
    if "teacher" in part["over_seeds"]:
        yield ("teacher", _interval(part["over_seeds"]["teacher"]), "", "")
    for rule, less in part["teacher_less"].items():
        found = part["over_seeds"].get(rule) or part["baselines"][rule]
        what = RULES[rule].format(**part["baselines"].get(rule, {}))
        yield (what, _interval(found), _interval(less, "mean", "+.3f"), _p(less["p_holm"]))


def _arm_rows(part: Row) -> Iterator[Sequence[str]]:
    for name, found in part["over_seeds"].items():
        by_seed = ", ".join(f"{value:.3f}" for value in found["by_seed"])
        if between := found["between_seeds"]:
            by_seed += f" ({between['low']:.3f} to {between['high']:.3f})"
        less = part["mechanistic_less"].get(name)
        shown: tuple[str, ...] = ("", "", "")
        if less is not None:
            seeds = f", {less['seeds']} seed{'s' * (less['seeds'] > 1)}"
            p_values = (_p(less[p]) for p in ("p", "p_holm"))
            shown = (_interval(less, "mean", "+.3f") + seeds, *p_values)
        yield (name, _interval(found), by_seed if found["seeds"] > 1 else "", *shown)


def _measure_rows(systems: Row) -> Iterator[Sequence[str]]:
    if systems:
        alone = next(iter(systems.values()))["retrieval"]
        yield ("retrieval alone", "", "", "", "", *map(_number, _ranked(alone)), "", "")
    for name, one in systems.items():
        values = (
            one["micro_f1"], one["macro_f1"], one["precision"], one["recall"], *_ranked(one)
        )  # fmt: skip
        well = one["buckets"]["ok"] / one["documents"]
        yield (name, *map(_number, values), f"{well:.0%}", f"`{one['run']}`")


def _ranked(one: Row) -> tuple[float | None, ...]:
    return one["p"]["1"], one["ndcg"]["5"], one["psp"]["5"] if one["psp"] else None


def _fate_rows(systems: Row, fates: Sequence[str]) -> Iterator[Sequence[str]]:
    for name, one in systems.items():
        counts = [f"{one['fates'][fate] / one['gold']:.0%}" for fate in fates]
        cost = (f"{one['answered_labels']:.1f}", f"{one['mean_tokens']:.0f}")
        took = one["seconds_per_document"]
        yield (name, *counts, *cost, "" if took is None else f"{took:.1f}")


def _likeness_rows(systems: Row) -> Iterator[Sequence[str]]:
    for name, one in systems.items():
        alike = one.get("teacher_likeness") or {}
        simulated = one["simulatability"] or {}
        yield (
            name,
            *(_number(alike.get(k)) for k in ("shortlists", "verdicts", "focus", "confusion")),
            *(_number(simulated.get(k)) for k in ("las", "leaking")),
        )


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _interval(found: Row, name: str = "example_f1", form: str = ".3f") -> str:
    return f"{found[name]:{form}} ({found['low']:{form}} to {found['high']:{form}})"


def _difference(less: Row) -> str:
    return f"{_interval(less, 'mean', '+.3f')}, {_p(less['p'], 'p ')}"


def _p(value: float, name: str = "") -> str:
    """A permutation test of limited size cannot tell how far below 0.001 it is."""
    return f"{name}{value:.3f}" if value >= SMALLEST_P else f"{name}< {SMALLEST_P}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
