"""The reasoner tells what happens in order, and forces nothing into the trace."""

from core.events import Event, PhaseBegan, Wrote
from core.rerank.base import Candidate, Decoding
from core.rerank.reasoner import Reasoner
from core.traces.base import FinishReason, PhaseKind, Trace
from tests.rerank.scripted import ScriptedModel

LABELS = (Candidate(1, "A", "Cholera"), Candidate(2, "B", "Typhoid"))
SCRIPT = 'Shortlist:\n1. Cholera <- "x"\nReasoning:\n1. keep: it says so\nAnswer: 1'


def write(script: str, stop_after: int = 10**6) -> tuple[Trace, list[Event]]:
    events: list[Event] = []
    trace = Reasoner(ScriptedModel(script)).write(
        "prompt",
        LABELS,
        Decoding(),
        emit=events.append,
        cancelled=lambda: len(events) >= stop_after,
    )
    return trace, events


def test_the_pieces_add_up_to_the_trace() -> None:
    trace, events = write(SCRIPT)
    wrote = [e for e in events if isinstance(e, Wrote)]
    assert "".join(e.text for e in wrote) == trace.text == SCRIPT
    assert [e.tokens for e in wrote] == list(range(1, trace.tokens + 1))
    assert trace.notes == ("a note",)


def test_phases_are_told_while_they_are_written_and_stand_in_the_trace() -> None:
    trace, events = write(SCRIPT)
    begun = [(e.kind, e.start) for e in events if isinstance(e, PhaseBegan)]
    assert begun == [(p.kind, p.start) for p in trace.phases]
    assert [kind for kind, _ in begun] == list(PhaseKind)
    assert trace.boundary is not None
    assert not any(phase.given for phase in trace.phases)
    assert [m.label_id for m in trace.mentions] == ["A", "A"]


def test_prose_has_no_phases() -> None:
    trace, events = write("I think it is cholera")
    assert (trace.phases, trace.boundary, trace.boundary_source) == ((), None, None)
    assert not any(isinstance(e, PhaseBegan) for e in events)


def test_cancel_keeps_what_was_written() -> None:
    trace, _ = write(SCRIPT, stop_after=3)
    assert trace.finish_reason is FinishReason.CANCELLED
    assert trace.text == SCRIPT[: len(trace.text)] != ""
