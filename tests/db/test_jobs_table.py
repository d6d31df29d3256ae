"""The lease: one holder at a time, and a holder that is gone loses every further say."""

from datetime import timedelta

import pytest

from core.errors import JobError
from db import jobs
from db.clock import now
from db.jobs import Beat, JobState, JobView, Progress
from db.models import JobRow
from db.owners import new_owner, owner_dead, this_owner
from db.session import Store

ELSEWHERE = "elsewhere:12:34/abcd"  # a host that cannot be asked: only the lease tells


def add(store: Store, key: str | None = None) -> str:
    with store.write() as session:
        return jobs.add_job(session, "index", {"dataset": "icd"}, "Index of icd", key)


def claim(store: Store, job_id: str, owner: str = ELSEWHERE) -> JobView:
    with store.write() as session:
        return jobs.claim(session, job_id, owner)


def beat(store: Store, job_id: str, owner: str = ELSEWHERE, *, advanced: bool = False) -> Beat:
    with store.write() as session:
        return jobs.beat(session, job_id, owner, Progress("Encoding", 3, 9, 1.5, advanced))


def load(store: Store, job_id: str) -> JobView:
    with store.read() as session:
        return jobs.load_job(session, job_id)


def silence(store: Store, job_id: str, seconds: float) -> None:
    """Lets the last sign of life of a job be so long ago."""
    with store.write() as session:
        row = session.get_one(JobRow, job_id)
        row.created_at = row.heartbeat_at = now(session) - timedelta(seconds=seconds)


def test_a_claimed_job_is_refused_to_others_until_its_lease_runs_out(store: Store) -> None:
    job_id = add(store)
    assert claim(store, job_id).state == JobState.RUNNING
    with pytest.raises(JobError, match="another process"):
        claim(store, job_id, "other:1:1/a")
    silence(store, job_id, 10)
    with pytest.raises(JobError, match="another process"):
        claim(store, job_id, "other:1:1/a")
    silence(store, job_id, 16)
    assert load(store, job_id).abandoned
    assert claim(store, job_id, "other:1:1/a").attempts == 2


def test_a_heartbeat_renews_the_lease_and_saves_progress(store: Store) -> None:
    job_id = add(store)
    claim(store, job_id)
    silence(store, job_id, 16)
    assert beat(store, job_id) == Beat.GO_ON
    job = load(store, job_id)
    assert not job.abandoned
    assert (job.stage, job.done, job.total, job.rate) == ("Encoding", 3, 9, 1.5)
    assert (job.fraction, job.seconds_left) == (3 / 9, 4.0)


def test_the_first_holder_of_a_taken_over_job_has_no_say(store: Store) -> None:
    job_id = add(store)
    claim(store, job_id)
    silence(store, job_id, 16)
    claim(store, job_id, "other:1:1/a")
    assert beat(store, job_id) == Beat.LOST
    with store.write() as session:
        assert not jobs.end(session, job_id, ELSEWHERE, JobState.DONE, result={"wrong": 1})
    job = load(store, job_id)
    assert (job.state, job.result, job.owner) == (JobState.RUNNING, None, "other:1:1/a")


def test_a_dead_process_of_this_host_is_noticed_without_waiting_for_the_lease(
    store: Store,
) -> None:
    job_id = add(store)
    claim(store, job_id, f"{this_owner().split(':')[0]}:999999999:1/a")
    assert load(store, job_id).abandoned
    claim(store, job_id, new_owner())
    assert not load(store, job_id).abandoned


def test_a_living_process_of_this_host_keeps_its_job_however_long_it_is_silent(
    store: Store,
) -> None:
    job_id, owner = add(store), new_owner()
    claim(store, job_id, owner)
    silence(store, job_id, 3600)  # suspended, or the disk was full
    assert not load(store, job_id).abandoned
    with pytest.raises(JobError, match="another process"):
        claim(store, job_id)
    assert beat(store, job_id, owner) == Beat.GO_ON


def test_who_is_dead_is_only_said_where_it_is_certain() -> None:
    host, pid, start = this_owner().split(":")
    assert not owner_dead(this_owner())
    assert not owner_dead(new_owner())
    assert not owner_dead(ELSEWHERE)
    assert owner_dead(f"{host}:{pid}:{int(start) - 1000}")  # the pid is another process's now
    assert owner_dead(f"{host}:999999999:{start}")


