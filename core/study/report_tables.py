"""Tables and figures of the page about a study (core/study/report.py), in Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.distill.arm import TEACHER, Arm, title_of
from core.metrics.paired import p_number
from core.models.catalogue import BASE

RULES = {
    "top": "the {n} nearest by cosine",
    "threshold": "cosine above {threshold:.3f}",
    "scorer": "the untuned model's Scorer above {threshold:.3f}",
    BASE: "the untuned model's own trace",
}
UNWEIGHTED = (Arm.STANDARD.value, Arm.LONGER.value)  # they add nothing to L_cot
LEVELS = ("mean_focus", "mean_confusion")
Row = Mapping[str, Any]


def training_rows(trained: Row) -> Iterator[Sequence[str]]:
    for name, one in trained.items():
        setting, arm = one["setting"], name.rpartition("-")[0]
        weight = "" if arm in UNWEIGHTED else f"{setting['weight']:g}"
        yield (
            name, f"{setting['learning_rate']:g}", weight, f"{one['traces']:,}",
            f"{one['with_phases']:,}", f"{one['tokens']:,}", f"{one['compute_seconds']:,.0f}",
        )  # fmt: skip


def loss_rows(learned: Row, losses: Sequence[str]) -> Iterator[Sequence[str]]:
    for name, found in learned.items():
        ends = (found.get(loss) for loss in losses)
        yield (
            name,
            *("" if one is None else f"{one['first']:.2g} to {one['last']:.2g}" for one in ends),
        )


def trial_rows(trials: Sequence[Row], names: Sequence[str]) -> Iterator[Sequence[str]]:
    for trial in trials:
        values = [trial["example_f1"][name] for name in names]
        weight = "" if trial["arm"] in UNWEIGHTED else f"{trial['weight']:g}"
        shown = (f"{value:.3f}" for value in (*values, sum(values) / len(values)))
        yield (trial["arm"], f"{trial['learning_rate']:g}", weight, *shown)


def rule_words(part: Row, rule: str) -> str:
    return RULES[rule].format(**part["baselines"].get(rule, {}))


def teacher_rows(part: Row) -> Iterator[Sequence[str]]:
    if TEACHER in part["over_seeds"]:
        yield (TEACHER, interval(part["over_seeds"][TEACHER]), "", "")
    for rule, less in part["teacher_less"].items():
        found = part["over_seeds"].get(rule) or part["baselines"][rule]
        yield (
            rule_words(part, rule),
            interval(found),
            interval(less, "mean", "+.3f"),
            p_number(less["p_holm"]),
        )


def arm_rows(part: Row) -> Iterator[Sequence[str]]:
    for name, found in part["over_seeds"].items():
        by_seed = ", ".join(f"{value:.3f}" for value in found["by_seed"])
        if between := found["between_seeds"]:
            by_seed += f" ({between['low']:.3f} to {between['high']:.3f})"
        less = part["mechanistic_less"].get(name)
        shown: tuple[str, ...] = ("", "", "")
        if less is not None:
            seeds = f", {less['seeds']} seed{'s' * (less['seeds'] > 1)}"
            p_values = (p_number(less[p]) for p in ("p", "p_holm"))
            shown = (interval(less, "mean", "+.3f") + seeds, *p_values)
        yield (title_of(name), interval(found), by_seed if found["seeds"] > 1 else "", *shown)


def measure_rows(systems: Row) -> Iterator[Sequence[str]]:
    if systems:
        alone = next(iter(systems.values()))["retrieval"]
        yield ("retrieval alone", "", "", "", "", *map(number, ranked(alone)), "", "")
    for name, one in systems.items():
        values = (
            one["micro_f1"], one["macro_f1"], one["precision"], one["recall"], *ranked(one)
        )  # fmt: skip
        well = one["buckets"]["ok"] / one["documents"]
        yield (name, *map(number, values), f"{well:.0%}", f"`{one['run']}`")


def ranked(one: Row) -> tuple[float | None, ...]:
    return one["p"]["1"], one["ndcg"]["5"], one["psp"]["5"] if one["psp"] else None


def fate_rows(systems: Row, fates: Sequence[str]) -> Iterator[Sequence[str]]:
    for name, one in systems.items():
        counts = [f"{one['fates'][fate] / one['gold']:.0%}" for fate in fates]
        cost = (f"{one['answered_labels']:.1f}", f"{one['mean_tokens']:.0f}")
        took = one["seconds_per_document"]
        yield (name, *counts, *cost, "" if took is None else f"{took:.1f}")


def likeness_rows(systems: Row) -> Iterator[Sequence[str]]:
    for name, one in systems.items():
        alike = one.get("teacher_likeness") or {}
        simulated = one["simulatability"] or {}
        yield (
            name,
            *(number(alike.get(k)) for k in ("shortlists", "verdicts", "focus", "confusion")),
            *("" if one[k] is None else interval(one[k], "mean") for k in LEVELS),
            "" if simulated.get("las") is None else interval(simulated, "las"),
            number(simulated.get("leaking")),
        )


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def interval(found: Row, name: str = "example_f1", form: str = ".3f") -> str:
    return f"{found[name]:{form}} ({found['low']:{form}} to {found['high']:{form}})"


def difference(less: Row) -> str:
    return f"{interval(less, 'mean', '+.3f')}, p {p_number(less['p'])}"


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
