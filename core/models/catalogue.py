"""Which language models there are, and how each is opened. Imports no torch until one is."""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from core.config import Settings
from core.errors import ModelError
from core.models.adapter_files import ABOUT, read_about
from core.models.base import LanguageModel, ModelKind, ModelSpec
from core.models.chat_stream import Asked, never
from core.models.precision import DTYPES
from core.models.weights import find_weights
from core.systems import System

BASE = "base"
TEACHER = "laptop-teacher"  # ships, and is what the app answers with unless another is chosen
SHIPPED = Path(__file__).resolve().parents[2] / "sample_data" / "adapters"
PACKAGED = ModelSpec(name="SmolLM2-135M-Instruct (packaged)", kind=ModelKind.PACKAGED, location="")


def systems_from(settings: Settings, specs: Iterable[ModelSpec]) -> list[System]:
    """The teacher that ships, the base system (the packaged model, untuned), those of other
    adapters that ship or were trained here, then one for each added model."""
    base = System(BASE, "Base: SmolLM2-135M-Instruct, untuned", PACKAGED)
    added = [System(spec.name, spec.name, spec) for spec in specs]
    found = [base, *adapter_systems(settings), *added]
    return sorted(found, key=lambda system: system.name != TEACHER)


def adapter_systems(settings: Settings) -> list[System]:
    """A system for each adapter in sample_data/adapters and in the home; one of the home goes
    before a shipped one of the same name. Folders that cannot be read are passed over: opening
    them by name says why."""
    found: dict[str, System] = {}
    for parent in (SHIPPED, settings.adapters_dir):
        for about_file in sorted(parent.glob(f"*/{ABOUT}")):
            try:
                about = read_about(about_file.parent)
            except ModelError:
                continue
            spec = ModelSpec(about.name, ModelKind.ADAPTER, str(about_file.parent))
            found[about.name] = System(
                about.name, about.title, spec, about.prompt, about.max_new_tokens, about.method
            )
    return list(found.values())


def adapter_folder(settings: Settings, name: str) -> Path:
    """Where an adapter of this name lies, or, where there is none, would be written: in the home,
    which goes before what ships."""
    here, shipped = settings.adapters_dir / name, SHIPPED / name
    return shipped if not (here / ABOUT).exists() and (shipped / ABOUT).exists() else here


def load_model(
    spec: ModelSpec,
    settings: Settings,
    cancelled: Asked = never,
    base: Callable[[ModelSpec], LanguageModel] | None = None,
) -> LanguageModel:
    """Opens a model. `base` gives the model that an adapter belongs to, where it may be open
    already. Raises ModelError, EndpointError, StoreError, and Cancelled while a server is
    waited for."""
    if spec.kind is ModelKind.ENDPOINT:
        from core.models.server import ServerModel

        return ServerModel.connect(spec, cancelled)
    from core.models.local import LocalModel

    if spec.kind is ModelKind.ADAPTER:
        about = read_about(Path(spec.location))
        plain = PACKAGED if about.base is None else ModelSpec(**about.base)
        plain = replace(plain, kind=ModelKind(plain.kind), dtype=spec.dtype)
        below = base(plain) if base is not None else LocalModel.load(plain, settings)
        if not isinstance(below, LocalModel):
            raise TypeError(f"{plain.name} does not run in this process")
        return LocalModel.adapted(spec, below, settings)
    return LocalModel.load(spec, settings)


def check_spec(spec: ModelSpec, settings: Settings, cancelled: Asked = never) -> None:
    """Whether a spec can be used, as far as can be said quickly. Raises ModelError if not.

    Local models: the files and the tokenizer, not the weights themselves. Endpoints: one
    request, which `cancelled` breaks off (Cancelled is raised). Hub ids are only checked for
    their form: transformers fetches them at first use.
    """
    if not spec.name.strip():
        raise ModelError("The model has no name.", "Give it a short name.")
    if spec.dtype not in DTYPES:
        raise ModelError(f"The number format {spec.dtype!r} is unknown.", f"Use one of {DTYPES}.")
    if spec.kind is ModelKind.ENDPOINT:
        from core.models.server import ServerModel

        ServerModel.connect(spec, cancelled).probe(cancelled)
    elif spec.kind is ModelKind.LOCAL:
        from core.models.folder_check import check_folder

        check_folder(find_weights(spec.location))
    elif spec.kind is ModelKind.ADAPTER:
        read_about(Path(spec.location))
    elif spec.kind is ModelKind.HUB:
        _check_hub_id(spec.location)


def _check_hub_id(name: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise ModelError(
            f"{name!r} is not a Hugging Face id.", "Write it as owner/name."
        ) from error
    if os.sep != "/" and os.sep in name:
        raise ModelError(f"{name!r} is a path.", "Add it as a local folder instead.")
