"""Which study is meant: the one that the names of a preset and of models ask for, and the one that
goes by a name of its own."""

import re
from dataclasses import replace

from core.config import Settings
from core.errors import InputError, UnknownNameError
from core.models.base import ModelKind, ModelSpec
from core.study.asked import ASKED, Asked, asked_for, keep_asked, options_of
from core.study.cell_files import study_folder
from core.study.presets import PRESETS, Preset, find_preset, with_models
from core.toolbox import find_system
from db.session import Store

_NAME = re.compile(r"(?=.{1,40}$)[a-z0-9]+(-[a-z0-9]+)*")


def chosen_preset(settings: Settings, store: Store, asked: Asked) -> Preset:
    """The preset, under the study's name. Raises UnknownNameError, and InputError for a system
    that is no model by itself, or a name that cannot be."""
    found = find_preset(asked.preset)
    if asked.teacher is not None or asked.student is not None:
        models = [
            None if one is None else _model(settings, store, one)
            for one in (asked.teacher, asked.student)
        ]
        found = with_models(found, *models)
    return found if asked.called is None else replace(found, name=_name(asked.called))


def begun(settings: Settings, store: Store, asked: Asked) -> Preset:
    """The same, and its name means this study from now on. Raises InputError where it means
    another already."""
    preset = chosen_preset(settings, store, asked)
    before = _asked_for(settings, preset.name) or asked
    if before != asked:
        raise InputError(
            f"The study {preset.name} was asked for otherwise: {options_of(before)}.",
            "Give the options that it was begun with, or another name with --as.",
        )
    keep_asked(settings, preset.name, asked)
    return preset


def study_named(settings: Settings, store: Store, name: str) -> Preset:
    """The study of that name: one that was begun here, or a preset's. Raises UnknownNameError."""
    asked = _asked_for(settings, name)
    if asked is not None:
        return chosen_preset(settings, store, asked)
    others = sorted(path.parent.name for path in study_folder(settings, "").glob(f"*/{ASKED}"))
    raise UnknownNameError(
        f"There is no study named {name!r}.",
        f"Choose one of: {', '.join(dict.fromkeys([*PRESETS, *others]))}.",
    )


def _asked_for(settings: Settings, study: str) -> Asked | None:
    """Of a preset's own study it is known before it begins."""
    return asked_for(settings, study) or (Asked(study) if study in PRESETS else None)


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
