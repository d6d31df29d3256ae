"""Agreement, Settle, and a single trace on the Annotate page."""

from typing import Any

import pytest

from core.annotation.judgement import Judgement
from core.annotation.people import local_person
from core.annotation.verdicts import LabelVerdict, ShortlistVerdict, TaskKind
from core.errors import UnknownNameError
from db.adjudication import adjudicate, settled
from db.judgement_drafts import draft
from db.judgements import judge_task, judge_trace
from db.queues import Queue, add_queue
from db.tasks import next_task
from pages.parts import judge as judge_part
from tests.db.asked import sent
from tests.pages import saved
from tests.pages.conftest import Open, run, words_of

ADA, BEN, LEAD = (local_person(name) for name in ("Ada", "Ben", "Lead"))
GOOD = Judgement(ShortlistVerdict.GOOD, {"I50.9": LabelVerdict.RELEVANT})
BAD = Judgement(
    ShortlistVerdict.OFF_TOPIC, {"I50.9": LabelVerdict.IRRELEVANT}, comment="<b>other</b> texts"
)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the browser would be given of each task, last one last."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(judge_part, "_COMPONENT", lambda **given: found.append(given["data"]))
    return found


def judged_queue(*said: tuple[Judgement, Judgement]) -> tuple[Queue, list[int]]:
    """A queue with one task for each pair of what Ada and Ben say; the ids of its tasks."""
    traces = [(saved.save(f"d{at}"), None) for at in range(len(said))]
    with saved.store().write() as session:
        queue = add_queue(
            session, LEAD, name="q", kind=TaskKind.SHORTLIST, traces=traces, overlap=2
        )
        tasks = []
        for ada, ben in said:
            for who, judgement in ((ADA, ada), (BEN, ben)):
                task = next_task(session, who, queue.id)
                assert task is not None
                judge_task(session, who, task.id, sent(judgement))
            tasks.append(task.id)
    return queue, tasks


def test_agreement_counts_what_is_disputed(open_page: Open) -> None:
    judged_queue((GOOD, GOOD), (GOOD, BAD), (BAD, BAD))
    app = open_page("annotate", "Lead", view="Agreement")
    assert {one.label: one.value for one in app.metric} == {
        "Tasks judged": "3", "by two or more": "3", "disputed": "1", "settled": "0",
    }  # fmt: skip
    tables = [table.value for table in app.dataframe]
    disputes = next(table for table in tables if "they differ on" in table)
    assert list(disputes["they differ on"]) == ["the verdict and 1 label"]
    assert "Gold that may be wrong" in words_of(app)


def test_agreement_of_a_queue_that_nobody_has_judged_says_so(open_page: Open) -> None:
    assert "There is no queue yet" in words_of(open_page("annotate", "Lead", view="Agreement"))
    trace = saved.save()
    with saved.store().write() as session:
        add_queue(session, LEAD, name="q", kind=TaskKind.SHORTLIST, traces=[(trace, None)])
    app = open_page("annotate", "Lead", view="Agreement")
    assert "Nobody has judged a task of this queue yet" in words_of(app)


def test_settling_shows_who_said_what_and_begins_with_what_most_say(
    open_page: Open, shown: list[dict[str, Any]]
) -> None:
    queue, tasks = judged_queue((GOOD, GOOD), (GOOD, BAD))
    open_page("annotate", "Lead", view="Settle", queue=queue.id)
    assert shown[-1]["task"] == str(tasks[1]), "where all agree nothing is to be settled"
    votes = shown[-1]["votes"]
    assert votes["verdict"] == {"good": ["Ada"], "off_topic": ["Ben"]}
    assert votes["labels"]["I50.9"] == {"relevant": ["Ada"], "irrelevant": ["Ben"]}
    assert shown[-1]["said"] == {}, "a tie: nothing is chosen"


