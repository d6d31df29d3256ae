"""The inside view of one example: what the Mechanism page and the command line call.

    inside = Inside.open(model)               once a model: reads and checks it
    found = inside.analyse(example)           scores of all heads
    row = inside.attention(example, 3, 5, q)  where one head looks from one position
    change = inside.patch(example, request)   label scores before and after

Results hold NumPy arrays and plain values: they pickle, and need no torch to be read. The model
runs here, so this module is for workers. One caller at a time, as for the model itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.errors import InputError
from core.mechanism.architecture import Architecture, check
from core.mechanism.capture import Wanted, capture
from core.mechanism.conventions import Conventions
from core.mechanism.corruption import Corrupted, near_miss, noisy, swapped
from core.mechanism.head_scores import head_scores
from core.mechanism.patching import Patcher
from core.mechanism.positions import (
    Example,
    Roles,
    Span,
    Tokens,
    document_span,
    margin_pairs,
    prompt_mentions,
    roles,
    tokenize,
    wrong_ids,
)
from core.mechanism.regenerate import regenerate
from core.mechanism.request import (
    Corruption,
    CorruptionKind,
    Direction,
    PatchKind,
    PatchRequest,
)
from core.mechanism.results import Analysis, AttentionAt, AttentionRow, Patched
from core.models.base import Generated, Piece
from core.models.local import LocalModel
from core.traces.grammar import LineKind, read_lines

ANSWER = "\nAnswer:"


@dataclass
class Inside:
    """A model opened for the inside view. Keeps the runs of the example patched last."""

    model: LocalModel
    architecture: Architecture
    _patcher: tuple[Example, Corruption, PatchKind, Patcher] | None = field(
        default=None, init=False
    )

    @classmethod
    def open(cls, model: LocalModel) -> "Inside":
        """Reads and checks the architecture. Raises ModelError for one that cannot be done
        exactly."""
        architecture = Architecture.of(model.model)
        check(architecture)
        return cls(model, architecture)

    def analyse(self, example: Example, conventions: Conventions | None = None) -> Analysis:
        """Scores of all heads on one example. Raises NoPhasesError, InputError, ModelError."""
        conventions = conventions or Conventions()
        tokens, parts = self.parts(example, conventions)
        pairs = margin_pairs(self.model.tokenizer, example, conventions)
        scores = head_scores(self.architecture, tokens, parts, pairs, conventions)
        return Analysis(conventions, tokens, scores)

    def parts(
        self, example: Example, conventions: Conventions | None = None
    ) -> tuple[Tokens, Roles]:
        """The example as tokens, and the parts that they play."""
        tokens = tokenize(self.model.tokenizer, example.rendered, example.trace.text)
        limit = self.model.context_tokens
        if limit is not None and len(tokens.ids) > limit:
            raise InputError(
                f"Prompt and trace have {len(tokens.ids):,} tokens; the model reads {limit:,}.",
                "Open a shorter example.",
            )
        return tokens, roles(example, tokens, conventions or Conventions())

    def attention(self, example: Example, layer: int, head: int, query: int) -> AttentionRow:
        """The weights of one head from one position over all tokens before it and itself.
        Needs no phases. Raises InputError for a layer, head or position that is not there."""
        seen = self.attention_at(example, query, (layer,), (head,))
        tokens = tokenize(self.model.tokenizer, example.rendered, example.trace.text)
        spans = tokens.offsets[: query + 1]
        words = tuple(tokens.text[a:b] for a, b in spans)
        weights = seen.weights[0, 0]
        return AttentionRow(layer, head, query, weights, words, spans, tokens.trace_start)

    def attention_at(
        self,
        example: Example,
        query: int,
        layers: tuple[int, ...] | None = None,
        heads: tuple[int, ...] | None = None,
    ) -> AttentionAt:
        """The weights of the given heads (None = all) from one position, in one pass. Raises
        InputError for a layer, head or position that is not there."""
        import torch

        tokens = tokenize(self.model.tokenizer, example.rendered, example.trace.text)
        if not 0 <= query < len(tokens.ids):
            raise InputError(
                f"There is no token {query}.", f"Choose one from 0 to {len(tokens.ids) - 1}."
            )
        wanted = Wanted((query,), layers, heads, mixed=False)
        with torch.no_grad():
            seen = capture(self.architecture, tokens.ids[: query + 1], wanted)
        pairs = [(layer, head) for layer in seen.layers for head in seen.heads]
        weights = seen.of(pairs)[:, 0].float().cpu().numpy()
        return AttentionAt(query, weights.reshape(len(seen.layers), len(seen.heads), -1))

    def patch(self, example: Example, request: PatchRequest) -> Patched:
        """Label scores of the clean, the corrupted and the patched run. Needs no phases. The
        first condition of an example computes both runs; others with the same corruption and
        kind reuse them. Raises InputError, ModelError."""
        patcher = self.patcher(example, request.corruption, request.kind)
        return patcher.patch(request.direction, request.kind, request.heads)

    def patcher(self, example: Example, corruption: Corruption, kind: PatchKind) -> Patcher:
        """The clean and corrupted run of an example, ready for many conditions."""
        held = self._patcher
        if held is None or held[:3] != (example, corruption, kind):
            self._patcher = None  # frees the runs of the example before
            held = (example, corruption, kind, self._prepared(example, corruption))
            self._patcher = held
        return held[3]

    def _prepared(self, example: Example, corruption: Corruption) -> Patcher:
        if not example.candidates:
            raise InputError("There are no candidates to score.", "Open a trace with a shortlist.")
        text = answer_text(example.trace.text)
        tokens = tokenize(self.model.tokenizer, example.rendered, text)
        endings = {c.label_id: tuple(self.token_ids(f" {c.number}")) for c in example.candidates}
        shared = shared_start(list(endings.values()))
        ids = (*tokens.ids, *next(iter(endings.values()))[:shared])
        return Patcher(
            self.architecture,
            ids,
            self._corrupted(example, corruption, tokens, ids),
            {label: ending[shared:] for label, ending in endings.items()},
            tuple(label for label, _ in example.right),
            wrong_ids(example),
            exclusive=True,
        )

    def _corrupted(
        self, example: Example, corruption: Corruption, tokens: Tokens, ids: Sequence[int]
    ) -> Corrupted:
        document = tokens.within(*document_span(example))
        if corruption.kind is CorruptionKind.NOISE:
            return noisy(ids, document, scale=corruption.noise, seed=corruption.seed)
        if corruption.kind is CorruptionKind.SWAPPED:
            return swapped(ids, document, self.token_ids(f" {corruption.other_text.strip()}"))
        return near_miss(ids, self._near_names(example, tokens))

    def _near_names(self, example: Example, tokens: Tokens) -> dict[tuple[int, ...], list[int]]:
        """For the tokens of each right label's name in the prompt, its near miss's tokens."""
        right = [label for label, _ in example.right]
        found: dict[tuple[int, ...], list[int]] = {}
        for label, start, end in prompt_mentions(example):
            if label not in right:
                continue
            near = [m.name for m in example.near_misses if m.near == label]
            near += [m.name for m in example.near_misses if m.label_id not in right]
            if near:
                found[tokens.within(start, end)] = self.token_ids(f" {near[0]}")
        return found

    def regenerate(
        self,
        example: Example,
        request: PatchRequest,
        *,
        start: Span | None = None,
        max_new_tokens: int = 160,
        on_piece: Callable[[Piece], None],
        cancelled: Callable[[], bool],
    ) -> Generated:
        """The text that the patched run writes greedily, for Focus and Confusion under a patch.

        `start`: characters of the trace that are given first (None = nothing: from the prompt).
        """
        given = example.trace.text[slice(*start)] if start else ""
        tokens = tokenize(self.model.tokenizer, example.rendered, given)
        corrupted = self._corrupted(example, request.corruption, tokens, tokens.ids)
        return regenerate(
            self.model,
            self.architecture,
            tokens.ids,
            corrupted,
            request.direction is Direction.NOISING,
            request.kind,
            request.heads,
            max_new_tokens=max_new_tokens,
            on_piece=on_piece,
            cancelled=cancelled,
        )

    def token_ids(self, text: str) -> list[int]:
        return list(self.model.tokenizer(text, add_special_tokens=False)["input_ids"])


def answer_text(trace: str) -> str:
    """The trace up to where its answer begins; where it has no answer line, one is given."""
    for line in read_lines(trace):
        if line.kind is LineKind.ANSWER:
            return trace[: line.rest_start].rstrip()
    return trace.rstrip() + ANSWER


def shared_start(rows: Sequence[Sequence[int]]) -> int:
    """Tokens that all rows begin with, at least one short of the shortest."""
    most = min(map(len, rows)) - 1
    return next((at for at in range(most) if len({row[at] for row in rows}) > 1), most)
