"""`phaselens run`: a system over a split's documents, resumable."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.commands.console import INTERRUPTED, JsonFlag, example, inert, reporting

EPILOG = example("phaselens run --dataset icd --system base --split test --limit 50")


def run(
    dataset: Annotated[str, typer.Option("--dataset", help="Dataset, e.g. icd.")],
    system: Annotated[
        str, typer.Option("--system", help="base, or the name of a model added on Settings.")
    ] = "base",
    split: Annotated[
        str,
        typer.Option("--split", help="train-teacher, train-student, dev, test or all."),
    ] = "dev",
    limit: Annotated[
        int | None, typer.Option("--limit", help="At most this many documents. Default: all.")
    ] = None,
    k: Annotated[int, typer.Option("--k", help="Labels retrieved.")] = 50,
    n: Annotated[int, typer.Option("--n", help="Labels of these shown to the model.")] = 10,
    ef: Annotated[
        int | None, typer.Option("--ef", help="HNSW's candidate list. Default: the index's own.")
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="How labels are found: dense, lexical, fusion, sentences or two-step. Default: "
            "what the system was trained on; else the best on dev documents, where that was "
            "measured; else dense.",
        ),
    ] = "",
    temperature: Annotated[
        float, typer.Option("--temperature", help="0 is greedy decoding.")
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="For a temperature above 0.")] = 0,
    max_new_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-new-tokens",
            help="Longest trace, in tokens. Default: what the system was trained for, else 320.",
        ),
    ] = None,
    mode: Annotated[
        str,
        typer.Option(
            "--mode",
            help="fast: our own lean network, several documents side by side. reference: "
            "transformers' generate, one document at a time, token for token. A model that fast "
            "mode does not know is run in reference mode, and the result says so.",
        ),
    ] = "fast",
    guided: Annotated[
        bool,
        typer.Option(
            "--guided",
            help="Give the headings, numbers and names that the trace grammar forces; the model "
            "decides the rest. Faster and well-formed unless cut off, but no evidence of phases. "
            "Fast mode only.",
        ),
    ] = False,
    batch_size: Annotated[
        int,
        typer.Option("--batch-size", help="Documents written side by side in fast mode."),
    ] = 8,
    scorer: Annotated[
        bool,
        typer.Option("--scorer/--no-scorer", help="Order unanswered candidates by the model."),
    ] = True,
    prompt: Annotated[
        Path | None,
        typer.Option(
            "--prompt",
            help="A file with a prompt template, e.g. one tried in Explore; it holds {document} "
            "and {candidates}.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a system over documents and store every trace.

    Finished documents are skipped, so a stopped run goes on when the same command is given
    again. Failed documents are stored as failed, counted, and tried again by the next run.
    """
    with reporting(as_json) as report:
        from core.commands.foreground import work_in_foreground
        from core.config import load_settings
        from core.rerank.base import Decoding, parse_mode
        from core.rerank.prompts import read_template
        from core.run_request import check_request, parse_split, request_key
        from core.toolbox import Toolbox, find_system
        from db.session import open_store

        settings = load_settings()
        kind = parse_mode(mode)
        store = open_store(settings)
        own = find_system(settings, store, system)
        config = own.asked(
            dataset,
            prompt=None if prompt is None else read_template(prompt),
            max_new_tokens=max_new_tokens,
            method=method,
            decoding=Decoding(temperature=temperature, seed=seed, mode=kind, guided=guided),
            k=k,
            n=n,
            ef=ef,
            use_scorer=scorer,
        )
        chosen = parse_split(split)
        check_request(Toolbox(settings, store), config, limit, batch_size=batch_size)
        job = work_in_foreground(
            settings,
            store,
            "run",
            {
                "config": config.to_json(),
                "split": chosen and chosen.value,
                "limit": limit,
                "batch_size": batch_size,
            },
            f"{system} on {dataset}, {split}" + (f", {limit:,} documents" if limit else ""),
            request_key(config, chosen, limit, batch_size),
        )
        data = (job.result or {}) | {"job": job.id}
        report.give(data, *described(data))
        if job.state == "cancelled":
            report.fail("Stopped. The same command goes on from here.", INTERRUPTED)
        elif data["failed"]:
            first = data["failures"][0]
            report.fail(
                f"Error: {data['failed']} of {data['documents']} documents failed, the first one "
                f"({first['document']}): {first['what']} {first['fix']} The same command tries "
                "them again."
            )


def described(data: dict[str, Any]) -> list[str]:
    """What a run did, in sentences."""
    if not data.get("run"):  # cancelled before there was one
        return []
    lines = [
        f"Run {inert(data['run'])}: {data['documents']:,} documents, "
        f"{data['skipped_as_done']:,} skipped as done, {data['answered']:,} answered, "
        f"{data['failed']:,} failed."
    ]
    if data["mode_note"]:
        lines.append(inert(data["mode_note"]))
    if data["documents_per_second"]:
        lines.append(
            f"{data['documents_per_second']:.2f} documents/s, "
            f"{data['tokens_per_second'] or 0:.1f} tokens/s in {data['mode']} mode, "
            f"{data['batch_size']} at a time."
        )
    if data["elsewhere"]:
        lines.append(f"{data['elsewhere']:,} are being answered by another process.")
    return [*lines, f"Next: phaselens eval {inert(data['run'])}"]
