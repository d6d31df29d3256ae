"""People, traces and queues for the tests of what annotators do."""

from collections.abc import Sequence

from core.annotation.judgement import Judgement
from core.annotation.people import Person, local_person
from core.annotation.verdicts import ShortlistVerdict, TaskKind
from core.datasets.base import Document, Split
from db.judgements import Submission
from db.queues import Queue, add_queue
from db.session import Store
from db.traces import begin_trace, finish_trace
from tests.db.examples import CONFIG, record

ADA, BEN, EVA = (local_person(name) for name in ("Ada", "Ben", "Eva"))
GOOD = Judgement(shortlist=ShortlistVerdict.GOOD)
BAD = Judgement(shortlist=ShortlistVerdict.OFF_TOPIC, comment="of other texts")


def made_traces(store: Store, count: int) -> list[str]:
    """Finished traces of documents of their own."""
    made = []
    with store.write() as session:
        for number in range(count):
            document = Document(f"d{number}", f"Text {number}", ("I50.9",), Split.DEV)
            trace = begin_trace(
                session, run_id=None, config=CONFIG, document=document, origin="live"
            )
            finish_trace(session, trace, record(document))
            made.append(trace)
    return made


def made_queue(
    store: Store,
    tasks: int = 3,
    *,
    overlap: int = 1,
    kind: TaskKind = TaskKind.SHORTLIST,
    assigned: Sequence[Person] = (),
    name: str = "first",
) -> Queue:
    """A queue of new traces; a preference pairs each trace with the next one."""
    traces = made_traces(store, tasks if kind is not TaskKind.PREFERENCE else 2 * tasks)
    pairs: list[tuple[str, str | None]] = [(trace, None) for trace in traces]
    if kind is TaskKind.PREFERENCE:
        pairs = list(zip(traces[::2], traces[1::2], strict=True))
    with store.write() as session:
        return add_queue(
            session, ADA, name=name, kind=kind, traces=pairs, overlap=overlap,
            assigned=[person.id for person in assigned],
        )  # fmt: skip


def sent(judgement: Judgement = GOOD, after: str = "", token: str | None = None) -> Submission:
    return Submission(judgement, after=after, seconds=2.5, token=token)
