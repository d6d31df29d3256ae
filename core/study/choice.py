"""The study that the names of a preset and of models choose."""

import re
from dataclasses import replace

from core.config import Settings
from core.errors import InputError
from core.models.base import ModelKind, ModelSpec
from core.study.presets import PRESETS, Preset, find_preset, with_models
from core.toolbox import find_system
from db.session import Store

_NAME = re.compile(r"(?=.{1,40}$)[a-z0-9]+(-[a-z0-9]+)*")


def chosen_preset(
    settings: Settings,
    store: Store,
    preset: str,
    teacher: str | None = None,
    student: str | None = None,
    called: str | None = None,
) -> Preset:
    """`teacher`, `student`: models that were added (Settings, `phaselens models`), or None for the
    preset's own. `called`: the study's name, for one beside another of the same preset. Raises
    UnknownNameError, and InputError for a system that is no model by itself, or a name that cannot
    be.
    """
    found = find_preset(preset)
    if teacher is not None or student is not None:
        models = [
            None if one is None else _model(settings, store, one) for one in (teacher, student)
        ]
        found = with_models(found, *models)
    return found if called is None else replace(found, name=_name(called))


def _name(called: str) -> str:
    if not _NAME.fullmatch(called) or called in PRESETS:
        raise InputError(
            f"A study cannot be called {called!r}.",
            "Take small letters, digits and single hyphens between them, 40 at most, and not the "
            "name of a preset.",
        )
    return called


def _model(settings: Settings, store: Store, name: str) -> ModelSpec:
    spec = find_system(settings, store, name).model
    if spec.kind in (ModelKind.ADAPTER, ModelKind.ENDPOINT):
        raise InputError(
            f"{name} cannot be trained here: it is an {spec.kind.value}.",
            "Choose a whole model of this machine.",
        )
    return spec
