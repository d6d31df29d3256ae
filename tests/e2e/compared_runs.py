"""Batch runs of three systems over the same four documents, with learning curves."""

import dataclasses

from core.datasets.base import Document, Split
from core.rerank.base import Bucket, Fate
from db.runs import ensure_run
from db.session import Store
from db.traces import begin_trace, finish_trace
from db.trainings import save_training
from tests.db.examples import CONFIG, record

# Whether a system answers the gold label of a document.
RIGHT = {
    "teacher": {"a": True, "b": True, "c": True, "d": False},
    "standard": {"a": True, "b": False, "c": True, "d": False},
    "mechanistic": {"a": True, "b": True, "c": False, "d": False},
}


def save_run(store: Store, system: str, right: dict[str, bool], tokens: int = 320) -> str:
    decoding = dataclasses.replace(CONFIG.decoding, max_new_tokens=tokens)
    config = dataclasses.replace(CONFIG, system=system, decoding=decoding)
    with store.write() as session:
        run = ensure_run(session, {"config": config.to_json()}, config, "dev", "batch")
        for name, hit in right.items():
            document = Document(name, f"Congestive heart failure {name}", ("I50.9",), Split.DEV)
            made = record(
                document, bucket=Bucket.OK, f1=float(hit),
                fates=(Fate.SELECTED if hit else Fate.DROPPED_IN_REASONING,),
            )  # fmt: skip
            if not hit:
                lost = dataclasses.replace(made.prediction, selected=())
                made = dataclasses.replace(made, prediction=lost)
            trace = begin_trace(
                session, run_id=run, config=config, document=document, origin="batch"
            )
            finish_trace(session, trace, made)
        save_training(
            session, system=system, stage="distillation", plan={},
            curves=[
                {"step": n, "tokens": 500 * n, "seconds": 2.0 * n, "total": 3 / n, "L_cot": 2 / n}
                for n in range(1, 40)
            ],
        )  # fmt: skip
    return run
