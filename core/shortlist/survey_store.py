"""Where surveys are kept, and the making of one: blocks while it runs, three files when done.

    <home>/surveys/<dataset>/<id>/
        gold.parquet        method, document, label, known, rank, exact_rank
        documents.parquet   method, document, gold, ms_search, overlap_10 ... overlap_100
        survey.json         the identity, counts and times
    <home>/surveys/<dataset>/.<id>.work/NNNNN.gold.parquet, NNNNN.documents.parquet

`rank` is the label's place in the search, from 1, and empty beyond k_max; `exact_rank` its place
by the same method with exact search, empty for a label outside the vocabulary. `overlap_k` is the
share of the k labels of exact search that the search found, in [0, 1].

The finished folder appears at once, under a name that says what it is of; so a survey that is
there is whole, and the same question finds it.
"""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from core.atomic import new_file, new_folder, write_text
from core.config import Settings
from core.datasets.base import Dataset, Split
from core.encoders import Encoder
from core.errors import DataError, StoreError
from core.shortlist.base import Method
from core.shortlist.survey import (
    BLOCK,
    GOLD_COLUMNS,
    Plan,
    Report,
    documents_of,
    identity_of,
    open_retriever,
    survey_block,
    survey_id,
)

ABOUT, GOLD, DOCUMENTS = "survey.json", "gold.parquet", "documents.parquet"


@dataclass(frozen=True)
class SurveyInfo:
    """What a survey is of. `seconds` counts all attempts; `identity` is all that decided it."""

    id: str
    plan: Plan
    documents: int
    seconds: float
    made_at: str
    identity: dict[str, Any]

    @property
    def ef(self) -> int | None:
        """The ef that HNSW searched with, at least k_max."""
        own = self.plan.ef or self.identity.get("index_ef")
        return None if own is None else max(int(own), self.plan.k_max)

    def fits(self, dataset: Dataset) -> bool:
        """Whether it is of the dataset as it is now: the same documents, gold and labels."""
        return self.identity.get("dataset_fingerprint") == dataset.info.fingerprint


@dataclass(frozen=True)
class Survey:
    """A survey as read from disk; the frames have the columns named above."""

    info: SurveyInfo
    gold: pd.DataFrame
    documents: pd.DataFrame


def surveys_folder(settings: Settings, dataset: str) -> Path:
    return settings.home / "surveys" / dataset


def make_survey(
    settings: Settings,
    dataset: Dataset,
    encoder: Encoder,
    plan: Plan,
    *,
    on_progress: Report = lambda stage, done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SurveyInfo | None:
    """Makes a survey, or goes on with one that was stopped; None when cancelled.

    One that is there already is returned as it is. Raises InputError, IndexFileError, DataError
    for a split without documents that have gold labels, and StoreError for a disk that is full.
    """
    plan.check()
    retriever = open_retriever(settings, dataset, encoder)
    identity = identity_of(plan, dataset, retriever)
    found = survey_id(identity)
    folder = surveys_folder(settings, dataset.name) / found
    rows = documents_of(dataset, Split(plan.split), plan.limit)
    if not rows:
        raise DataError(
            f"The {plan.split} split of {dataset.name} has no documents with gold labels.",
            "Choose another split.",
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{found}.lock"):
            if (folder / ABOUT).is_file():
                return read_info(folder)
            work = folder.parent / f".{found}.work"
            work.mkdir(exist_ok=True)
            if Method.LEXICAL in plan.methods or Method.FUSION in plan.methods:
                on_progress("Opening the word index", 0, 0)
                _ = retriever.lexical
            for start in range(0, len(rows), BLOCK):
                on_progress("Surveying documents", start, len(rows))
                if cancelled():
                    return None
                if _block(work, start, DOCUMENTS).is_file():
                    continue
                began = time.perf_counter()
                documents = [dataset.document_at(row) for row in rows[start : start + BLOCK]]
                gold, searched = survey_block(retriever, documents, plan)
                searched["seconds"] = (time.perf_counter() - began) / len(searched)
                _write(gold, _block(work, start, GOLD))
                _write(searched, _block(work, start, DOCUMENTS))
            on_progress("Surveying documents", len(rows), len(rows))
            info = _finish(folder, work, found, plan, identity, len(rows))
            shutil.rmtree(work, ignore_errors=True)
            return info
    except OSError as error:
        raise StoreError(
            f"The survey cannot be kept in {folder.parent} ({error.strerror or error}).",
            "Make room on the disk, or mend the folder's rights, and start it again.",
        ) from error


def list_surveys(settings: Settings, dataset: str) -> list[SurveyInfo]:
    """The surveys of a dataset, newest first; a folder that cannot be read is left out."""
    found = []
    for about in surveys_folder(settings, dataset).glob(f"*/{ABOUT}"):
        try:
            found.append(read_info(about.parent))
        except DataError:
            continue
    return sorted(found, key=lambda info: info.made_at, reverse=True)


def read_info(folder: Path) -> SurveyInfo:
    """Raises DataError for a file that is no survey's."""
    try:
        data = json.loads((folder / ABOUT).read_text("utf-8"))
        return SurveyInfo(**{**data, "plan": Plan.from_json(data["plan"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(folder, error) from error


def read_survey(settings: Settings, dataset: str, survey: str) -> Survey:
    """A survey by its id. Raises DataError when it is missing or damaged."""
    folder = surveys_folder(settings, dataset) / Path(survey).name
    info = read_info(folder)
    try:
        gold = pd.read_parquet(folder / GOLD)
        documents = pd.read_parquet(folder / DOCUMENTS)
    except (OSError, ValueError) as error:  # pyarrow's errors are among them
        raise _damaged(folder, error) from error
    return Survey(info, gold, documents)


def _damaged(folder: Path, error: Exception) -> DataError:
    return DataError(
        f"The survey {folder.name} cannot be read ({error}).",
        f"Delete {folder} and make the survey again.",
    )


def _block(work: Path, start: int, name: str) -> Path:
    return work / f"{start:07}.{name}"


def _write(frame: pd.DataFrame, path: Path) -> None:
    with new_file(path) as temporary:
        frame.to_parquet(temporary, index=False)


def _finish(
    folder: Path, work: Path, found: str, plan: Plan, identity: dict[str, Any], documents: int
) -> SurveyInfo:
    gold = _together(work, GOLD).astype({"rank": "Int64", "exact_rank": "Int64"})[GOLD_COLUMNS]
    searched = _together(work, DOCUMENTS)
    seconds = float(searched["seconds"].sum())
    info = SurveyInfo(
        found, plan, documents, seconds, datetime.now(UTC).isoformat(timespec="seconds"), identity
    )
    with new_folder(folder) as temporary:
        gold.to_parquet(temporary / GOLD, index=False)
        searched.drop(columns="seconds").to_parquet(temporary / DOCUMENTS, index=False)
        write_text(temporary / ABOUT, json.dumps(asdict(info), indent=1))
    return info


def _together(work: Path, name: str) -> pd.DataFrame:
    parts = [pd.read_parquet(path) for path in sorted(work.glob(f"*.{name}"))]
    return pd.concat(parts, ignore_index=True)
