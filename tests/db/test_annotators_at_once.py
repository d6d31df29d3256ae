"""Annotators in processes of their own, who submit, repeat, contradict and undo at once."""

from benchmarks.annotators import check, crowd
from core.config import Settings
from db.session import Store
from tests.db.asked import made_queue

ANNOTATORS = 5


def test_every_acknowledged_judgement_stands_and_none_is_doubled(
    settings: Settings, store: Store
) -> None:
    queue = made_queue(store, 60, overlap=2)
    told = crowd(settings, queue, ANNOTATORS, seconds=3.0)
    found = check(store, queue, told)
    assert found["annotators"] == ANNOTATORS
    assert found["acknowledged"] >= ANNOTATORS
    wrong = {name: found[name] for name in ("lost", "doubled", "miscounted", "beyond")}
    assert wrong == dict.fromkeys(wrong, 0)
