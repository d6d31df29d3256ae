"""Errors a user can act on. Each says what happened and what to do next."""


class PhaseLensError(Exception):
    """Something the user can mend: `what` happened and the `fix`, each one plain sentence."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what, fix)  # both in args, so that the error survives pickling
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} {self.fix}".strip()


class InputError(PhaseLensError):
    """A text, number or name that cannot be used as given."""


class UnknownNameError(InputError):
    """No dataset, document, system, model, run or trace of that name."""


class DataError(PhaseLensError):
    """A dataset or label file that is missing, unreadable or changed."""


class IndexFileError(PhaseLensError):
    """An index that is missing, truncated, foreign or built from other labels."""


class ModelError(PhaseLensError):
    """A model folder, file or endpoint that cannot be used."""


class EndpointError(ModelError):
    """A model server that refuses, hangs or answers something else."""


class StoreError(PhaseLensError):
    """A database or disk that is locked, read-only, full or damaged."""


class JobError(PhaseLensError):
    """Long work that cannot be started, taken over or cancelled."""


class NotAllowedError(PhaseLensError):
    """Something that the person's role does not allow."""


class ConflictError(PhaseLensError):
    """Somebody, or the same person in another window, was faster: nothing was overwritten."""
