"""Answers questions about the inside of a saved trace's model; runs in the worker's main thread.

1. The saved trace is the example: its prompt, text, candidates and near misses.
2. Its system's model is loaded as for a run, and opened for the inside view once.
3. Patched text gets phases and curves by the same functions as a run's trace.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from core.errors import InputError, ModelError
from core.live.inside_questions import (
    Attend,
    Importance,
    Inner,
    InsideAnswer,
    InsideQuestion,
    Overview,
    Patch,
    PatchedWith,
    Progress,
    Rewrite,
    Rewritten,
    RightLabels,
    StepImportance,
)
from core.mechanism.analysis import Inside
from core.mechanism.positions import Example, document_span, tokenize
from core.mechanism.request import Direction, PatchRequest
from core.mechanism.results import random_heads
from core.mechanism.step_importance import step_importance
from core.models.base import Generated, LanguageModel, ModelKind, Piece
from core.models.local import LocalModel
from core.toolbox import Toolbox, find_system
from core.trace_curves import measured
from core.traces.base import FinishReason, NearMiss, Trace
from core.traces.mentions import find_mentions
from core.traces.phases import segment
from db.trace_views import StoredTrace
from db.traces import load_trace

Tell = Callable[[Progress], None]
Asked = Callable[[], bool]


@dataclass
class InsideView:
    """What the worker keeps between questions: the model that was opened last."""

    toolbox: Toolbox
    _opened: tuple[LanguageModel, Inside] | None = field(default=None, init=False)

    def answer(self, question: InsideQuestion, tell: Tell, cancelled: Asked) -> InsideAnswer:
        """Raises UnknownNameError (no such trace or system), InputError, ModelError, StoreError,
        and Cancelled while a model is loaded."""
        with self.toolbox.store.read() as session:
            stored = load_trace(session, question.trace_id)
        check_trace(stored)
        tell(Progress("Loading the model"))
        inside = self._inside(stored, cancelled)
        match question:
            case Overview():
                tell(Progress("Scoring all heads"))
                return overview(inside, stored, question.right)
            case Attend():
                tell(Progress("Reading the text"))
                return inside.attention_at(example_of(stored, RightLabels.GOLD), question.query)
            case Patch():
                return patched(inside, example_of(stored, question.right), question, tell)
            case Rewrite():
                return self._rewritten(inside, stored, question, tell, cancelled)
            case Importance():
                return important(inside, stored, question, tell, cancelled)

    def _inside(self, stored: StoredTrace, cancelled: Asked) -> Inside:
        spec = find_system(self.toolbox.settings, self.toolbox.store, stored.config.system).model
        if spec.kind is ModelKind.ENDPOINT:
            raise InputError(
                f"{stored.config.system} is an endpoint: its weights are not on this machine, so "
                "nobody can look inside.",
                "Open a trace of a local model.",
            )
        model = self.toolbox.model(spec, cancelled)
        if not isinstance(model, LocalModel):
            raise ModelError(
                f"The weights of {stored.config.system} are not in this process.",
                "Open a trace of a model that transformers runs.",
            )
        if self._opened is None or self._opened[0] is not model:
            self._opened = None  # frees the model before
            self._opened = (model, Inside.open(model))
        return self._opened[1]

    def _rewritten(
        self, inside: Inside, stored: StoredTrace, question: Rewrite, tell: Tell, cancelled: Asked
    ) -> Rewritten:
        """The patched run's text, that of the same run without a patch, and the saved one's."""
        example = example_of(stored, question.right)
        request = question.request
        alone = request.direction is Direction.DENOISING or stored.config.decoding.temperature > 0
        runs = [("Writing with patched heads", request)]
        if alone:
            runs.append(("Writing without the patch", replace(request, heads=())))
        texts = []
        for what, one in runs:
            texts.append(
                written(inside, example, one, question.max_new_tokens, what, tell, cancelled)
            )
        tell(Progress("Computing Focus and Confusion"))
        curved = partial(self._curved, stored)
        traces = [curved(trace_of(stored, text)) for text in texts]
        return Rewritten(
            curved(cut(stored, example.trace, question.max_new_tokens)),
            traces[1] if alone else None,
            traces[0],
        )

    def _curved(self, stored: StoredTrace, trace: Trace) -> Trace:
        if not trace.text.strip() or stored.trace is None:
            return replace(trace, curves=None)
        known = stored.trace.curves
        near: tuple[NearMiss, ...] = known.near_misses if known else ()
        source = known.near_misses_from if known else "gold"
        return measured(self.toolbox.encoder(), trace, stored.document.text, near, source)


def check_trace(stored: StoredTrace) -> None:
    """Raises InputError for a trace that never got as far as a prompt and a text."""
    if stored.trace is None or not stored.rendered:
        raise InputError(
            "This trace has no finished text, so there is nothing to look inside.",
            "Open a trace that ran to its end.",
        )


def example_of(stored: StoredTrace, right: RightLabels) -> Example:
    """A saved trace as the inside view takes it."""
    assert stored.trace is not None
    assert stored.rendered is not None
    shown = {candidate.label_id: candidate.name for candidate in stored.candidates}
    found = stored.trace.curves
    near = found.near_misses if found else ()
    if right is RightLabels.GOLD:
        labels = [(gold.label_id, gold.name) for gold in stored.gold if gold.name]
    else:
        chosen = stored.prediction.selected if stored.prediction else ()
        labels = [(label, shown[label]) for label in chosen if label in shown]
        if found is None or found.near_misses_from == "gold":
            near = ()  # those are near to gold labels, not to these
    return Example(
        rendered=stored.rendered,
        document_text=stored.document.text,
        trace=stored.trace,
        candidates=stored.candidates,
        right=tuple(labels),
        near_misses=tuple(near),
    )


def overview(inside: Inside, stored: StoredTrace, right: RightLabels) -> Inner:
    """Shape, tokens and scores; why there are no scores where there are none."""
    example = example_of(stored, right)
    tokens = tokenize(inside.model.tokenizer, example.rendered, example.trace.text)
    analysis, missing = None, ("", "")
    try:
        analysis = inside.analyse(example)
    except InputError as error:  # no phases, no anchors: attention and patching still work
        missing = (error.what, error.fix)
    try:
        document = tokens.within(*document_span(example))
    except InputError:
        document = ()
    return Inner(
        inside.architecture.depth,
        inside.architecture.heads,
        tokens.text,
        tokens.offsets,
        tokens.prompt_tokens,
        document,
        analysis,
        missing,
        notes(inside.model, stored),
    )


def notes(model: LocalModel, stored: StoredTrace) -> tuple[str, ...]:
    """What differs between the model now and when the trace was written."""
    before = (stored.identity or {}).get("model", {})
    now = model.identity()
    names = {"weights": "weights", "tokenizer_and_config": "tokenizer or settings",
             "dtype": "precision"}  # fmt: skip
    changed = [name for key, name in names.items() if before.get(key, now[key]) != now[key]]
    if not changed:
        return ()
    return (f"The model's {' and '.join(changed)} changed since this trace was written.",)


def patched(inside: Inside, example: Example, question: Patch, tell: Tell) -> PatchedWith:
    """The condition asked for, then the same with random heads, drawn by seeds 0, 1, 2, ..."""
    request = question.request
    tell(Progress("Running the clean and the corrupted text"))
    change = inside.patch(example, request)
    shape = (inside.architecture.depth, inside.architecture.heads)
    controls = []
    for seed in range(question.controls if request.heads else 0):
        tell(Progress(f"Patching random heads, {seed + 1} of {question.controls}"))
        heads = random_heads(shape, len(set(request.heads)), seed)
        controls.append(inside.patch(example, replace(request, heads=heads)))
    return PatchedWith(change, tuple(controls))


def written(
    inside: Inside,
    example: Example,
    request: PatchRequest,
    most: int,
    what: str,
    tell: Tell,
    cancelled: Asked,
) -> Generated:
    """The text of one run, told piece by piece."""
    so_far: list[str] = []

    def wrote(piece: Piece) -> None:
        so_far.append(piece.text)
        tell(Progress(what, "".join(so_far)))

    tell(Progress(what))
    return inside.regenerate(
        example, request, max_new_tokens=most, on_piece=wrote, cancelled=cancelled
    )


def important(
    inside: Inside, stored: StoredTrace, question: Importance, tell: Tell, cancelled: Asked
) -> StepImportance:
    """Leaves out one step at a time. Raises InputError where that was cancelled."""
    found = step_importance(
        inside,
        example_of(stored, RightLabels.GOLD),
        question.steps,
        lambda done, total: tell(Progress(f"Leaving out step {done + 1} of {total}")),
        cancelled,
    )
    if found is None:
        raise InputError("It was cancelled.", "Switch importance on again to start anew.")
    return StepImportance(found)


def trace_of(stored: StoredTrace, text: Generated) -> Trace:
    """A regenerated text with its phases and mentions."""
    phases, boundary, source = segment(text.text, text.token_offsets, stored.candidates)
    return Trace(
        text.text,
        text.finish_reason,
        text.prompt_tokens,
        text.tokens,
        text.seconds,
        text.seconds_to_first_token,
        text.token_offsets,
        phases,
        boundary,
        source,
        find_mentions(text.text, stored.candidates),
    )


def cut(stored: StoredTrace, trace: Trace, tokens: int) -> Trace:
    """The first tokens of the saved trace, so that texts of one length are compared."""
    offsets = trace.token_offsets[:tokens]
    if not offsets or len(offsets) == len(trace.token_offsets):
        return trace
    return trace_of(
        stored,
        Generated(
            trace.text[: offsets[-1][1]],
            offsets,
            FinishReason.LENGTH,
            trace.prompt_tokens,
            len(offsets),
            trace.seconds,
            None,
        ),
    )
