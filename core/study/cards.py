"""Adapters that ship, each with a model card: data, seeds, scores and limits."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.atomic import new_folder, write_text
from core.config import Settings
from core.distill.arm import Arm
from core.distill.teacher import WARM_UP
from core.errors import InputError
from core.models import catalogue
from core.models.adapter_files import About, read_about
from core.models.catalogue import adapter_folder
from core.study.presets import Preset

CARD = "README.md"
# The two that the question is about, of the first seed: 15 MB with the teacher. The others' weights
# stay at home, their traces ship.
SHIPPED_ARMS = (Arm.STANDARD, Arm.MECHANISTIC)
LICENCE = "apache-2.0"  # of SmolLM2, whose weights an adapter changes
LIMITS = """\
- Small, and trained on little: it shows how two phases are taught and measured. Do not code,
  index or diagnose anything with it.
- It reads English; what it was never shown (other vocabularies, longer lists) it does badly.
- Its two phases were taught by a template of ours. That it has them is no evidence that phases
  arise by themselves.
- Gold labels that are not among the labels shown to it cannot be answered.
"""


def ship_adapters(
    settings: Settings, preset: Preset, results: Mapping[str, Any] | None, place: Path | None = None
) -> list[str]:
    """Copies the adapters that ship to `place` (default: sample_data/adapters), each with its
    card; gives their names. `results`: of core.study.results, None where nothing is tested yet.
    Raises InputError for those of a model that was added.
    """
    place = place or catalogue.SHIPPED
    names = [f"{preset.name}-teacher"]
    if not adapter_folder(settings, names[0]).is_dir():  # a study may go on where it is copied to
        names = [f"{preset.name}-{WARM_UP}"]
    names += [f"{preset.name}-{arm.value}-{preset.seeds[0]}" for arm in SHIPPED_ARMS]
    shipped = []
    for name in names:
        source = adapter_folder(settings, name)
        if not source.is_dir():
            continue
        about = read_about(source)
        if about.base is not None:
            raise InputError(
                f"{name} is of a model that was added, of which no licence is known here.",
                "Pack into a folder of your own, with --folder: its adapters stay where they are.",
            )
        with new_folder(place / name) as new:
            shutil.copytree(source, new, dirs_exist_ok=True)
            scores = scores_of(name.removeprefix(f"{preset.name}-"), results or {})
            write_text(new / CARD, card(about, scores))
        shipped.append(name)
    return shipped


def scores_of(system: str, results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A system's test scores by dataset, as far as there are any."""
    datasets = results.get("datasets", {})
    return {
        name: part["systems"][system]
        for name, part in datasets.items()
        if system in part["systems"]
    }


def card(about: About, scores: Mapping[str, Mapping[str, Any]]) -> str:
    """The model card, in Markdown with the header that model hubs read."""
    return "\n".join(
        [
            "---",
            "base_model: HuggingFaceTB/SmolLM2-135M-Instruct",
            "library_name: phaselens",  # layers are left out, which peft alone does not know
            f"license: {LICENCE}",
            "language: en",
            "---",
            "",
            f"# {about.name}",
            "",
            f"{about.title}. A low-rank adapter (LoRA, rank {about.rank}, alpha {about.alpha}, all "
            f"linear layers, float16) on layers {_listed(about.layers)} of SmolLM2-135M-Instruct, "
            "trained by `phaselens distill`. PhaseLens opens it by its name; in Python, "
            "`core.models.adapters.adapted(base, folder)` does.",
            "",
            "## Data and training",
            "",
            *_training(about.provenance),
            "",
            "## Scores on test",
            "",
            *_scores(scores),
            "",
            "## Limits",
            "",
            LIMITS,
        ]
    )


def _training(provenance: Mapping[str, Any]) -> list[str]:
    preset = provenance.get("preset", {})
    lessons = zip(preset.get("datasets", ()), preset.get("lessons", ()), strict=False)
    lines = [
        f"- Preset {preset.get('name')}: teacher lessons from gold "
        f"({', '.join(f'{count} of {name}' for name, count in lessons)}, split train-teacher), "
        "those of its second training retold as it decides itself.",
        f"- The teacher's first training, from a fresh adapter: `{_plan(preset.get('warm_up'))}`",
        f"- Its second, on from there: `{_plan(preset.get('own_words'))}`",
    ]
    if "arm" in provenance:
        lines += [
            f"- Student: the teacher's own traces of {preset.get('student_documents')} documents a "
            "dataset (split train-student), beginning with the teacher's adapter in the layers "
            "that it keeps.",
            f"- Loss: arm {provenance['arm']} (docs/distillation-losses.md){_setting(provenance)}.",
        ]
    lines.append("- Nothing of the splits dev and test was trained on.")
    return [*lines, f"- Plan of this adapter, seed included: `{_plan(provenance.get('plan'))}`"]


def _plan(plan: Any) -> str:
    return json.dumps(plan or {}, sort_keys=True)


def _setting(provenance: Mapping[str, Any]) -> str:
    """With what weight, and how it was chosen."""
    weight = provenance.get("setting", {}).get("weight")
    if weight is None or provenance["arm"] == Arm.STANDARD.value:
        return "; learning rate chosen on dev"
    return f", its terms weighted {weight:g}; learning rate and weight chosen on dev"


def _scores(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if not scores:
        return ["Not tested yet."]
    lines = [
        "| dataset | documents | example F1 (95%) | micro F1 | well-formed | run |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, one in scores.items():
        low, high = one["interval"]["low"], one["interval"]["high"]
        well = one["buckets"]["ok"] / one["documents"]
        lines.append(
            f"| {name} | {one['documents']} | {one['example_f1']:.3f} ({low:.3f} to {high:.3f}) | "
            f"{one['micro_f1']:.3f} | {well:.0%} | {one['run']} |"
        )
    return [*lines, "", "By `phaselens results --json`; beside its baselines in docs/results.md."]


def _listed(layers: Sequence[int]) -> str:
    if len(layers) == 1:
        return str(layers[0])
    step = layers[1] - layers[0]
    if list(layers) == list(range(layers[0], layers[-1] + 1, step)):
        every = "" if step == 1 else f", every {step}"
        return f"{layers[0]} to {layers[-1]}{every}"
    return ", ".join(map(str, layers))
