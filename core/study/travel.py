"""A trace without what is not ours: the document's text and the labels' names stay behind, and are
put in again from the dataset where the trace arrives.

What fills a trace is not what it says: where its tokens end, its curves, cosines and times in
digits that nobody reads, and a ranking that goes on as the shortlist does. So ends of tokens travel
as lengths, these numbers with DIGITS behind the point, and of a ranking what the shortlist does not
tell. A trace that travels twice is the same both times.
"""

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from itertools import takewhile
from typing import Any

from core.datasets.base import Document, LabelSpace
from core.rerank.base import Candidate, Fate, GoldFate, PlacedBy, Prediction
from core.rerank.prompts import build_prompt
from core.shortlist.base import GoldRank, Shortlist
from core.systems import RunConfig
from core.traces.base import Trace
from db.traces import StoredTrace, TraceRecord

DIGITS = 5  # a curve is drawn, and a cosine told, with 2 to 4

NameOf = Callable[[str], str | None]
Row = dict[str, Any]


def packed(stored: StoredTrace, labels: LabelSpace) -> dict[str, Any]:
    """A finished trace as plain data. Text of others is in it only as far as the model quotes it.

    Raises ValueError for one that did not finish.
    """
    if stored.trace is None or stored.prediction is None or stored.shortlist is None:
        raise ValueError(f"trace {stored.id} is not finished")
    shortlist = _rounded(stored.shortlist.to_json())
    whole = {
        "gold_ranks": [dataclasses.asdict(g) for g in stored.gold],
        "shortlist": shortlist,
        "candidates": [dataclasses.asdict(c) for c in stored.candidates],
        "trace": _with_lengths(_rounded(stored.trace.to_json())),
        "prediction": _without_rest(_rounded(stored.prediction.to_json()), shortlist["rows"]),
        "fates": [dataclasses.asdict(f) for f in stored.fates],
        "stages": _rounded([list(stage) for stage in stored.stages]),
        "example_f1": stored.summary.example_f1,
        "recall_at_k": stored.summary.recall_at_k,
        "around": _around(stored),
    }
    return {
        "document": stored.document.id,
        **_without_names(whole, _names_in(labels)),
    }


def unpacked(
    row: dict[str, Any], document: Document, labels: LabelSpace, config: RunConfig
) -> TraceRecord:
    """The trace as it was stored, with text and names from the dataset."""
    whole = _with_names({k: v for k, v in row.items() if k != "document"}, _names_in(labels))
    candidates = tuple(Candidate(**c) for c in whole["candidates"])
    rows = whole["shortlist"]["rows"]
    rendered = ""
    if whole["around"] is not None:
        before, after = whole["around"]
        rendered = before + build_prompt(config.prompt, document.text, candidates) + after
    return TraceRecord(
        document=document,
        gold=tuple(GoldRank(**g) for g in whole["gold_ranks"]),
        shortlist=Shortlist.from_json(whole["shortlist"]),
        candidates=candidates,
        rendered=rendered,
        trace=Trace.from_json(_with_offsets(whole["trace"])),
        prediction=Prediction.from_json(_with_rest(whole["prediction"], rows)),
        fates=tuple(GoldFate(**{**f, "fate": Fate(f["fate"])}) for f in whole["fates"]),
        stages=tuple((name, ms, note) for name, ms, note in whole["stages"]),
        example_f1=whole["example_f1"],
        recall_at_k=whole["recall_at_k"],
    )


def _around(stored: StoredTrace) -> list[str] | None:
    """What the chat template puts before and after the prompt; None where the prompt cannot be
    made again from the document (a text that was cut to fit)."""
    prompt = build_prompt(stored.config.prompt, stored.document.text, stored.candidates)
    before, found, after = (stored.rendered or "").partition(prompt)
    return [before, after] if found else None


def _rounded(data: Any) -> Any:
    if isinstance(data, float):
        return round(data, DIGITS)
    if isinstance(data, list | tuple):
        return [_rounded(one) for one in data]
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    return data


def _without_rest(prediction: Row, shortlist: list[Row]) -> Row:
    """`completed`: whether the ranking goes on with the rest of the shortlist, as retrieved."""
    ranking = prediction["ranking"]
    head = list(takewhile(lambda one: one["placed_by"] != PlacedBy.COMPLETED, ranking))
    completed = ranking == [*head, *_rest(head, shortlist)]
    return prediction | {"ranking": head if completed else ranking, "completed": completed}


def _with_rest(prediction: Row, shortlist: list[Row]) -> Row:
    found = dict(prediction)
    if found.pop("completed"):
        found["ranking"] = [*found["ranking"], *_rest(found["ranking"], shortlist)]
    return found


def _rest(head: list[Row], shortlist: list[Row]) -> list[Row]:
    ranked = {one["label_id"] for one in head}
    rest = [row for row in shortlist if row["label_id"] not in ranked]
    return [
        {
            "label_id": row["label_id"], "name": row["name"], "rank": rank,
            "placed_by": PlacedBy.COMPLETED.value, "score": None, "cosine": row["cosine"],
        }
        for rank, row in enumerate(rest, len(head) + 1)
    ]  # fmt: skip


def _with_lengths(trace: Row) -> Row:
    """Each token's length in place of its start and end; with the way from the end of the one
    before where that is not nothing."""
    lengths: list[int | list[int]] = []
    at = 0
    for start, end in trace["token_offsets"]:
        lengths.append(end - start if start == at else [start - at, end - start])
        at = end
    return trace | {"token_offsets": lengths}


def _with_offsets(trace: Row) -> Row:
    offsets: list[list[int]] = []
    at = 0
    for one in trace["token_offsets"]:
        way, length = one if isinstance(one, list) else (0, one)
        offsets.append([at + way, at + way + length])
        at += way + length
    return trace | {"token_offsets": offsets}


def _holds_parts(data: list[Any]) -> bool:
    return bool(data) and isinstance(data[0], dict | list)


@lru_cache(maxsize=8)  # datasets
def _names_in(labels: LabelSpace) -> NameOf:
    @lru_cache(maxsize=100_000)  # every system of a study was shown the same labels
    def name_of(label_id: str) -> str | None:
        row = labels.row(label_id)
        return None if row is None else labels.name(row)

    return name_of


def _without_names(data: Any, name_of: NameOf) -> Any:
    """The same data; a "name" that its "label_id" has in the dataset becomes None."""
    if isinstance(data, list | tuple):
        return [_without_names(one, name_of) for one in data]
    if not isinstance(data, dict):
        return data
    kept = {key: _without_names(value, name_of) for key, value in data.items()}
    if "name" in data and name_of(data.get("label_id", "")) == data["name"]:
        kept["name"] = None
    return kept


def _with_names(data: Any, name_of: NameOf) -> Any:
    if isinstance(data, list):  # what it holds is alike; numbers are thousands, and have no names
        return [_with_names(one, name_of) for one in data] if _holds_parts(data) else data
    if not isinstance(data, dict):
        return data
    filled = {key: _with_names(value, name_of) for key, value in data.items()}
    if "name" in data and data["name"] is None:
        filled["name"] = name_of(data["label_id"]) or data["label_id"]
    return filled
