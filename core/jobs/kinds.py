"""The kinds of job there are. Each is restartable: it finds by itself what is done already.

A kind is called with (settings, params, report, cancelled) in the job's own process:
`report(stage, done, total)` is cheap, and may be called as often as one likes; `cancelled()`
turns True when the user cancelled or another process took the job over: return soon then,
leaving what is finished. The returned dict is kept as the job's result (plain JSON).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.annotation.people import Role
from core.config import Settings

Report = Callable[[str, int, int], None]
Cancelled = Callable[[], bool]
Kind = Callable[[Settings, Mapping[str, Any], Report, Cancelled], dict[str, Any]]


def index_key(dataset: str) -> str:
    """What makes two index builds the same job."""
    return f"index:{dataset}"


def fetch_key(dataset: str) -> str:
    """What makes two fetches the same job."""
    return f"fetch:{dataset}"


def distill_key(study: str) -> str:
    """What makes two trainings of a study, by its name, the same job."""
    return f"distill:{study}"


RESULTS_KEY = "results"  # of all that ship there is one load
RESULTS_TITLE = "Results that ship"


def import_key(params: Mapping[str, Any]) -> str:
    """What makes two imports the same job."""
    text = json.dumps(dict(params), sort_keys=True)
    return f"import:{params['name']}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def import_traces_key(params: Mapping[str, Any]) -> str:
    """What makes two imports of traces the same job."""
    text = json.dumps(dict(params), sort_keys=True)
    return f"import-traces:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def analyse_key(asked: Mapping[str, str]) -> str:
    """What makes two analyses of imported traces the same job."""
    return "analyse-traces:" + json.dumps(dict(asked), sort_keys=True)


def survey_key(params: Mapping[str, Any]) -> str:
    """What makes two surveys the same job."""
    return "survey:" + json.dumps(dict(params), sort_keys=True)


def build_index_of(
    settings: Settings, params: Mapping[str, Any], report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Builds, or finishes, the label index of `params["dataset"]`, and measures which method is
    best for every ready dataset that it serves, where that is not known.

    `params["options"]`: fields of GraphOptions that are not the default.
    """
    from core.datasets.catalogue import open_dataset, sharing
    from core.encoders import Encoder
    from core.shortlist.build import build_index
    from core.shortlist.choice import read_choice
    from core.shortlist.graph import GraphOptions
    from core.shortlist.tuning import choose

    report("Opening the dataset", 0, 0)
    dataset = open_dataset(settings, str(params["dataset"]))
    bring_in_results(settings)  # a dataset that builds itself is there now
    report("Loading the encoder", 0, 0)
    encoder = Encoder.load(settings)
    options = GraphOptions(**params.get("options", {}))
    manifest = build_index(
        settings, dataset, encoder, on_progress=report, cancelled=cancelled, options=options
    )
    if manifest is None:
        return {}
    for name in sharing(settings, dataset.info.index_name):
        served = open_dataset(settings, name)
        if not cancelled() and read_choice(settings, served, encoder.identity) is None:
            choose(settings, served, encoder, on_progress=report, cancelled=cancelled)
    return {"manifest": asdict(manifest)}


