"""Questions about a shortlist: checked, answered without a language model, and kept."""

from pathlib import Path

import pytest

from core.config import Settings
from core.datasets.base import Document
from core.errors import InputError, JobError
from core.events import Failed
from core.live.client import LiveWorker
from core.live.questions import About, Question, reply
from core.shortlist import build
from core.shortlist.compared import Compared
from core.shortlist.neighbourhood import Neighbourhood
from core.toolbox import Toolbox
from tests.shortlist.synthetic import HashEncoder, make_dataset, settings_of

DOCUMENT = Document("d70", "about topic 70", ("L00070",))


def question(**changes: object) -> Question:
    wanted = {"about": About.SHORTLISTS, "dataset": "tiny", "document": DOCUMENT, "k": 10}
    return Question(**{**wanted, **changes})  # type: ignore[arg-type]


@pytest.fixture
def toolbox(home: Path, monkeypatch: pytest.MonkeyPatch) -> Toolbox:
    settings, encoder = settings_of(home), HashEncoder()
    build.build_index(settings, make_dataset(home), encoder)
    monkeypatch.setattr(Toolbox, "encoder", lambda self: encoder)
    return Toolbox(settings)


def test_both_kinds_of_question_are_answered(toolbox: Toolbox) -> None:
    lists = reply(toolbox, question(method="lexical"))
    around = reply(toolbox, question(about=About.NEIGHBOURHOOD))
    assert isinstance(lists, Compared)
    assert lists.found.rows[0].label_id == "L00070"
    assert isinstance(around, Neighbourhood)
    assert around.gold[0].label_id == "L00070"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"k": 0}, "k is 0"),
        ({"k": 301}, "k is 301"),
        ({"ef": 9}, "ef is 9"),
        ({"ef": 10**9}, "ef is 1,000,000,000"),
        ({"method": "magic"}, "no method"),
        ({"document": Document("x", "  ", ())}, "empty"),
        ({"dataset": "nowhere"}, "no dataset"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(
    toolbox: Toolbox, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        reply(toolbox, question(**changes))


def test_without_a_worker_the_asker_is_told(home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "logs").write_text("a file where the worker's log folder should be")
    with pytest.raises(JobError, match="cannot be started"):
        LiveWorker(Settings(home=home)).ask(question())


def test_a_worker_answers_failures_too_and_tries_again_when_asked_again(home: Path) -> None:
    """The real process, with no data to load."""
    worker = LiveWorker(Settings(home=home))
    try:
        for _ in range(2):
            answer = worker.ask(question(dataset="nowhere"), 60)
            assert isinstance(answer, Failed)
            assert "nowhere" in answer.what
    finally:
        worker.close()


def test_a_worker_that_dies_leaves_no_question_open(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = LiveWorker(Settings(home=home))
    assert worker.ask(question(dataset="nowhere")) is None
    assert worker._process is not None
    worker._process.kill()
    answer = worker.ask(question(dataset="nowhere"), 60)
    assert isinstance(answer, Failed)
    worker.close()
