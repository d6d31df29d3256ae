"""Lets a model write a trace, and tells what happens while it does."""

import time
from collections.abc import Callable, Sequence

from core.events import Event, PhaseBegan, Wrote
from core.models.base import LanguageModel, Piece
from core.rerank.base import Candidate, Decoding
from core.traces.base import Trace
from core.traces.mentions import find_mentions
from core.traces.phases import PhaseDetector, segment


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

        Nothing is forced into the trace: every character is the model's own, except where a
        note says otherwise. On cancel the partial trace is returned. Raises ModelError,
        InputError.
        """
        detector = PhaseDetector(candidates)
        started = time.perf_counter()
        tokens = 0

        def on_piece(piece: Piece) -> None:
            nonlocal tokens
            tokens += piece.tokens
            if piece.text:
                emit(Wrote(piece.text, tokens, time.perf_counter() - started))
            for kind, start in detector.feed(piece.text):
                emit(PhaseBegan(kind, start))

        written = self.model.generate(prompt, decoding, on_piece=on_piece, cancelled=cancelled)
        for kind, start in detector.end():
            emit(PhaseBegan(kind, start))
        phases, boundary, source = segment(written.text, written.token_offsets, candidates)
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
            mentions=find_mentions(written.text, candidates),
            notes=written.notes,
        )
