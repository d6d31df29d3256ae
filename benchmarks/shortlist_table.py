"""The numbers of benchmarks/shortlist.py as Markdown."""

from collections.abc import Sequence
from typing import Any


def table(data: dict[str, Any]) -> list[str]:
    """Lines of Markdown, for a person and for docs/performance.md."""
    head = (
        f"{data['labels']:,} of the {data['labels_in_all']:,} labels of {data['dataset']} "
        f"({data['dim']}-d), {data['queries']} training documents as queries, k = {data['k']}, "
        f"M = {data['m']}, ef_construction = {data['ef_construction']}, {data['threads']} threads "
        f"for builds and batches, one for single queries; median of {data['runs']} runs. "
        f"ef: the smallest with recall@{data['k']} of {data['target']} on "
        f"{data['queries_for_ef']} other documents; lost: queries with recall below one half. "
        f"{data['machine']['processor']}, {data['machine']['cores']} cores."
    )
    columns = (
        "engine", "ef", f"recall@{data['k']}", "lost", "p50 ms", "p95 ms", "batch/s", "build s",
        "build peak MB", "load s", "memory MB", "file MB",
    )  # fmt: skip
    lines = [head, "", row_of(columns), row_of(["---"] + ["---:"] * (len(columns) - 1))]
    for engine, found in data["engines"].items():
        if found is None:
            lines.append(row_of([engine, "not installed", *[""] * (len(columns) - 2)]))
        else:
            lines.append(row_of([f"{engine} {found['version']}", *cells(found, data["k"])]))
    if data["full"]:
        name = f"ours, all {data['full']['labels']:,}"
        lines.append(row_of([name, *cells(data["full"], data["k"])]))
    lines += ["", *curves(data)]
    if data["missing"]:
        lines += ["", f"The missing ones: {data['missing']}."]
    return lines


def curves(data: dict[str, Any]) -> list[str]:
    """recall and p50 at every ef, one column an engine."""
    points = {
        name: {point["ef"]: point for point in found["curve"]}
        for name, found in data["engines"].items()
        if found and found["curve"]
    }
    if not points:
        return []
    heads = ["ef", *(f"{name}: recall, p50 ms" for name in points)]
    lines = [row_of(heads), row_of(["---:"] * len(heads))]
    for ef in next(iter(points.values())):
        at = (by_ef[ef] for by_ef in points.values())
        lines.append(row_of([str(ef), *(f"{p['recall']:.4f}, {p['p50_ms']:.2f}" for p in at)]))
    return lines


def cells(found: dict[str, Any], k: int) -> list[str]:
    peak = found.get("build_peak_mb")
    return [
        "" if found["ef"] is None else str(found["ef"]),
        f"{found[f'recall_at_{k}']:.4f}",
        f"{found['lost']:.1%}",
        f"{found['p50_ms']:.2f}",
        f"{found['p95_ms']:.2f}",
        f"{found['batch_per_s']:,.0f}",
        f"{found['build_s']:.1f}",
        "" if peak is None else f"{peak:,.0f}",
        f"{found['load_s']:.2f}",
        f"{found['memory_mb']:,.0f}",
        f"{found['file_mb']:,.0f}",
    ]


def row_of(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