def test_the_wish_to_cancel_reaches_the_holder_with_its_next_beat(store: Store) -> None:
    job_id = add(store)
    claim(store, job_id)
    with store.write() as session:
        assert jobs.ask_cancel(session, job_id).state == JobState.CANCELLING
        assert jobs.ask_cancel(session, job_id).state == JobState.CANCELLING
    assert beat(store, job_id) == Beat.CANCEL
    with store.write() as session:
        assert jobs.end(session, job_id, ELSEWHERE, JobState.CANCELLED)
        assert jobs.ask_cancel(session, job_id).state == JobState.CANCELLED
    assert load(store, job_id).finished


def test_a_job_without_a_live_process_is_cancelled_at_once(store: Store) -> None:
    queued, dead = add(store), add(store)
    claim(store, dead)
    silence(store, dead, 16)
    with store.write() as session:
        assert jobs.ask_cancel(session, queued).state == JobState.CANCELLED
        assert jobs.ask_cancel(session, dead).state == JobState.CANCELLED


def test_a_queued_job_whose_process_never_came_is_abandoned_after_half_a_minute(
    store: Store,
) -> None:
    job_id = add(store)
    assert not load(store, job_id).abandoned
    silence(store, job_id, 31)
    with store.write() as session:
        assert jobs.take_abandoned(session) == [job_id]
        assert jobs.take_abandoned(session) == []


def test_progress_earns_a_job_new_attempts(store: Store) -> None:
    job_id = add(store)
    for _ in range(jobs.MAX_FRUITLESS + 2):
        claim(store, job_id)
        beat(store, job_id, advanced=True)
        silence(store, job_id, 16)
        with store.write() as session:
            assert jobs.take_abandoned(session) == [job_id]


def test_a_job_is_given_to_start_once(store: Store) -> None:
    job_id = add(store)
    with store.write() as session:
        assert jobs.take_to_start(session, job_id)
        assert not jobs.take_to_start(session, job_id)
    claim(store, job_id)
    with store.write() as session:
        assert not jobs.take_to_start(session, job_id)
    silence(store, job_id, 16)
    with store.write() as session:
        assert jobs.take_to_start(session, job_id)
        assert jobs.claim(session, job_id, ELSEWHERE).attempts == 2
        jobs.end(session, job_id, ELSEWHERE, JobState.DONE)
        assert not jobs.take_to_start(session, job_id)


def test_what_is_done_or_running_cannot_be_resumed(store: Store) -> None:
    job_id = add(store)
    claim(store, job_id)
    with store.write() as session:
        with pytest.raises(JobError, match="still running"):
            jobs.requeue(session, job_id)
        jobs.end(session, job_id, ELSEWHERE, JobState.FAILED, error=("what", "fix"))
        again = jobs.requeue(session, job_id)
        assert (again.state, again.error) == (JobState.QUEUED, None)
        jobs.claim(session, job_id, ELSEWHERE)
        jobs.end(session, job_id, ELSEWHERE, JobState.DONE)
        with pytest.raises(JobError, match="is done"):
            jobs.requeue(session, job_id)


def test_one_unfinished_job_a_key(store: Store) -> None:
    first = add(store, "index:icd")
    assert add(store, "index:icd") == first
    with store.read() as session:
        found = jobs.unfinished_job(session, "index:icd")
        assert found is not None
        assert found.id == first
        assert jobs.unfinished_job(session, "index:mesh") is None
    with store.write() as session:
        jobs.ask_cancel(session, first)
    assert add(store, "index:icd") != first


def test_jobs_are_listed_newest_first_by_state_and_kind(store: Store) -> None:
    made = [add(store) for _ in range(3)]
    claim(store, made[1])
    with store.read() as session:
        assert [j.id for j in jobs.list_jobs(session)] == made[::-1]
        assert [j.id for j in jobs.list_jobs(session, states=jobs.HELD)] == [made[1]]
        assert jobs.list_jobs(session, kind="run") == []
        assert [j.id for j in jobs.list_jobs(session, offset=1, limit=1)] == [made[1]]
        assert jobs.count_jobs(session, states=jobs.UNFINISHED, kind="index") == 3
