"""What a study works on: lessons, the teacher's traces, and the heads that they show."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

from core.datasets.base import Split
from core.distill.arms import PhaseExample
from core.distill.base import Head
from core.distill.examples import Example
from core.distill.head_map import HeadMap, map_heads
from core.distill.lessons import Taught, collect
from core.distill.phases import phase_example, text_example
from core.errors import ModelError
from core.live.inside import example_of
from core.live.inside_questions import RightLabels
from core.mechanism.architecture import Architecture
from core.mechanism.capture import Wanted, capture
from core.mechanism.positions import Example as Answered
from core.models.local import LocalModel
from core.rerank.prompts import RATED_PROMPT, build_prompt
from core.toolbox import Toolbox
from core.traces.base import FinishReason, NearMiss, Trace
from core.traces.phases import segment
from db.runs import run_records
from db.session import Store
from db.traces import load_trace

QUERY_STEP = 4  # every so manieth token of a trace is a query when heads are compared

Report = Callable[[str, int, int], None]
Item = TypeVar("Item")


def lessons(
    toolbox: Toolbox,
    counts: Mapping[str, int | None],
    split: Split,
    report: Report,
) -> list[Taught]:
    """So many of each dataset (None: all), in turn, so that every few steps meet them all."""
    parts = []
    for name, count in counts.items():
        stage = f"Lessons: {name}, {split.value}"

        def told(done: int, total: int, stage: str = stage) -> None:
            report(stage, done, total)

        parts.append(collect(toolbox, name, split, count, told))
    return in_turn(parts)


def answered(
    store: Store, runs: Mapping[str, tuple[str, Collection[str]]]
) -> list[tuple[str, Answered]]:
    """Finished traces of a run for each dataset, in turn; each with "dataset/document". `runs`:
    each with the documents that count of it, for it may have gone on to more."""
    parts, gold = [], RightLabels.GOLD
    for dataset, (run, among) in runs.items():
        with store.read() as session:
            every = [(r.document_id, r.trace_id) for r in run_records(session, run)]
            ids = sorted(pair for pair in every if pair[0] in among)
            parts.append(
                [
                    (
                        f"{dataset}/{document}",
                        example_of(load_trace(session, trace), gold),
                    )
                    for document, trace in ids
                ]
            )
    return in_turn(parts)


def lesson_traces(base: LocalModel, taught: Sequence[Taught]) -> list[Answered]:
    """Lessons as if they had been written: prompt, trace with its phases, right labels and near
    misses (the wrong labels that the trace weighs, each beside the first right one)."""
    found = []
    for one in taught:
        text, candidates = one.lesson.trace, one.candidates
        phases, boundary, source = segment(text, (), candidates)
        trace = Trace(
            text, FinishReason.STOP, 0, 0, 0.0, None,
            phases=phases, boundary=boundary, boundary_source=source,
        )  # fmt: skip
        right = [c for c in candidates if c.number in one.lesson.right]
        wrong = [c for c in candidates if c.number in one.lesson.shortlisted and c not in right]
        near = tuple(NearMiss(c.label_id, c.name, right[0].label_id, 0.0) for c in wrong if right)
        rendered = base.render(build_prompt(RATED_PROMPT, one.document.text, candidates))
        named = tuple((c.label_id, c.name) for c in right)
        found.append(Answered(rendered, one.document.text, trace, candidates, named, near))
    return [one for one in found if one.right]


def in_turn(parts: Sequence[Sequence[Item]]) -> list[Item]:
    """All items, each part's in its own order and spread evenly over the whole."""
    placed = [
        ((at + 0.5) / len(part), number, item)
        for number, part in enumerate(parts)
        for at, item in enumerate(part)
    ]
    return [item for *_, item in sorted(placed, key=lambda one: one[:2])]


def examples_of(
    base: LocalModel, traces: Sequence[tuple[str, Answered]]
) -> tuple[list[Example], dict[str, PhaseExample]]:
    """What students read, and the parts of it that have phases, by "dataset/document"."""
    examples, phases = [], {}
    for document, one in traces:
        example = text_example(base.tokenizer, document, one, end_of(base))
        examples.append(example)
        found = phase_example(base.tokenizer, example, one)
        if found is not None:
            phases[document] = found
    return examples, phases


def attention_over(
    architecture: Architecture, traces: Sequence[Answered], base: LocalModel
) -> torch.Tensor:
    """What all heads attend to in the prompts of some traces, from every QUERY_STEPth token of each
    trace: `(layers, heads, queries, keys)`. Raises ModelError without traces."""
    if not traces:
        raise ModelError(
            "The teacher wrote no trace with both phases, so no heads can be chosen.",
            "Train it longer.",
        )
    parts = []
    for one in traces:
        example = text_example(base.tokenizer, "", one, end_of(base))
        queries = tuple(range(example.start, len(example.ids), QUERY_STEP))
        wanted = Wanted(queries, keys=tuple(range(example.start)), mixed=False)
        with torch.no_grad():
            kept = capture(architecture, example.ids, wanted)
        if kept.attention is not None:
            parts.append(kept.attention)
    longest = max(part.shape[-1] for part in parts)
    padded = [torch.nn.functional.pad(p, (0, longest - p.shape[-1])) for p in parts]
    return torch.cat(padded, dim=2)


def map_together(
    teacher: torch.Tensor,
    student: torch.Tensor,
    chosen: Mapping[str, Sequence[Head]],
    student_depths: Sequence[float] | None = None,
) -> dict[str, HeadMap]:
    """Maps the heads of several phases at once, so that no student head takes after one teacher
    head in one phase and another in the next. `teacher`, `student`, `student_depths`: as map_heads
    takes them."""
    every = list(dict.fromkeys(head for heads in chosen.values() for head in heads))
    found = map_heads(teacher, student, every, student_depths=student_depths)
    at = {head: number for number, head in enumerate(found.teacher)}
    return {
        name: HeadMap(
            tuple(heads),
            tuple(found.student[at[head]] for head in heads),
            tuple(found.likeness[at[head]] for head in heads),
        )
        for name, heads in chosen.items()
    }


def top_heads(grids: Sequence[Any], count: int) -> tuple[Head, ...]:
    """The heads with the highest mean score over `grids`, each `(layers, heads)`."""
    mean = np.mean(np.stack(grids), axis=0)
    order = np.argsort(-mean, axis=None, kind="stable")[:count]
    return tuple((int(at) // mean.shape[1], int(at) % mean.shape[1]) for at in order)


def end_of(model: LocalModel) -> int:
    """The token that ends a text."""
    end = model.model.generation_config.eos_token_id
    return int(end[0] if isinstance(end, list) else end)
