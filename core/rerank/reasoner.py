"""Lets a model write a trace, and tells what happens while it does."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from core.events import Event, PhaseBegan, Wrote
from core.models.base import Generated, LanguageModel, Piece
from core.models.script import Script
from core.rerank.base import Candidate, Decoding
from core.rerank.guide import guided, guided_by_ratings
from core.rerank.prompts import rated_lines
from core.traces.base import Trace
from core.traces.mentions import find_mentions
from core.traces.phases import PhaseDetector, segment


class Draft:
    """A trace while its model writes it."""

    def __init__(self, candidates: Sequence[Candidate], emit: Callable[[Event], None]) -> None:
        self.candidates = candidates
        self.emit = emit
        self.tokens = 0
        self._detector = PhaseDetector(candidates)
        self._started = time.perf_counter()

    def heard(self, piece: Piece) -> None:
        """Takes newly written text; emits Wrote and PhaseBegan."""
        self.tokens += piece.tokens
        if piece.text:
            self.emit(Wrote(piece.text, self.tokens, time.perf_counter() - self._started))
        for kind, start in self._detector.feed(piece.text):
            self.emit(PhaseBegan(kind, start))

    def trace(self, written: Generated) -> Trace:
        """The finished trace, without curves."""
        for kind, start in self._detector.end():
            self.emit(PhaseBegan(kind, start))
        phases, boundary, source = segment(written.text, written.token_offsets, self.candidates)
        if written.given:  # the headings are ours: no evidence that the model has phases
            phases = tuple(replace(phase, given=True) for phase in phases)
            boundary, source = None, None
        return Trace(
            text=written.text,
            finish_reason=written.finish_reason,
            prompt_tokens=written.prompt_tokens,
            tokens=written.tokens,
            seconds=written.seconds,
            seconds_to_first_token=written.seconds_to_first_token,
            token_offsets=written.token_offsets,
            phases=phases,
            boundary=boundary,
            boundary_source=source,
            mentions=find_mentions(written.text, self.candidates),
            notes=written.notes,
            given=written.given,
        )


def script_for(prompt: str, candidates: Sequence[Candidate], decoding: Decoding) -> Script | None:
    """What is given while a trace over the candidates of a prompt is written; None where nothing
    is."""
    if not decoding.guided:
        return None
    rated = rated_lines(candidates) in prompt
    return guided_by_ratings(candidates) if rated else guided(candidates)


class Reasoner:
    """Streams one model's chain of thought over numbered candidates."""

    def __init__(self, model: LanguageModel) -> None:
        self.model = model

    def write(
        self,
        prompt: str,
        candidates: Sequence[Candidate],
        decoding: Decoding,
        *,
        emit: Callable[[Event], None],
        cancelled: Callable[[], bool],
    ) -> Trace:
        """The finished trace, without curves. Emits Wrote and PhaseBegan on the way.

        Unless the decoding is guided, nothing is forced into the trace: every character is the
        model's own. On cancel the partial trace is returned. Raises ModelError, InputError.
        """
        draft = Draft(candidates, emit)
        return draft.trace(
            self.model.generate(
                prompt,
                decoding,
                on_piece=draft.heard,
                cancelled=cancelled,
                script=script_for(prompt, candidates, decoding),
            )
        )
