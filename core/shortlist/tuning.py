"""Measures the methods of retrieval on dev documents and keeps which is best."""

from collections.abc import Callable

from core.config import Settings
from core.datasets.base import Dataset, Split
from core.encoders import Encoder
from core.shortlist.base import Method
from core.shortlist.choice import Choice, best_of, write_choice
from core.shortlist.lexical import WORDS
from core.shortlist.recall import CUTS, Sample, recalls
from core.shortlist.retriever import Retriever
from core.shortlist.version import retrieval_identity

DOCUMENTS = 400
FEWEST = 20  # of fewer dev documents nothing can be concluded

Report = Callable[[str, int, int], None]


def choose(
    settings: Settings,
    dataset: Dataset,
    encoder: Encoder,
    *,
    on_progress: Report = lambda stage, done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
    most: int = DOCUMENTS,
) -> Choice | None:
    """Measures every method on at most `most` dev documents and keeps the best.

    None, and nothing kept, when cancelled or when there are fewer than 20 documents to measure
    with. Raises IndexFileError without an index, StoreError when nothing can be written.
    """
    on_progress("Encoding dev documents", 0, 0)
    sample = Sample.of(dataset, encoder, Split.DEV, most)
    if len(sample.documents) < FEWEST:
        return None
    retriever = Retriever.open(settings, dataset, encoder)
    means: dict[str, dict[str, float]] = {}
    for method in Method:
        stage = f"Measuring {method.value} recall on dev documents"

        def told(done: int, stage: str = stage) -> None:
            on_progress(stage, done, len(sample.documents))

        told(0)
        found = recalls(retriever, sample, method, on_progress=told, cancelled=cancelled)
        if found is None:
            return None
        values = found.mean(axis=0).tolist()
        means[method.value] = {str(cut): value for cut, value in zip(CUTS, values, strict=True)}
    choice = Choice(
        method=best_of(means),
        recalls=means,
        documents=len(sample.documents),
        split=Split.DEV.value,
        dataset=dataset.name,
        dataset_fingerprint=dataset.info.fingerprint,
        encoder=encoder.identity,
        words=WORDS.identity,
        retrieval=retrieval_identity(),
    )
    write_choice(settings, dataset, choice)
    return choice
