"""One document through every stage, with a small real index and a model that writes a script.

The real model goes the same way in tests/live and tests/cli.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import core.trace_curves
from core.datasets.base import Document
from core.errors import IndexFileError, InputError, ModelError
from core.events import Event, Finished, Prompted, Shortlisted, Stage, StageDone, Wrote
from core.models.base import ModelKind, ModelSpec
from core.pipeline import Answered, answer
from core.rerank.base import Bucket, Fate, Mode, PlacedBy
from core.shortlist import build
from core.shortlist.lexical import WORDS
from core.shortlist.retriever import Method, Retriever
from core.systems import RunConfig, System
from core.tools import Tools
from core.traces.base import FinishReason
from tests.rerank.scripted import ScriptedModel
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of

CONFIG = RunConfig("tiny", "scripted", "{document}\n{candidates}", k=5, n=3)
SCRIPT = "Shortlist:\n1. topic 7\n2. this one\nReasoning:\n1. keep: same\n2. drop: other\nAnswer: 1"


class QuietEncoder(HashEncoder):
    """The hash encoder with what the pipeline asks beside vectors."""

    max_tokens = 8
    cache_problem = ""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


@dataclass
class Bench:
    tools: Tools
    events: list[Event]

    def answer(self, document: Document, config: RunConfig = CONFIG, stop: int = -1) -> Answered:
        """`stop`: cancelled once so many pieces are written."""

        def cancelled() -> bool:
            return stop >= 0 and sum(isinstance(e, Wrote) for e in self.events) >= stop

        return answer(self.tools, document, config, emit=self.events.append, cancelled=cancelled)

    def notes(self) -> dict[Stage, str]:
        return {e.stage: e.note for e in self.events if isinstance(e, StageDone)}


@pytest.fixture
def bench(home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(build, "BLOCK_ROWS", 32)
    settings, dataset, encoder = settings_of(home), make_dataset(home), QuietEncoder()
    build.build_index(settings, dataset, encoder)
    retriever = Retriever.open(settings, dataset, encoder)  # type: ignore[arg-type]
    model = ScriptedModel(SCRIPT, true={"": 0.5})
    system = System("scripted", "Scripted", ModelSpec("scripted", ModelKind.LOCAL, ""))
    return Bench(Tools(settings, dataset, encoder, retriever, model, system), [])  # type: ignore[arg-type]


def model(bench: Bench) -> ScriptedModel:
    assert isinstance(bench.tools.model, ScriptedModel)
    return bench.tools.model


DOCUMENT = Document("d7", "topic 7", ("L00007", "nowhere"))


def test_every_stage_is_told_in_order_and_the_result_is_whole(bench: Bench) -> None:
    done = bench.answer(DOCUMENT)
    kinds = [type(e) for e in bench.events]
    assert kinds.index(Shortlisted) < kinds.index(Prompted) < kinds.index(Wrote)
    assert kinds[-1] is Finished
    stages = [e.stage for e in bench.events if isinstance(e, StageDone)]
    assert stages == [Stage.EMBED, Stage.SEARCH, Stage.REASON, Stage.SCORE, Stage.ANALYSE]
    assert done.shortlist.rows[0].label_id == "L00007"
    assert done.prediction.selected == ("L00007",)
    assert done.prediction.bucket is Bucket.OK
    assert {fate.label_id: fate.fate for fate in done.fates} == {
        "L00007": Fate.SELECTED,
        "nowhere": Fate.NOT_IN_VOCABULARY,
    }
    assert done.trace.boundary is not None
    assert done.trace.curves is not None
    assert done.trace.curves.near_misses_from == "gold"
    assert done.recall_at_k == 0.5
    assert done.example_f1 == pytest.approx(2 / 3)


def test_a_shortlist_that_is_given_is_shown_and_not_searched_for(bench: Bench) -> None:
    first = bench.answer(DOCUMENT)
    rows = tuple(reversed(first.shortlist.rows))
    given = (replace(first.shortlist, rows=rows, index="of another machine"), first.gold)
    bench.tools = replace(bench.tools, found={DOCUMENT.id: given})
    bench.events.clear()
    again = bench.answer(DOCUMENT)
    assert (again.shortlist, again.gold) == given
    assert [c.label_id for c in again.candidates] == [row.label_id for row in rows[: CONFIG.n]]
    assert bench.notes()[Stage.SEARCH] == "as another system of the same study was shown it"
    assert Stage.EMBED not in bench.notes()
    other = bench.answer(replace(DOCUMENT, id="d8"))
    assert other.shortlist.rows == first.shortlist.rows, "of another document it is searched for"


def test_every_retrieved_label_is_ranked_and_says_what_placed_it(bench: Bench) -> None:
    ranking = bench.answer(DOCUMENT).prediction.ranking
    assert [row.placed_by for row in ranking] == [
        PlacedBy.ANSWER,
        PlacedBy.SCORE,
        PlacedBy.SCORE,
        PlacedBy.COMPLETED,
        PlacedBy.COMPLETED,
    ]
    assert [row.rank for row in ranking] == [1, 2, 3, 4, 5]


def test_without_gold_the_near_misses_are_what_was_shown_and_not_chosen(bench: Bench) -> None:
    done = bench.answer(Document("own", "topic 7", ()))
    assert done.example_f1 is None
    assert done.trace.curves is not None
    assert done.trace.curves.near_misses_from == "not chosen"
    assert {m.label_id for m in done.trace.curves.near_misses} == {
        c.label_id for c in done.candidates[1:]
    }


def test_a_scorer_that_fails_never_costs_the_trace(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ModelError("Out of memory.", "Choose a smaller model.")

    monkeypatch.setattr(model(bench), "log_probabilities", fail)
    done = bench.answer(DOCUMENT)
    assert done.trace.text == SCRIPT
    assert done.prediction.selected == ("L00007",)
    assert "Out of memory" in bench.notes()[Stage.SCORE]
    assert all(row.score is None for row in done.prediction.ranking)


def test_a_model_without_probabilities_is_said_to_be_one(bench: Bench) -> None:
    model(bench).true = None
    bench.answer(DOCUMENT)
    assert "no probabilities" in bench.notes()[Stage.SCORE]


def test_a_cancelled_trace_is_kept_and_not_scored(bench: Bench) -> None:
    done = bench.answer(DOCUMENT, stop=3)
    assert done.trace.finish_reason is FinishReason.CANCELLED
    assert SCRIPT.startswith(done.trace.text)
    assert done.trace.text
    assert Stage.SCORE not in bench.notes()


def test_a_text_longer_than_the_encoder_reads_is_said_to_be_cut(bench: Bench) -> None:
    bench.answer(Document("long", "word " * 20, ()))
    assert bench.notes()[Stage.EMBED] == "only the first 8 of 20 tokens are read"


def test_a_partial_index_says_what_it_covers(bench: Bench, home: Path) -> None:
    settings, encoder = bench.tools.settings, QuietEncoder()
    dataset = make_dataset(home, name="half")
    asked = iter([False] * 4 + [True] * 1000)
    build.build_index(settings, dataset, encoder, cancelled=lambda: next(asked))
    retriever = Retriever.open(settings, dataset, encoder)  # type: ignore[arg-type]
    tools = Tools(settings, dataset, encoder, retriever, bench.tools.model, bench.tools.system)  # type: ignore[arg-type]
    done = Bench(tools, bench.events).answer(DOCUMENT)
    assert done.shortlist.partial
    assert f"{done.shortlist.searched} of 300 labels" in bench.notes()[Stage.SEARCH]
    assert tools.identity(CONFIG)["index"].startswith("partial:")


@pytest.mark.parametrize("method", list(Method))
def test_a_run_retrieves_by_the_method_it_names(bench: Bench, method: Method) -> None:
    done = bench.answer(DOCUMENT, replace(CONFIG, method=method.value))
    assert done.shortlist.method == method.value
    assert done.shortlist.rows[0].label_id == "L00007"
    assert done.gold[0].exact_rank == 1
    assert done.prediction.selected == ("L00007",)


def test_an_empty_method_is_the_default_of_the_dataset_and_the_run_says_which(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = bench.tools.identity(CONFIG)
    assert identity["config"]["method"] == "dense"
    assert identity["words"] is None
    assert identity == bench.tools.identity(replace(CONFIG, method="dense"))

    monkeypatch.setattr(Retriever, "default", Method.FUSION)

    identity = bench.tools.identity(CONFIG)
    assert identity["config"]["method"] == "fusion"
    assert identity["words"] == WORDS.identity
    assert bench.answer(DOCUMENT).shortlist.method == "fusion"


def test_the_mode_that_the_model_can_do_is_what_the_run_says(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.tools.identity(CONFIG)["config"]["decoding"]["mode"] == "fast"
    assert bench.tools.mode_note(CONFIG) == ""
    why = "Written in reference mode: the fast one does not know it."
    monkeypatch.setattr(
        ScriptedModel, "mode_for", lambda self, wanted: (Mode.REFERENCE, why), raising=True
    )
    decoding = bench.tools.identity(CONFIG)["config"]["decoding"]
    assert (decoding["mode"], decoding["prompt_lookup"]) == ("reference", 0)
    assert bench.tools.mode_note(CONFIG) == why
    assert bench.tools.side_by_side(CONFIG, 8) == 1


@pytest.mark.parametrize("method", list(Method))
def test_labels_that_a_document_excludes_are_nowhere_in_its_answer(
    bench: Bench, method: Method
) -> None:
    document = Document("d7", "topic 7", ("L00008",), excluded=("L00007",))
    done = bench.answer(document, replace(CONFIG, method=method.value))
    assert done.trace.curves is not None
    shown = {row.label_id for row in done.shortlist.rows}
    near = {miss.label_id for miss in done.trace.curves.near_misses}
    assert "L00007" not in shown | near
    assert len(near) == 10


def test_by_words_alone_fewer_labels_than_n_can_be_shown(bench: Bench) -> None:
    done = bench.answer(Document("d", "number 42", ()), replace(CONFIG, method="lexical"))
    assert [row.label_id for row in done.shortlist.rows] == ["L00042"]
    assert len(done.candidates) == 1


def test_words_that_find_nothing_leave_the_model_nothing_to_see(bench: Bench) -> None:
    with pytest.raises(InputError, match="shares a word"):
        bench.answer(Document("d", "xyzzy", ()), replace(CONFIG, method="lexical"))


@pytest.mark.parametrize(
    ("document", "config"),
    [
        (Document("d", " ", ()), CONFIG),
        (DOCUMENT, replace(CONFIG, method="magic")),
        (DOCUMENT, RunConfig("tiny", "scripted", "{document}{candidates}", k=301)),
        (DOCUMENT, RunConfig("tiny", "scripted", "no placeholder", k=5, n=3)),
    ],
)
def test_what_cannot_work_is_refused_before_the_model_writes(
    bench: Bench, document: Document, config: RunConfig
) -> None:
    with pytest.raises(InputError):
        bench.answer(document, config)
    assert not any(isinstance(e, Wrote) for e in bench.events)


@pytest.mark.parametrize(
    "error", [IndexFileError("It is gone.", ""), OSError("disk"), MemoryError()]
)
def test_an_answer_is_kept_whole_where_its_curves_cannot_be_computed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    whole = bench.answer(DOCUMENT)

    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(core.trace_curves, "curves", broken)
    done = bench.answer(DOCUMENT)
    assert (done.prediction, done.fates) == (whole.prediction, whole.fates)
    assert done.trace.curves is None
    why = str(error) or "MemoryError"
    assert done.trace.notes[-1] == f"Focus and Confusion could not be computed: {why}"
    assert isinstance(bench.events[-1], Finished)
