"""How far the annotators of a queue agree, kept between runs.

A comparison that takes long is not made anew with each judgement that comes in: it stands for ten
times as long as it took, and says how old it is.
"""

import threading
import time
from dataclasses import dataclass, field

import streamlit as st

from core.agreement.of_queue import QueueAgreement, queue_agreement
from db.adjudication import judged_tasks, newest_judged
from db.queues import Queue
from pages.parts import services

LONG_S = 0.5  # less is made anew at once
REST = 10  # times as long as it took


@dataclass
class _Kept:
    """`newest`: the newest judgement that is in it; `at`, `took`: seconds."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    found: QueueAgreement | None = None
    newest: int = -1
    at: float = 0.0
    took: float = 0.0

    def age(self) -> float:
        return time.monotonic() - self.at


@st.cache_resource(max_entries=16, show_spinner=False)
def _kept(_store: str, queue_id: str) -> _Kept:
    return _Kept()


def compared(queue: Queue) -> QueueAgreement:
    """By what they have said until now, or until a moment ago, which is said."""
    kept = _kept(str(services.store().url), queue.id)
    with kept.lock:
        with services.store().read() as session:
            newest = newest_judged(session, queue.id)
        rests = kept.took > LONG_S and kept.age() < REST * kept.took
        if kept.found is None or (kept.newest != newest and not rests):
            with st.spinner("Comparing the judgements ..."):
                _compare(kept, queue, newest)
        assert kept.found is not None
        if kept.newest != newest:
            st.caption(
                f"Compared {kept.age():.0f} s ago; new judgements have come in since. It is done "
                f"anew after {REST * kept.took:.0f} s, as it takes {kept.took:.0f} s."
            )
        return kept.found


def _compare(kept: _Kept, queue: Queue, newest: int) -> None:
    began = time.monotonic()
    with services.store().read() as session:
        kept.found = queue_agreement(judged_tasks(session, queue.id), queue.kind)
    kept.newest, kept.at = newest, time.monotonic()
    kept.took = kept.at - began
