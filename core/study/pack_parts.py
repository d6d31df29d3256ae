"""The parts of a pack (core/study/pack.py): where each lies, and how its lines are written."""

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from core.errors import DataError

RUNS = ".jsonl.zst"
LEVEL = 19  # of zstd: written once, read often

Row = dict[str, Any]


def part_of(folder: Path, dataset: str, split: str, system: str) -> Path:
    """Where a pack in a folder has a system's run."""
    return folder / dataset / split / f"{system}{RUNS}"


def parts_of(folder: Path, splits: Collection[str]) -> list[Path]:
    """The parts of a pack that hold runs on some splits, by dataset, split and system."""
    return [part for part in sorted(folder.glob(f"*/*/*{RUNS}")) if split_of(part) in splits]


def dataset_of(part: Path) -> str:
    """The dataset whose documents a part answers."""
    return part.parent.parent.name


def split_of(part: Path) -> str:
    """The split that these documents are of."""
    return part.parent.name


def shared_of(part: Path) -> Path:
    """What a part has in common with others of its split."""
    return part.parent.with_name(f"{part.parent.name}{RUNS}")


def write_lines(path: Path, lines: Sequence[Row]) -> None:
    """The same lines make the same file, to the byte."""
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pa.Codec("zstd", LEVEL).compress(text, asbytes=True))


def read_lines(path: Path) -> Iterator[Row]:
    """The lines of a part, its run first. Raises DataError where it is damaged."""
    try:
        with pa.input_stream(path, compression="zstd") as stream:
            text = stream.read().decode()
        # Not splitlines: a model may write other line ends than ours, such as U+2028.
        yield from map(json.loads, text.removesuffix("\n").split("\n"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}).", "Copy the folder anew.") from error
