"""The study that a preset's name and a student's name choose."""

from core.config import Settings
from core.errors import InputError
from core.models.base import ModelKind
from core.study.presets import Preset, find_preset, with_student
from core.toolbox import find_system
from db.session import Store


def chosen_preset(settings: Settings, store: Store, preset: str, student: str | None) -> Preset:
    """`student`: a model that was added (Settings, `phaselens models`), or None for the preset's
    own. Raises UnknownNameError, and InputError for a system that is no model by itself."""
    found = find_preset(preset)
    if student is None:
        return found
    spec = find_system(settings, store, student).model
    if spec.kind in (ModelKind.ADAPTER, ModelKind.ENDPOINT):
        raise InputError(
            f"{student} cannot be trained here: it is an {spec.kind.value}.",
            "Choose a whole model of this machine.",
        )
    return with_student(found, spec)
