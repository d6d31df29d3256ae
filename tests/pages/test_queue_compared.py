"""A comparison that takes long stands for a while, and says so."""

from typing import Any

import pytest

from core.annotation.people import local_person
from core.annotation.verdicts import TaskKind
from db.judgements import judge_task
from db.queues import Queue, add_queue
from db.tasks import next_task
from pages.parts import queue_compared
from tests.db.asked import BAD, GOOD, sent
from tests.pages import saved
from tests.pages.conftest import Open, run, words_of

LEAD = local_person("Lead")


def judge(queue: Queue, name: str, said: Any) -> None:
    with saved.store().write() as session:
        who = local_person(name)
        task = next_task(session, who, queue.id)
        assert task is not None
        judge_task(session, who, task.id, sent(said))


def test_new_judgements_wait_until_a_long_comparison_has_rested(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = saved.save()
    with saved.store().write() as session:
        queue = add_queue(
            session, LEAD, name="first", kind=TaskKind.SHORTLIST, overlap=3,
            traces=[(trace, None)],
        )  # fmt: skip
    judge(queue, "Ada", GOOD)
    judge(queue, "Ben", GOOD)
    app = open_page("annotate", "Lead", view="Settle", queue=queue.id)
    assert "Annotators differ nowhere, so far." in words_of(app)
    kept = queue_compared._kept(str(saved.store().url), queue.id)
    kept.took = 60.0
    judge(queue, "Eva", BAD)
    run(app)
    assert "new judgements have come in since" in words_of(app)
    assert "Annotators differ nowhere, so far." in words_of(app)
    kept.at -= queue_compared.REST * kept.took
    run(app)
    assert "new judgements have come in since" not in words_of(app)
    assert "Annotators differ nowhere" not in words_of(app)
