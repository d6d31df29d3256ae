"""`phaselens mechanism scores`: head scores over the texts of a run, with intervals."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands.console import JsonFlag, Report, example, inert, new_app, reporting, say

if TYPE_CHECKING:
    from core.mechanism.run_scores import RunScores

app = new_app("Inside a local model: which heads shortlist, which reason.")
SHOWN = 10


@app.command(epilog=example("phaselens mechanism scores --run 3f2a91 --limit 20"))
def scores(
    run: Annotated[str, typer.Option("--run", help="Id of a run, or its unique beginning.")],
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Score at most so many texts, the first ones.")
    ] = 20,
    as_json: JsonFlag = False,
) -> None:
    """CoarseScore and RefineScore of every head, averaged over a run's texts, with 95% intervals.

    Only traces with both phases have scores. The result is kept for the Mechanism page after each
    text; the same command goes on from there, a larger --limit too.
    """
    with reporting(as_json) as report:
        found = score_run(run, limit)
        tell(report, found)


def score_run(run: str, limit: int) -> "RunScores":
    """Scores what is not scored yet. Raises UnknownNameError, InputError, ModelError and
    StoreError."""
    from core.config import load_settings
    from core.errors import InputError
    from core.live.inside import InsideView
    from core.live.inside_questions import Inner, Overview, RightLabels
    from core.mechanism.run_scores import empty_scores, load_scores, save_scores
    from core.models.chat_stream import never
    from core.toolbox import Toolbox
    from db.runs import load_run
    from db.session import open_store
    from db.trace_views import TraceFilter, TraceOrder, TraceState
    from db.traces import page_of

    settings = load_settings()
    store = open_store(settings)
    with store.read() as session:
        stored = load_run(session, run)
        run_id = stored.summary.id
        wanted = TraceFilter(run_id=run_id, has_phases=True, state=TraceState.DONE)
        ids = [row.id for row in page_of(session, wanted, 0, limit, TraceOrder.OLDEST)]
    if not ids:
        raise InputError(
            f"Run {run_id} has no finished trace with both phases, so there is nothing to score.",
            "Choose another run; the Traces page lists which traces have phases.",
        )
    weights = str(stored.identity.get("model", {}).get("weights", ""))
    found = load_scores(settings, run_id)
    if found is None or found.weights != weights:
        found = empty_scores(run_id, weights)
    found = replace(found, left_out={})  # those left out before are tried and counted again
    view = InsideView(Toolbox(settings, store))
    todo = [trace_id for trace_id in ids if trace_id not in set(found.trace_ids)]
    for at, trace_id in enumerate(todo, 1):
        say(f"Scoring text {at} of {len(todo)}: trace {trace_id}")
        inner = view.answer(Overview(trace_id, RightLabels.GOLD), lambda progress: None, never)
        assert isinstance(inner, Inner)
        for note in inner.notes if at == 1 else ():
            say(f"Note: {note}")
        if inner.analysis is None:
            found = found.leaving_out(inner.missing[0])
        else:
            one = inner.analysis.scores
            found = found.adding(trace_id, one.coarse, one.refine)
        save_scores(settings, found)
    return found


def tell(report: Report, found: "RunScores") -> None:
    import numpy as np
    from rich.table import Table

    from core.mechanism.results import top_heads

    data: dict[str, Any] = {
        "run": found.run_id,
        "texts": len(found.trace_ids),
        "left_out": found.left_out,
        "scores": {},
    }
    tables: list[Any] = []
    for score, name in (("coarse", "CoarseScore"), ("refine", "RefineScore")):
        interval = found.interval(score)
        texts = found.texts_with(score)
        if interval is None:
            data["scores"][score] = {"texts": texts, "heads": None}
            tables.append(f"{name}: {texts} text{'s' * (texts != 1)}, which gives no interval.")
            continue
        mean = interval.value.astype(np.float32)
        heads = [
            {
                "layer": layer,
                "head": head,
                "mean": float(interval.value[layer, head]),
                "low": float(interval.low[layer, head]),
                "high": float(interval.high[layer, head]),
            }
            for layer, head in top_heads(mean, mean.size)
        ]
        data["scores"][score] = {"texts": texts, "heads": heads}
        table = Table(f"{name}, {texts} texts", "Layer", "Head", "Mean", "95% interval")
        for rank, one in enumerate(heads[:SHOWN], 1):
            table.add_row(
                str(rank),
                str(one["layer"]),
                str(one["head"]),
                f"{one['mean']:.4g}",
                f"{one['low']:.4g} to {one['high']:.4g}",
            )
        tables.append(table)
    for why, count in found.left_out.items():
        tables.append(f"Left out: {count}. {inert(why)}")
    report.give(data, *tables)
