"""Lists of traces: filters, orders, pages and neighbours say the same thing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.datasets.base import Document
from core.errors import InputError, UnknownNameError
from core.rerank.base import Bucket, Fate
from core.traces.base import FinishReason
from db.annotations import flag, undo
from db.runs import ensure_run
from db.session import Store
from db.traces import (
    TraceFilter,
    TraceOrder,
    begin_trace,
    count_of,
    fail_trace,
    filter_choices,
    finish_trace,
    load_trace,
    neighbours,
    page_of,
)
from tests.db.asked import ADA
from tests.db.examples import CONFIG, record


def add(
    store: Store,
    *,
    dataset: str = "icd",
    system: str = "base",
    run_id: str | None = None,
    f1: float | None = 0.5,
    bucket: Bucket = Bucket.OK,
    fates: tuple[Fate, ...] = (),
    phases: bool = True,
    finish_reason: FinishReason = FinishReason.STOP,
    tokens: int = 24,
    document: Document | None = None,
) -> str:
    document = document or Document("1", "Heart", ("I50.9",))
    config = replace(CONFIG, dataset=dataset, system=system)
    saved = record(document, f1=f1, bucket=bucket, fates=fates, finish_reason=finish_reason)
    trace = replace(saved.trace, boundary=0.5 if phases else None, tokens=tokens)
    with store.write() as session:
        trace_id = begin_trace(
            session, run_id=run_id, config=config, document=document, origin="live"
        )
        finish_trace(session, trace_id, replace(saved, trace=trace))
    return trace_id


def ids(store: Store, chosen: TraceFilter, order: TraceOrder = TraceOrder.NEWEST) -> list[str]:
    with store.read() as session:
        found = [trace.id for trace in page_of(session, chosen, order=order)]
        assert count_of(session, chosen) == len(found)
    return found


@pytest.mark.parametrize(
    ("matching", "others", "chosen"),
    [
        ({"dataset": "mesh"}, {}, TraceFilter(dataset="mesh")),
        ({"system": "teacher"}, {}, TraceFilter(system="teacher")),
        ({"bucket": Bucket.NOTHING}, {}, TraceFilter(bucket=Bucket.NOTHING)),
        ({"fates": (Fate.INDEX_MISS, Fate.SELECTED)}, {}, TraceFilter(fate=Fate.INDEX_MISS)),
        ({"phases": False}, {}, TraceFilter(has_phases=False)),
        ({"phases": True}, {"phases": False}, TraceFilter(has_phases=True)),
        ({"finish_reason": FinishReason.CANCELLED}, {}, TraceFilter(state="cancelled")),
        (
            {"dataset": "mesh", "bucket": Bucket.CUT_OFF},
            {"dataset": "mesh"},
            TraceFilter(dataset="mesh", bucket="cut off", state="done", origin="live"),
        ),
    ],
)
def test_each_filter_leaves_only_what_it_names(
    store: Store, matching: dict[str, object], others: dict[str, object], chosen: TraceFilter
) -> None:
    add(store, **others)  # type: ignore[arg-type]
    wanted = add(store, **matching)  # type: ignore[arg-type]
    add(store, **others)  # type: ignore[arg-type]
    assert ids(store, chosen) == [wanted]


def test_a_run_s_traces_can_be_listed(store: Store) -> None:
    with store.write() as session:
        run = ensure_run(session, {"a": 1}, CONFIG, "dev", "batch")
    add(store)
    wanted = add(store, run_id=run)
    assert ids(store, TraceFilter(run_id=run)) == [wanted]


def test_since_leaves_what_was_begun_at_or_after_a_moment(store: Store) -> None:
    first, second = add(store), add(store)
    with store.read() as session:
        moment = load_trace(session, second).summary.created_at
    assert ids(store, TraceFilter(since=moment)) == [second]
    assert ids(store, TraceFilter(since=moment + timedelta(seconds=1))) == []
    assert ids(store, TraceFilter(since=moment - timedelta(days=1))) == [second, first]


def test_flags_that_stand_can_be_listed_and_are_shown(store: Store) -> None:
    good, undone, _plain = add(store), add(store), add(store)
    with store.write() as session:
        flag(session, ADA, trace_id=good, verdict="good")
        flag(session, ADA, trace_id=good, verdict="off_topic")
        event = flag(session, ADA, trace_id=undone, verdict="good")
        undo(session, ADA, event)
    assert ids(store, TraceFilter(flag="good")) == [good]
    assert ids(store, TraceFilter(flag="any")) == [good]
    assert ids(store, TraceFilter(flag="unsure")) == []
    with store.read() as session:
        assert page_of(session, TraceFilter(flag="any"))[0].flags == ("good", "off_topic")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (TraceOrder.NEWEST, [5, 4, 3, 2, 1, 0]),
        (TraceOrder.OLDEST, [0, 1, 2, 3, 4, 5]),
        (TraceOrder.LOWEST_F1, [5, 3, 4, 0, 2, 1]),
        (TraceOrder.HIGHEST_F1, [0, 4, 3, 5, 2, 1]),
        (TraceOrder.MOST_TOKENS, [5, 4, 3, 2, 1, 0]),
    ],
)
def test_every_order_holds_across_pages_and_for_neighbours(
    store: Store, order: TraceOrder, expected: list[int]
) -> None:
    scores = [1.0, None, None, 0.25, 0.5, 0.0]
    made = [add(store, f1=f1, tokens=n) for n, f1 in enumerate(scores)]
    wanted = [made[number] for number in expected]
    with store.read() as session:
        paged = [
            trace.id
            for offset in (0, 2, 4, 6)
            for trace in page_of(session, TraceFilter(), offset, 2, order)
        ]
        assert paged == wanted
        for at, trace_id in enumerate(wanted):
            beside = neighbours(session, TraceFilter(), trace_id, order)
            assert beside.previous == (wanted[at - 1] if at else None)
            assert beside.next == (wanted[at + 1] if at + 1 < len(wanted) else None)


def test_neighbours_keep_to_the_filter_even_around_a_trace_that_it_leaves_out(
    store: Store,
) -> None:
    first, middle, last = add(store), add(store, dataset="mesh"), add(store)
    with store.read() as session:
        assert neighbours(session, TraceFilter(dataset="icd"), middle) == (last, first)
        with pytest.raises(UnknownNameError):
            neighbours(session, TraceFilter(), "nothere")


def test_the_choices_are_what_occurs(store: Store) -> None:
    with store.read() as session:
        assert filter_choices(session).datasets == ()
    add(store, dataset="mesh", system="teacher", fates=(Fate.NOT_SHOWN,), bucket=Bucket.NOTHING)
    add(store, fates=(Fate.SELECTED,))
    with store.write() as session:
        run = ensure_run(session, {"a": 1}, CONFIG, "dev", "batch")
        ensure_run(session, {"a": 2}, CONFIG, None, "live")
    with store.read() as session:
        choices = filter_choices(session)
    assert choices.datasets == ("icd", "mesh")
    assert choices.systems == ("base", "teacher")
    assert choices.buckets == ("nothing", "ok")
    assert choices.states == ("done",)
    assert choices.fates == ("not shown", "selected")
    assert choices.runs == (run,)


@pytest.mark.parametrize(("offset", "limit"), [(-1, 10), (0, 0), (0, 501)])
def test_a_page_out_of_bounds_is_refused(store: Store, offset: int, limit: int) -> None:
    with pytest.raises(InputError), store.read() as session:
        page_of(session, TraceFilter(), offset, limit)


def test_failed_and_running_traces_are_listed_with_what_they_have(store: Store) -> None:
    with store.write() as session:
        running = begin_trace(
            session, run_id=None, config=CONFIG, document=Document("1", "a", ()), origin="live"
        )
        failed = begin_trace(
            session, run_id=None, config=CONFIG, document=Document("2", "b", ()), origin="live"
        )
        fail_trace(session, failed, "what", "fix")
    with store.read() as session:
        listed = page_of(session, TraceFilter())
    assert [(t.id, t.error, t.bucket, t.seconds) for t in listed] == [
        (failed, ("what", "fix"), None, None),
        (running, None, None, None),
    ]
