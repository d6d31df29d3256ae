"""The models of a study: the base, what students are made of, and the adapters in the home."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.distill.arm import TEACHER
from core.distill.lessons import METHOD
from core.distill.teacher import WARM_UP
from core.errors import ModelError
from core.models.adapter_files import ABOUT, About
from core.models.adapters import (
    adapted,
    load_adapter,
    save_adapter,
    student_of,
    with_adapter,
)
from core.models.base import ModelKind, ModelSpec
from core.models.catalogue import PACKAGED, adapter_folder
from core.models.local import LocalModel
from core.rerank.prompts import RATED_PROMPT
from core.study.presets import Preset
from core.toolbox import Toolbox


@dataclass
class StudyModels:
    """Opened when they are asked for; the base is in memory once."""

    toolbox: Toolbox
    preset: Preset

    def base(self) -> LocalModel:
        """The teacher's."""
        return self._open(self.preset.teacher or PACKAGED)

    def student_base(self) -> LocalModel:
        """The model whose layers students have. Raises ModelError where it reads other tokens than
        the teacher."""
        base = self.base()
        if self.preset.student is None:
            return base
        student = self._open(self.preset.student)
        check_same_tokens(base, student)
        return student

    def _open(self, spec: ModelSpec) -> LocalModel:
        model = self.toolbox.model(replace(spec, dtype="float32"))
        if not isinstance(model, LocalModel):
            raise ModelError(
                f"{spec.name} does not run in this process.", "Choose a model of this machine."
            )
        return model

    def new_student(self, layers: Sequence[int], seed: int) -> Any:
        """Before its training, of those layers of its base. It sets out from the adapter that the
        finished teacher has there, whatever the seed: the layers by themselves say nothing. One of
        a model that was named sets out from a fresh adapter."""
        model = with_adapter(
            student_of(self.student_base().model, layers), self.preset.rank, self.preset.alpha, seed
        )
        if self.preset.student is None:
            load_adapter(model, self.folder(TEACHER), layers)
        return model

    def teacher(self) -> Any:
        """The causal model of the finished teacher."""
        return adapted(self.base().model, self.folder(TEACHER))

    def written_by(self, system: str) -> LocalModel:
        """A finished system that writes."""
        spec = ModelSpec(system, ModelKind.ADAPTER, str(self.folder(system)), dtype="float32")
        return LocalModel.adapted(spec, self.base(), self.toolbox.settings)

    def folder(self, system: str) -> Path:
        return adapter_folder(self.toolbox.settings, self.name(system))

    def kept(self, system: str) -> bool:
        """Whether a finished system's adapter is here; not all of a study's travel with it."""
        return (self.folder(system) / ABOUT).exists()

    def name(self, system: str) -> str:
        """Of the system in the app."""
        return f"{self.preset.name}-{system}"

    def save(
        self, system: str, model: Any, layers: Sequence[int], provenance: dict[str, Any]
    ) -> None:
        preset = self.preset
        of_teacher = system in (WARM_UP, TEACHER)
        base = preset.teacher if of_teacher else preset.student or preset.teacher
        about = About(
            self.name(system), system_title(system, self.preset.name), tuple(layers),
            self.preset.rank, self.preset.alpha, RATED_PROMPT,
            {"preset": asdict(self.preset), **provenance},
            None if base is None else asdict(base), preset.max_new_tokens, METHOD.value,
        )  # fmt: skip
        save_adapter(model, self.toolbox.settings.adapters_dir / self.name(system), about)


def system_title(system: str, preset: str) -> str:
    """What a system is called on the pages."""
    if system == WARM_UP:
        return f"Teacher after its warm-up (study {preset})"
    arm, _, seed = system.rpartition("-")
    if not arm:
        return f"{system.capitalize()} (study {preset})"
    return f"{arm.replace('-', ' ').capitalize()} student, seed {seed} (study {preset})"


def check_same_tokens(teacher: LocalModel, student: LocalModel) -> None:
    """Teacher and student must read the very same tokens. Raises ModelError."""
    name = student.spec.name
    if teacher.tokenizer.get_vocab() != student.tokenizer.get_vocab():
        raise ModelError(
            f"{name} has another vocabulary than the teacher.",
            "Choose a model of the teacher's family: its loss compares token by token.",
        )
    if teacher.render("a b") != student.render("a b"):
        raise ModelError(
            f"{name} puts prompts into another chat template than the teacher.",
            "Give it the teacher's chat template.",
        )
