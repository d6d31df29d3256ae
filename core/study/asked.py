"""What a study is asked for by, and is kept beside its cells: without torch."""

import json
import re
from dataclasses import asdict, dataclass

from core.atomic import write_text
from core.config import Settings
from core.errors import DataError, InputError
from core.models.base import ModelKind, ModelSpec
from core.study.cell_files import study_folder
from core.study.sizes import SIZES
from core.toolbox import find_system
from db.session import Store

ASKED = "study.json"  # in the study's folder
_NAME = re.compile(r"(?=.{1,40}$)[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a study is asked for by. `teacher`, `student`: models that were added (Settings), or
    None for the preset's own. `called`: the study's name, for one beside another of the same
    preset."""

    preset: str
    teacher: str | None = None
    student: str | None = None
    called: str | None = None


def name_of(asked: Asked) -> str:
    """The study's name. Raises InputError for one that cannot be."""
    if asked.called is not None:
        if not _NAME.fullmatch(asked.called) or asked.called in SIZES:
            raise InputError(
                f"A study cannot be called {asked.called!r}.",
                "Take small letters, digits and single hyphens between them, 40 at most, and not "
                "the name of a preset.",
            )
        return asked.called
    names = [asked.preset]
    for role, model in (("teacher", asked.teacher), ("student", asked.student)):
        if model is not None:
            words = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
            names.append(f"{role}-{words}".strip("-"))
    return "-".join(names)


def models_of(
    settings: Settings, store: Store, asked: Asked
) -> tuple[ModelSpec | None, ModelSpec | None]:
    """Teacher's and student's, None for the preset's own. Raises UnknownNameError, and InputError
    for a system that is no model by itself."""
    return (
        None if asked.teacher is None else _model(settings, store, asked.teacher),
        None if asked.student is None else _model(settings, store, asked.student),
    )


def can_be_trained(spec: ModelSpec) -> bool:
    """Whether it is a whole model of this machine."""
    return spec.kind not in (ModelKind.ADAPTER, ModelKind.ENDPOINT)


def _model(settings: Settings, store: Store, name: str) -> ModelSpec:
    spec = find_system(settings, store, name).model
    if not can_be_trained(spec):
        raise InputError(
            f"{name} cannot be trained here: it is an {spec.kind.value}.",
            "Choose a whole model of this machine.",
        )
    return spec


def asked_for(settings: Settings, study: str) -> Asked | None:
    """By what a study was asked for; None where that is not known here. Raises DataError."""
    place = study_folder(settings, study) / ASKED
    if not place.exists():
        return None
    try:
        return Asked(**json.loads(place.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{place} is damaged ({error}).", "Delete it, and give `phaselens distill` again."
        ) from error


def keep_asked(settings: Settings, study: str, asked: Asked) -> None:
    """What its name means on this machine from now on."""
    write_text(study_folder(settings, study) / ASKED, json.dumps(asdict(asked)))


def options_of(asked: Asked) -> str:
    """As `phaselens distill` takes it."""
    options = {"preset": asked.preset, "teacher": asked.teacher, "student": asked.student,
               "as": asked.called}  # fmt: skip
    return " ".join(f"--{name} {value}" for name, value in options.items() if value is not None)