def test_what_is_settled_is_left_out_unless_it_is_asked_for(
    open_page: Open, shown: list[dict[str, Any]]
) -> None:
    queue, (first, second) = judged_queue((GOOD, BAD), (GOOD, BAD))
    with saved.store().write() as session:
        adjudicate(session, LEAD, first, sent(GOOD))
    app = open_page("annotate", "Lead", view="Settle", queue=queue.id)
    assert shown[-1]["task"] == str(second)
    with saved.store().write() as session:
        adjudicate(session, LEAD, second, sent(BAD))
    app = open_page("annotate", "Lead", view="Settle", queue=queue.id)
    assert "Nothing is left to settle" in words_of(app)
    app.button(key="settle_undo").click()
    run(app)
    assert shown[-1]["task"] == str(second)
    assert shown[-1]["said"]["shortlist"] == "off_topic"
    with saved.store().read() as session:
        assert settled(session, queue.id) == {first}
        assert draft(session, LEAD, f"settle:{second}") is not None
    open_page("annotate", "Lead", view="Settle", queue=queue.id, task=str(first))
    assert shown[-1]["task"] == str(first)
    assert "settled by Lead" in shown[-1]["about"]


def test_a_task_that_is_not_of_the_queue_is_not_shown(
    open_page: Open, shown: list[dict[str, Any]]
) -> None:
    queue, tasks = judged_queue((GOOD, BAD))
    open_page("annotate", "Lead", view="Settle", queue=queue.id, task="999999")
    assert shown[-1]["task"] == str(tasks[0])


def test_a_trace_is_judged_outside_any_queue(open_page: Open, shown: list[dict[str, Any]]) -> None:
    trace = saved.save()
    app = open_page("annotate", view="Judge", trace=trace)
    assert "Who is judging?" in words_of(app)
    with saved.store().write() as session:
        judge_trace(session, BEN, trace, sent(BAD))
        judge_trace(session, ADA, trace, sent(GOOD))
    app = open_page("annotate", "Ada", view="Judge", trace=trace)
    assert shown[-1]["said"]["shortlist"] == "good"
    assert shown[-1]["votes"] is None
    words = words_of(app)
    assert "You said: good, 1 label judged" in words
    assert "Ben: off topic" in words


def test_a_link_to_a_trace_that_is_not_here_says_so(open_page: Open) -> None:
    app = open_page("annotate", "Ada", view="Judge", trace="nowhere")
    assert not app.exception
    app.button[0]  # the way back to the queues


def test_one_leaves_a_single_trace_for_the_queues(
    open_page: Open, shown: list[dict[str, Any]]
) -> None:
    trace = saved.save()
    app = open_page("annotate", "Ada", view="Judge", trace=trace)
    app.button(key="single_leave").click()
    run(app)
    assert "There is no open queue for you" in words_of(app)
    queue, _ = judged_queue((GOOD, BAD))
    app = open_page("annotate", "Eva", view="Judge", trace=trace)
    app.segmented_control(key="annotate_view").set_value("Queues")
    run(app)
    app.button(key=f"queue_judge_{queue.id}").click()
    run(app)
    assert "Nothing is left for you in this queue" in words_of(app)


def test_a_dataset_that_is_gone_leaves_its_labels_by_id(
    open_page: Open, shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = Judgement(ShortlistVerdict.MISSING_GOLD, missing=("Z99",))
    queue, _ = judged_queue((GOOD, missing))

    def gone(name: str) -> None:
        raise UnknownNameError(f"There is no dataset {name!r}.", "Get it again.")

    monkeypatch.setattr("pages.parts.services.dataset", gone)
    open_page("annotate", "Lead", view="Settle", queue=queue.id)
    assert shown[-1]["votes"]["said"][1]["missing"] == ["Z99"]
    assert not open_page("annotate", "Lead", view="Agreement", queue=queue.id).exception


def test_a_task_of_more_digits_than_there_are_is_none(
    open_page: Open, shown: list[dict[str, Any]]
) -> None:
    queue, tasks = judged_queue((GOOD, BAD))
    open_page("annotate", "Lead", view="Settle", queue=queue.id, task="9" * 30)
    assert shown[-1]["task"] == str(tasks[0])
