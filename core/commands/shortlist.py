"""`phaselens shortlist`: the labels retrieved for one text."""

import sys
import time
from typing import Annotated

import typer

from core.commands.console import JsonFlag, example, inert, reporting

EPILOG = example(
    'phaselens shortlist icd --text "type 2 diabetes with neuropathy" --k 10',
    'phaselens shortlist icd --text "meniere" --method lexical',
)


def shortlist(
    name: Annotated[str, typer.Argument(help="Dataset, e.g. icd.")],
    text: Annotated[
        str | None, typer.Option("--text", help="Text to search with; - reads standard input.")
    ] = None,
    document: Annotated[
        str | None, typer.Option("--document", help="Id of a document of the dataset instead.")
    ] = None,
    k: Annotated[int, typer.Option("--k", help="How many labels.")] = 50,
    ef: Annotated[
        int | None,
        typer.Option("--ef", help="HNSW's candidate list; at least k. Default: the index's own."),
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Exact search instead of HNSW.")] = False,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="dense, lexical, fusion, sentences or two-step. Default: the best on dev "
            "documents, once `phaselens tune` has measured it; dense until then.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Retrieve the k labels nearest to a text, by vectors, by words, or by both."""
    if (text is None) == (document is None):
        raise typer.BadParameter("give one of --text and --document", param_hint="--text")
    with reporting(as_json) as report:
        from rich.table import Table

        from core.config import load_settings
        from core.datasets.catalogue import open_dataset
        from core.encoders import Encoder
        from core.shortlist.retriever import Retriever
        from core.systems import RunConfig, parse_method
        from core.text_check import check_text

        settings = load_settings()
        dataset = open_dataset(settings, name)
        excluded: tuple[str, ...] = ()
        if document is not None:
            given = dataset.document(document)
            query, excluded = given.text, given.excluded
        else:
            query = sys.stdin.read() if text == "-" else text or ""
        query = check_text(query, settings.max_text_chars)
        RunConfig(name, "", "", k=k, n=1, ef=ef).check(len(dataset.labels))
        chosen = parse_method(method) if method else None
        encoder = Encoder.load(settings)
        retriever = Retriever.open(settings, dataset, encoder)
        started = time.perf_counter()
        vector = encoder.encode([query])[0]
        ms_encode = (time.perf_counter() - started) * 1000
        found = retriever.search(
            query,
            vector,
            k,
            method=chosen,
            ef=ef,
            exact=exact,
            ms_encode=ms_encode,
            excluded=excluded,
        )
        table = Table("Rank", "Id", "Label", "Cosine", "Exact rank", "Word rank", "Found by")
        for row in found.rows:
            ranks = ["" if r is None else str(r) for r in (row.exact_rank, row.lexical_rank)]
            cells = (str(row.rank), inert(row.label_id), inert(row.name), f"{row.cosine:.3f}")
            table.add_row(*cells, *ranks, row.source)
        items = [
            {
                "id": row.label_id,
                "name": row.name,
                "rank": row.rank,
                "cosine": row.cosine,
                "exact_rank": row.exact_rank,
                "source": row.source,
                "lexical_rank": row.lexical_rank,
                "score": row.score,
            }
            for row in found.rows
        ]
        note = (
            f"The index covers {found.searched:,} of {found.labels:,} labels so far; "
            f"`phaselens index {name}` completes it."
            if found.partial
            else ""
        )
        data = {
            "items": items,
            "ms": {"encode": found.ms_encode, "search": found.ms_search},
            "dataset": name,
            "method": found.method,
            "k": found.k,
            "ef": found.ef,
            "searched": found.searched,
            "labels": found.labels,
            "partial": found.partial,
        }
        times = f"{found.method}: encode {found.ms_encode:.0f} ms, search {found.ms_search:.1f} ms"
        report.give(data, table, times, *filter(None, [note]))
