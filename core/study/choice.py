"""The study that the names of a preset and of models choose."""

from core.config import Settings
from core.errors import InputError
from core.models.base import ModelKind, ModelSpec
from core.study.presets import Preset, find_preset, with_models
from core.toolbox import find_system
from db.session import Store


def chosen_preset(
    settings: Settings,
    store: Store,
    preset: str,
    teacher: str | None = None,
    student: str | None = None,
) -> Preset:
    """`teacher`, `student`: models that were added (Settings, `phaselens models`), or None for the
    preset's own. Raises UnknownNameError, and InputError for a system that is no model by itself.
    """
    found = find_preset(preset)
    if teacher is None and student is None:
        return found
    named = [None if name is None else _model(settings, store, name) for name in (teacher, student)]
    return with_models(found, *named)


def _model(settings: Settings, store: Store, name: str) -> ModelSpec:
    spec = find_system(settings, store, name).model
    if spec.kind in (ModelKind.ADAPTER, ModelKind.ENDPOINT):
        raise InputError(
            f"{name} cannot be trained here: it is an {spec.kind.value}.",
            "Choose a whole model of this machine.",
        )
    return spec
