"""The guided form of a trace: every way through it keeps to the grammar."""

import itertools
import random
from collections.abc import Callable, Sequence

import pytest

from core.errors import InputError
from core.models.base import Generated
from core.models.script import Choice, Given, Line, Script
from core.rerank.base import Bucket, Candidate, Decoding, Mode
from core.rerank.guide import guided, guided_by_ratings
from core.rerank.parser import parse
from core.rerank.prompts import RATED_PROMPT, build_prompt
from core.rerank.reasoner import Draft, script_for
from core.traces.base import FinishReason, PhaseKind

Form = Callable[[Sequence[Candidate]], Script]
CANDIDATES = [Candidate(n, f"L{n}", f"label number {n}\nof ten") for n in range(1, 11)]


def walk(seed: int, shown: int = 10, form: Form = guided) -> tuple[str, list[tuple[int, int]]]:
    """A text written along the script with choices by chance; what was given, by characters."""
    chance = random.Random(seed)
    script = form(CANDIDATES[:shown])
    text, given = "", []
    step = next(script)
    for _ in itertools.count():
        if isinstance(step, Given):
            given.append((len(text), len(text) + len(step.text)))
            said = step.text
        elif isinstance(step, Choice):
            said = chance.choice(list(step.options))
        else:
            assert isinstance(step, Line)
            said = "some words\n"
        text += said
        try:
            step = script.send(said)
        except StopIteration:
            return text, given
    raise AssertionError


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("form", [guided, guided_by_ratings])
def test_every_guided_trace_is_well_formed(seed: int, form: Form) -> None:
    text, _ = walk(seed, seed % 10 + 1, form)
    parsed = parse(text, CANDIDATES, FinishReason.STOP)
    assert parsed.bucket in (Bucket.OK, Bucket.MISSING_LABELS), text  # it may contradict itself
    assert parsed.answer is not None
    assert set(parsed.answer) <= set(parsed.shortlisted)
    assert len(set(parsed.answer)) == len(parsed.answer)
    assert [label for label, _ in parsed.verdicts] == list(parsed.shortlisted)


def test_a_guided_trace_has_parts_but_shows_no_phases_of_the_models_own() -> None:
    text, given = walk(3)
    offsets = tuple((at, at + 1) for at in range(len(text)))
    written = Generated(text, offsets, FinishReason.STOP, 5, len(text), 1.0, 0.1, (), tuple(given))
    trace = Draft(CANDIDATES, lambda event: None).trace(written)
    assert {p.kind for p in trace.phases} == set(PhaseKind)
    assert all(phase.given for phase in trace.phases)
    assert trace.boundary is None
    assert trace.boundary_source is None
    assert trace.given == tuple(given)
    assert trace.given_tokens == sum(end - start for start, end in given)
    assert type(trace).from_json(trace.to_json()) == trace


def test_labels_are_skipped_or_listed_in_order_where_the_prompt_rates_them() -> None:
    lines = walk(5, form=guided_by_ratings)[0].splitlines()
    numbers = [int(line.split(".")[0]) for line in lines[1:11]]
    assert numbers == list(range(1, 11))
    listed = [n for n, line in zip(numbers, lines[1:11], strict=True) if "<-" in line]
    judged = [line for line in lines if " (far): " in line]
    assert [int(line.split(".")[0]) for line in judged] == listed
    assert 0 < len(listed) < 10


def test_nothing_is_given_unless_it_is_asked_for() -> None:
    asked = Decoding(guided=True)
    assert script_for("a prompt", CANDIDATES, Decoding()) is None
    plain = script_for("a prompt", CANDIDATES, asked)
    rated = script_for(build_prompt(RATED_PROMPT, "a text", CANDIDATES), CANDIDATES, asked)
    assert plain is not None
    assert rated is not None
    assert [next(plain), next(rated)] == [Given("Shortlist:\n")] * 2
    assert isinstance(plain.send("Shortlist:\n"), Choice)
    assert rated.send("Shortlist:\n") == Given("1.")


def test_reference_mode_forces_nothing() -> None:
    with pytest.raises(InputError, match="reference"):
        Decoding(guided=True, mode=Mode.REFERENCE).check()
    assert not Decoding(guided=True).resolved(Mode.OWN).guided
    assert Decoding(guided=True).resolved(Mode.FAST).guided
