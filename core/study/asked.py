"""What a study was asked for by, kept beside its cells: read without torch."""

import json
from dataclasses import asdict, dataclass

from core.atomic import write_text
from core.config import Settings
from core.errors import DataError
from core.study.cell_files import study_folder

ASKED = "study.json"  # in the study's folder


@dataclass(frozen=True, slots=True)
class Asked:
    """What a study is asked for by. `teacher`, `student`: models that were added (Settings), or
    None for the preset's own. `called`: the study's name, for one beside another of the same
    preset."""

    preset: str
    teacher: str | None = None
    student: str | None = None
    called: str | None = None


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
