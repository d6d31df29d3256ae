"""Which method a dataset uses unless told otherwise: the one that was best on dev documents.

Measured after the index is built, and kept beside it with the numbers that decided. It holds for
the dataset, encoder, word settings and constants it was measured with; without it, the default is
dense.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.atomic import write_text
from core.config import Settings
from core.datasets.base import Dataset
from core.errors import IndexFileError
from core.shortlist.base import Method
from core.shortlist.lexical import WORDS
from core.shortlist.version import retrieval_identity

FORMAT = 1


@dataclass(frozen=True)
class Choice:
    """The default method of a dataset and why: mean recall of each method on dev documents.

    `recalls`: method -> cut-off -> mean recall in [0, 1]. The method of the highest mean over the
    cut-offs is chosen; of equals, the simpler.
    """

    method: Method
    recalls: dict[str, dict[str, float]]
    documents: int
    split: str
    dataset: str
    dataset_fingerprint: str
    encoder: str
    words: str
    retrieval: str = ""  # of files written before it was recorded: measured again
    format: int = FORMAT

    def fits(self, dataset: Dataset, encoder: str) -> bool:
        """Whether it was measured with this dataset, this encoder and these word settings."""
        return (
            self.format == FORMAT
            and self.dataset_fingerprint == dataset.info.fingerprint
            and self.encoder == encoder
            and self.words == WORDS.identity
            and self.retrieval == retrieval_identity()
            and set(self.recalls) == set(Method)
        )


def choice_path(settings: Settings, dataset: Dataset) -> Path:
    """Beside the index; one file a dataset, since several may share one index."""
    folder = settings.indexes_dir / dataset.info.index_name
    return folder / f"retrieval-{dataset.name}.json"


def read_choice(settings: Settings, dataset: Dataset, encoder: str) -> Choice | None:
    """What was measured, or None where nothing was, or with something else.

    Raises IndexFileError for a file that is not one PhaseLens wrote.
    """
    path = choice_path(settings, dataset)
    try:
        data: Any = json.loads(path.read_text("utf-8"))
        if data.get("format") != FORMAT:
            return None
        choice = Choice(**{**data, "method": Method(data["method"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise IndexFileError(
            f"{path} cannot be read ({error}).",
            f"Delete it, and measure again: `phaselens tune {dataset.name}`.",
        ) from error
    return choice if choice.fits(dataset, encoder) else None


def write_choice(settings: Settings, dataset: Dataset, choice: Choice) -> None:
    write_text(choice_path(settings, dataset), json.dumps(asdict(choice), indent=1))


def best_of(means: dict[str, dict[str, float]]) -> Method:
    """The method of the highest mean recall over the cut-offs; of equals, the first in Method."""
    return max(Method, key=lambda method: sum(means[method.value].values()))
