"""Whether the adapters write again what the store says they wrote: reference mode, on this machine,
over the very labels that were shown then."""

from collections.abc import Callable
from dataclasses import dataclass

from core.errors import UnknownNameError
from core.models.base import LanguageModel
from core.rerank.parser import parse
from core.rerank.prompts import build_prompt, fit_document
from core.rerank.reasoner import Reasoner
from core.study.tested import runs_are_away, tests_of
from core.systems import System
from core.toolbox import Toolbox, find_system, in_mode
from db.runs import answered_traces, load_run, run_records
from db.session import Store
from db.traces import StoredTrace, load_trace

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Verified:
    """One run: how many of its texts and answers were written again; `different`: the documents of
    the other texts. `missing`: the adapter is not here, so nothing was tried."""

    run: str
    system: str
    dataset: str
    documents: int = 0
    same_texts: int = 0
    same_answers: int = 0
    different: tuple[str, ...] = ()
    missing: bool = False


def verify(
    toolbox: Toolbox,
    store: Store,
    study: str,
    limit: int,
    report: Report,
) -> list[Verified]:
    """The first `limit` documents of a study's tests, dealt out evenly over those of its runs that
    are here, with their systems.

    Raises InputError where there is none of them, ModelError where a model cannot be opened.
    """
    tests = tests_of(toolbox.settings, study)
    runs = [told["run"] for systems in tests.values() for told in systems.values()]
    with store.read() as session:
        runs = [run for run in runs if answered_traces(session, run)]
        summaries = [load_run(session, run).summary for run in runs]
    if not runs:
        raise runs_are_away(study, list(tests))
    systems = {one.system: _system(toolbox, store, one.system) for one in summaries}
    left = sum(systems[one.system] is not None for one in summaries)  # runs still to be tried
    found, done = [], 0
    for summary in summaries:
        run, system = summary.id, systems[summary.system]
        if system is None:
            found.append(Verified(run, summary.system, summary.dataset, missing=True))
            continue
        each = -(-(limit - done) // left)
        left -= 1
        with store.read() as session:
            ids = sorted((r.document_id, r.trace_id) for r in run_records(session, run))
            traces = [load_trace(session, trace) for _, trace in ids[:each]]
        model = toolbox.model(in_mode(system.model, summary.config.decoding.mode))
        answers, different = 0, list[str]()
        for trace in traces:
            report(f"{summary.system} on {summary.dataset}", done, limit)
            text, answer = written_again(model, trace)
            different += [] if text else [trace.document.id]
            answers += answer
            done += 1
        found.append(
            Verified(
                run, summary.system, summary.dataset, len(traces), len(traces) - len(different),
                answers, tuple(different),
            )
        )  # fmt: skip
    report("Verified", done, done)
    return found


def _system(toolbox: Toolbox, store: Store, name: str) -> System | None:
    try:
        return find_system(toolbox.settings, store, name)
    except UnknownNameError:
        return None


def written_again(model: LanguageModel, stored: StoredTrace) -> tuple[bool, bool]:
    """Whether the model writes the same text, and whether it ends in the same answer."""
    config, candidates = stored.config, stored.candidates
    text, _ = fit_document(model, config.prompt, stored.document.text, candidates, config.decoding)
    prompt = build_prompt(config.prompt, text, candidates)
    new = Reasoner(model).write(
        prompt, candidates, config.decoding, emit=lambda event: None, cancelled=lambda: False
    )
    parsed = parse(new.text, candidates, new.finish_reason)
    then = () if stored.prediction is None else stored.prediction.selected
    return new.text == stored.text, set(parsed.answer or ()) == set(then)
