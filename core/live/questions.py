"""Questions that need no language model, which the worker answers beside a running example: about
a shortlist, and what an imported trace holds.

A page asks the same question again at each of its runs, until it is answered; so a question is
plain data that can be compared, and the app keeps the answers to the last ones.
"""

import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from core.config import Settings
from core.datasets.base import Dataset, Document
from core.encoders import Encoder
from core.errors import InputError
from core.events import Failed
from core.live.inside_questions import InsideAnswer, InsideQuestion
from core.shortlist.compared import Compared, compare
from core.shortlist.neighbourhood import Neighbourhood, neighbourhood
from core.shortlist.retriever import Retriever
from core.systems import LARGEST_EF, parse_method
from core.text_check import check_text
from core.toolbox import Toolbox
from core.trace_analysis import Analysed, analyse_stored


class About(StrEnum):
    """What is wanted: the shortlists at once, or what lies around them, which takes longer."""

    SHORTLISTS = "shortlists"
    NEIGHBOURHOOD = "neighbourhood"


@dataclass(frozen=True, slots=True)
class Question:
    """`method` "" is the dataset's default. `index` names the index as the asker knows it, so
    that the question is another one when labels were indexed since."""

    about: About
    dataset: str
    document: Document
    k: int
    ef: int | None = None
    method: str = ""
    index: str = ""
    kept: ClassVar[int] = 64  # answers that the app keeps

    def check(self, settings: Settings, labels: int) -> None:
        """Raises InputError for a text, k, ef or method that cannot be searched with."""
        check_text(self.document.text, settings.max_text_chars)
        if self.method:
            parse_method(self.method)
        if not 1 <= self.k <= labels:
            raise InputError(
                f"k is {self.k}, but must be between 1 and the {labels:,} labels of "
                f"{self.dataset}.",
                "Choose another k.",
            )
        if self.ef is not None and not self.k <= self.ef <= LARGEST_EF:
            raise InputError(
                f"ef is {self.ef:,}, but must be between k = {self.k} and {LARGEST_EF:,}.",
                "Choose another ef, or leave it empty for the index's own.",
            )


@dataclass(frozen=True, slots=True)
class ReadTrace:
    """Work out an imported trace, and keep what was found in the store."""

    trace_id: str
    kept: ClassVar[int] = 64


PlainQuestion = Question | ReadTrace
Answer = Compared | Neighbourhood | Analysed | InsideAnswer | Failed


@dataclass(frozen=True, slots=True)
class Told:
    """The worker's answer to a question."""

    question: PlainQuestion | InsideQuestion
    answer: Answer


class SharedToolbox(Toolbox):
    """A toolbox that two threads may open encoder and indexes from; each is opened once."""

    _opening = threading.RLock()

    def encoder(self) -> Encoder:
        with self._opening:
            return super().encoder()

    def dataset(self, name: str) -> Dataset:
        with self._opening:
            return super().dataset(name)

    def retriever(self, dataset: Dataset) -> Retriever:
        with self._opening:
            return super().retriever(dataset)


def reply(toolbox: Toolbox, question: PlainQuestion) -> Compared | Neighbourhood | Analysed:
    """Answers a question; no language model is loaded for it.

    Raises UnknownNameError, InputError, DataError, IndexFileError, ModelError, StoreError.
    """
    if isinstance(question, ReadTrace):
        return analyse_stored(toolbox, question.trace_id)
    dataset = toolbox.dataset(question.dataset)
    question.check(toolbox.settings, len(dataset.labels))
    encoder = toolbox.encoder()
    retriever = toolbox.retriever(dataset)
    retriever.index.refresh()
    method = parse_method(question.method) if question.method else retriever.default
    document = question.document
    began = time.perf_counter()
    vector = encoder.encode([check_text(document.text, toolbox.settings.max_text_chars)])[0]
    ms_encode = (time.perf_counter() - began) * 1000
    if question.about is About.NEIGHBOURHOOD:
        return neighbourhood(retriever, document, vector, question.k, ef=question.ef, method=method)
    return compare(
        retriever, document, vector, question.k, ef=question.ef, method=method, ms_encode=ms_encode
    )