def fetch_dataset(
    settings: Settings, params: Mapping[str, Any], report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Fetches the packages of `params["dataset"]` and builds it.

    `params["files"]`: paths of packages that were fetched elsewhere.
    """
    from core.datasets.catalogue import dataset_info
    from core.datasets.getting import get_dataset

    name = str(params["dataset"])
    files = [Path(file) for file in params.get("files", [])]
    if not get_dataset(settings, name, files, report=report, cancelled=cancelled):
        return {}
    bring_in_results(settings)
    info = dataset_info(settings, name)
    return {"dataset": name, "labels": info.labels, "documents": info.documents}


def import_of(
    settings: Settings, params: Mapping[str, Any], report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Imports a user's own data; `params` is an ImportRequest as JSON."""
    from core.datasets.importing import ImportRequest, import_dataset
    from core.importing.uploads import drop_uploads

    request = ImportRequest.from_json(params)
    made = import_dataset(settings, request, report=report, cancelled=cancelled)
    if made is None:
        return {}
    drop_uploads(settings, (request.labels, *request.documents, *request.filters))
    return made.to_json()


def import_traces_of(
    settings: Settings, params: Mapping[str, Any], report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Imports traces of other programs; `params` is a TraceImportRequest as JSON."""
    from core.importing.uploads import drop_uploads
    from core.trace_import import import_traces
    from core.traces.importing.request import TraceImportRequest
    from db.session import open_store

    request = TraceImportRequest.from_json(params)
    made = import_traces(
        settings, open_store(settings), request, report=report, cancelled=cancelled
    )
    if made is None:
        return {}
    drop_uploads(settings, request.files)
    return made.to_json()


def analyse_traces(
    settings: Settings, params: Mapping[str, Any], report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Works out imported traces: phases, mentions, curves, fates; those of `params["asked"]`, a
    filter in words (db/trace_asked.py)."""
    from core.toolbox import Toolbox
    from core.trace_analysis import analyse_all
    from db.trace_asked import filter_of

    filter = filter_of(params.get("asked", {}))
    return analyse_all(Toolbox(settings), filter, report, cancelled)


def run_system(
    settings: Settings, params: Mapping[str, Any], report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Runs `params["config"]` (a RunConfig as JSON) over `params["split"]` (None: all).

    `params["limit"]`: the most documents, or None.
    """
    from core.datasets.base import Split
    from core.run_request import BATCH_SIZE
    from core.runs import run_batch
    from core.systems import RunConfig
    from db.session import open_store

    config = RunConfig.from_json(params["config"])
    split = Split(params["split"]) if params.get("split") else None
    store = open_store(settings)
    size = int(params.get("batch_size", BATCH_SIZE))
    result = run_batch(settings, store, config, split, params.get("limit"), report, cancelled, size)
    return result.to_json()


def survey_of(
    settings: Settings, params: Mapping[str, Any], report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Surveys the shortlists of a split; `params` is a Plan as JSON."""
    from core.datasets.catalogue import open_dataset
    from core.encoders import Encoder
    from core.shortlist.survey import Plan
    from core.shortlist.survey_store import make_survey

    plan = Plan.from_json(dict(params))
    report("Opening the dataset", 0, 0)
    dataset = open_dataset(settings, plan.dataset)
    report("Loading the encoder", 0, 0)
    encoder = Encoder.load(settings)
    info = make_survey(settings, dataset, encoder, plan, on_progress=report, cancelled=cancelled)
    return {} if info is None else {"survey": info.id, **asdict(info)}


def distill_of(
    settings: Settings, params: Mapping[str, Any], report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Trains a teacher and its students, and tests them. `params`: fields of Asked."""
    from core.study.asked import Asked
    from core.study.choice import begun
    from core.study.made import sums_of
    from core.study.study import Study
    from db.session import open_store

    store = open_store(settings)
    preset = begun(settings, store, Asked(**params))
    done = Study(settings, store, preset, report, cancelled).run()
    return {} if done is None else {"preset": preset.name, **sums_of(store, done), "cells": done}


def load_results(
    settings: Settings, params: Mapping[str, Any], report: Report, cancelled: Cancelled
) -> dict[str, Any]:
    """Brings the results that ship into the store, of all datasets that are there."""
    from core.study.shipped import load_shipped
    from db.session import open_store

    return {"traces": load_shipped(settings, open_store(settings), report)}


def bring_in_results(settings: Settings) -> None:
    """Starts the load of those that ship and wait for nothing else, as a job of its own: one that
    fails is no failure of what made it possible. Raises StoreError, JobError."""
    from core import jobs
    from core.annotation.people import local_person
    from core.study.shipped import waiting
    from db.session import open_store

    store = open_store(settings)
    if waiting(settings, store):
        by = local_person()  # PhaseLens itself
        jobs.start(settings, jobs.submit(store, by, "results", {}, RESULTS_TITLE, RESULTS_KEY))


# Work over what is there is for annotators; what changes datasets or indexes for all is for leads.
_STARTS = {
    "analyse-traces": Role.ANNOTATOR,
    "distill": Role.LEAD,
    "fetch": Role.LEAD,
    "import": Role.LEAD,
    "import-traces": Role.LEAD,
    "index": Role.LEAD,
    "results": Role.LEAD,
    "run": Role.ANNOTATOR,
    "survey": Role.ANNOTATOR,
}


def starts(kind: str) -> Role:
    """The least role that may start, cancel and resume jobs of a kind; admin for an unknown one."""
    return _STARTS.get(kind, Role.ADMIN)


KINDS: dict[str, Kind] = {
    "analyse-traces": analyse_traces,
    "distill": distill_of,
    "fetch": fetch_dataset,
    "import": import_of,
    "import-traces": import_traces_of,
    "index": build_index_of,
    "results": load_results,
    "run": run_system,
    "survey": survey_of,
}
