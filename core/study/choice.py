"""Which study is meant: the one that is asked for, and the one that goes by a name."""

from dataclasses import replace

from core.config import Settings
from core.errors import InputError, UnknownNameError
from core.study.asked import (
    ASKED,
    Asked,
    asked_for,
    keep_asked,
    models_of,
    name_of,
    options_of,
)
from core.study.cell_files import study_folder
from core.study.presets import PRESETS, Preset, find_preset
from db.session import Store


def chosen_preset(settings: Settings, store: Store, asked: Asked) -> Preset:
    """The preset, with its models and under the study's name. Raises UnknownNameError, and
    InputError for a system that is no model by itself, or a name that cannot be."""
    found = find_preset(asked.preset)
    teacher, student = models_of(settings, store, asked)
    return replace(found, name=name_of(asked), teacher=teacher, student=student)


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
