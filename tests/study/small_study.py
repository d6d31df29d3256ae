"""A study `small` of one run over one document, made up, and homes to take it to."""

import dataclasses
from pathlib import Path

from core.config import Settings, load_settings
from core.datasets.base import Document, Label, Split
from core.datasets.files import About, write_dataset
from core.rerank.prompts import build_prompt
from core.study.cells import Cell, Cells
from db.runs import ensure_run
from db.session import Store, open_store
from db.traces import begin_trace, finish_trace
from db.trainings import save_training
from tests.db.examples import CONFIG, DOCUMENT, record

PART = Path("tiny", "dev", "small-teacher.jsonl.zst")  # of the run, in a pack
SECRET = "a sentence that belongs to somebody else"
NAMES = {
    "I50.9": "Heart failure, unspecified",
    "I50.1": "Left ventricular failure",
    "I51.9": "Heart disease, unspecified",
}


def settings_of(folder: Path, *, with_data: bool = True) -> Settings:
    settings = load_settings().model_copy(update={"home": folder})
    folder.mkdir(parents=True, exist_ok=True)
    if with_data:
        add_data(settings)
    return settings


def add_data(settings: Settings) -> None:
    about = About("tiny", "Tiny", "", "", "", "")
    labels = [Label(label, name) for label, name in NAMES.items()]
    documents = [dataclasses.replace(DOCUMENT, id=name, text=SECRET) for name in ("a", "b")]
    train = Document("train", "x", ("I50.9",), Split.TRAIN_TEACHER)
    write_dataset(settings.datasets_dir / "tiny", about, labels, [train, *documents])


def a_study(settings: Settings, split: str = "dev") -> tuple[Store, str, str]:
    """A store with one run of one document, its cell and its learning curve; run and trace."""
    store = open_store(settings)
    config = dataclasses.replace(CONFIG, dataset="tiny", system="small-teacher")
    document = dataclasses.replace(DOCUMENT, id="a", text=SECRET)
    with store.write() as session:
        run = ensure_run(session, {"config": config.to_json()}, config, split, "batch")
        made = record(document, text="Shortlist:\n1. Heart\u2028failure\x85\nAnswer: 1")
        prompt = build_prompt(config.prompt, SECRET, made.candidates)
        made = dataclasses.replace(made, rendered=f"<user>{prompt}<end>")
        trace = begin_trace(session, run_id=run, config=config, document=document, origin="batch")
        finish_trace(session, trace, made)
        save_training(
            session, system="small-teacher", stage="traces", plan={"steps": 1},
            curves=[{"step": 1, "tokens": 9, "seconds": 1.5, "total": 2.0}],
        )  # fmt: skip
    cells = Cells(settings.home / "distill" / "small" / "cells")
    cells.do(Cell("test/teacher/tiny", (), 1, lambda: {"run": run}))
    return store, run, trace
