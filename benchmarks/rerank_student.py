"""How much faster a student writes than its teacher: both adapters on the same base in memory, in
fast mode, in turn, over the same prompts."""

import statistics
from typing import Any

from benchmarks.rerank_subject import Bench
from core.models.catalogue import TEACHER, adapter_systems
from core.models.local import LocalModel

STUDENT = "laptop-standard-0"
MISSING = "No student is here to measure: `phaselens distill` trains some."


def student(bench: Bench) -> dict[str, Any]:
    """Tokens a second, their medians, and the ratio pair by pair; None where one is not here."""
    systems = {system.name: system for system in adapter_systems(bench.settings)}
    if not {STUDENT, TEACHER} <= systems.keys():
        return {"missing_student": MISSING}
    names = {"student": STUDENT, "teacher": TEACHER}
    models = {
        role: LocalModel.adapted(systems[name].model, bench.model, bench.settings)
        for role, name in names.items()
    }
    examples, length = bench.long_examples(), bench.choices.trace_tokens
    rates: dict[str, list[float]] = {role: [] for role in models}
    for model in models.values():  # packs its weights
        bench.write(examples[-1], 4, model=model)
    for run in range(bench.choices.runs):
        for at, one in enumerate(examples):
            for role, model in models.items():
                got = bench.write(one, length, model=model)
                rates[role].append(got.tokens / got.seconds)
            last = {role: f"{some[-1]:.1f}" for role, some in rates.items()}
            bench.say(f"run {run + 1}, document {at + 1}: tokens/s {last}")
    ratios = [a / b for a, b in zip(rates["student"], rates["teacher"], strict=True)]
    return {
        "student_speedup": statistics.median(ratios),
        "student_spread": [min(ratios), max(ratios)],
        "student_per_second": statistics.median(rates["student"]),
        "teacher_per_second": statistics.median(rates["teacher"]),
        "student_layers": len(models["student"].model.model.layers),
        "teacher_layers": len(models["teacher"].model.model.layers),
    }
