"""The Annotate page: queues are made, and their tasks shown one after another."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.annotation.keys import checked_keys
from core.annotation.people import local_person
from core.annotation.verdicts import Compared, TaskKind
from core.rerank.base import Bucket
from db.judgements import judge_task
from db.own_keys import own_keys, save_keys
from db.queue_sources import Source
from db.queues import Queue, add_queue, queues
from db.slices import save_slice
from db.tasks import next_task
from pages.parts import judge as judge_part
from tests.db.asked import sent
from tests.pages import saved
from tests.pages.conftest import Open, html_of, run, words_of

ADA = local_person("Ada")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the browser would be given of each task, last one last."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(judge_part, "_COMPONENT", lambda **given: found.append(given["data"]))
    return found


def queue_of(traces: list[str], kind: TaskKind = TaskKind.SHORTLIST, **how: Any) -> Queue:
    pairs = [(trace, None) for trace in traces]
    if kind is TaskKind.PREFERENCE:
        pairs = list(zip(traces[::2], traces[1::2], strict=True))  # type: ignore[arg-type]
    with saved.store().write() as session:
        return add_queue(session, ADA, name="first", kind=kind, traces=pairs, **how)


def test_a_name_is_asked_for_before_a_task_is_claimed(
    open_page: Open, shown: list[dict[str, Any]]
) -> None:
    queue_of([saved.save()])
    app = open_page("annotate")
    assert "Who is judging?" in words_of(app)
    assert not shown
    app.text_input(key="annotate_who").input("Ada")
    run(app)
    assert shown


def test_without_a_queue_the_page_leads_to_making_one(open_page: Open) -> None:
    app = open_page("annotate", "Ada")
    assert "There is no open queue for you" in words_of(app)
    next(button for button in app.button if button.label == "Make a queue").click()
    run(app)
    assert "There is no queue yet" in words_of(app)


def made(app: AppTest, name: str) -> list[Queue]:
    """Fills in the name, makes the queue, and gives all there are."""
    app.text_input(key="new_queue_name").input(name)
    app.button(key="new_queue_make").click()
    run(app)
    with saved.store().read() as session:
        return queues(session)


def test_a_queue_is_made_of_a_slice_and_its_first_task_shown(
    open_page: Open, shown: list[dict[str, Any]]
) -> None:
    saved.save("other")
    wanted = saved.save("wanted", bucket=Bucket.CUT_OFF)
    with saved.store().write() as session:
        save_slice(session, local_person(), "cut", {"bucket": "cut off"})
    app = open_page("annotate", "Ada", view="Queues")
    app.selectbox(key="new_queue_slice").select("cut")
    (queue,) = made(app, " Cut  off ")
    assert (queue.name, queue.tasks, queue.kind) == ("Cut off", 1, TaskKind.SHORTLIST)
    assert shown[-1]["about"] == "Task 1 of 1 · icd / wanted · base"
    assert [row["id"] for row in shown[-1]["rows"]] == ["I50.9", "I50.1", "I51.9"]
    assert shown[-1]["rows"][0]["gold"] is True
    with saved.store().write() as session:
        task = next_task(session, ADA, queue.id)
    assert task is not None
    assert task.trace_id == wanted


def test_a_queue_of_nothing_or_without_a_name_is_refused_in_words(open_page: Open) -> None:
    app = open_page("annotate", "Ada", view="Queues")
    assert made(app, "x") == []
    assert "No saved trace fits" in html_of(app)
    saved.save()
    assert made(open_page("annotate", "Ada", view="Queues"), "  ") == []


def test_blind_nothing_tells_gold_score_or_system(
    open_page: Open, shown: list[dict[str, Any]]
) -> None:
    queue_of([saved.save()], blind=True)
    open_page("annotate", "Ada")
    (view,) = shown[-1:]
    assert view["gold"] == []
    assert view["about"] == "Task 1 of 1 · icd / 4280"
    assert {row["cosine"] for row in view["rows"]} == {None}
    assert not any(row["gold"] for row in view["rows"])


def test_after_the_last_task_there_is_nothing_left(
    open_page: Open, shown: list[dict[str, Any]]
) -> None:
    queue = queue_of([saved.save(), saved.save("two")])
    for _ in range(2):
        with saved.store().write() as session:
            task = next_task(session, ADA, queue.id)
            assert task is not None
            judge_task(session, ADA, task.id, sent())
    app = open_page("annotate", "Ada")
    assert "Nothing is left for you" in words_of(app)
    app.button(key="annotate_undo_last").click()
    run(app)
    assert shown[-1]["about"].startswith("Task 2 of 2")
    assert shown[-1]["said"] == {"shortlist": "good"}, "what was said is there to be changed"


def test_a_trace_and_two_sides_are_shown(open_page: Open, shown: list[dict[str, Any]]) -> None:
    queue_of([saved.save()], TaskKind.TRACE)
    open_page("annotate", "Ada")
    assert {step["phase"] for step in shown[-1]["steps"]} >= {"shortlisting", "reasoning"}
    pair = (saved.save("p"), saved.save("p", system="other"))
    with saved.store().write() as session:
        add_queue(
            session, ADA, name="two", kind=TaskKind.PREFERENCE,
            traces=[pair], blind=False,
        )  # fmt: skip
        wanted = queues(session)[0].id
    open_page("annotate", "Ada", queue=wanted)
    titles = [side["title"] for side in shown[-1]["sides"]]
    assert sorted(titles) == ["base", "other"]
    assert (titles == ["other", "base"]) is shown[-1]["swapped"]
    with saved.store().write() as session:
        wanted = add_queue(
            session, ADA, name="lists", kind=TaskKind.PREFERENCE, traces=[pair],
            source=Source(compared=Compared.SHORTLIST).to_json(),
        ).id  # fmt: skip
    open_page("annotate", "Ada", queue=wanted)
    side = shown[-1]["sides"][0]
    assert [row["id"] for row in side["labels"]] == ["I50.9", "I50.1", "I51.9"]
    assert not side["steps"], "the traces are not what is compared"


def test_own_keys_are_used(open_page: Open, shown: list[dict[str, Any]]) -> None:
    queue_of([saved.save()])
    with saved.store().write() as session:
        save_keys(session, ADA, checked_keys(TaskKind.SHORTLIST, {"good": "g"}))
        assert own_keys(session, ADA) == {"shortlist.good": "G"}
    open_page("annotate", "Ada")
    assert shown[-1]["keys"]["good"] == "G"
    assert ("good", "Good: Every label that fits the text is in it.") in shown[-1]["help"]
