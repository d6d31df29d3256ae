"""One job as a card: what it is, how far it is, how fast, what came of it, and what can be done."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from core import jobs
from core.study.cell_files import tests_in
from core.study.offered import SIDES
from core.traces.inert import neutralise, one_line
from db.jobs import JobState, JobView
from pages.parts import errors, services
from pages.parts.facts import facts
from pages.parts.people import person, why_not
from pages.parts.run_metrics import run_metrics
from pages.parts.times import duration, local_time

POLL_S = 1.0
LOG_BYTES = 20_000
STATES = {
    JobState.QUEUED: (":material/schedule:", "gray"),
    JobState.RUNNING: (":material/hourglass_top:", "blue"),
    JobState.CANCELLING: (":material/hourglass_bottom:", "orange"),
    JobState.DONE: (":material/check:", "green"),
    JobState.FAILED: (":material/error:", "red"),
    JobState.CANCELLED: (":material/stop_circle:", "orange"),
}


def job_bar(job: JobView) -> None:
    """The progress bar with its words; full width, also where nothing is known yet."""
    st.progress(job.fraction or 0.0, text=progress_words(job))


def progress_words(job: JobView) -> str:
    """ "Encode labels · 12,000 of 74,044 (16%) · 310 a second · about 3 min 20 s left"."""
    parts = [(job.stage or str(job.state)).capitalize()]
    if job.total:
        share = f" ({job.fraction:.0%})" if job.fraction is not None else ""
        parts.append(f"{job.done:,} of {job.total:,}{share}")
    if job.rate and not job.finished:
        rate = f"{job.rate:,.0f}" if job.rate >= 10 else f"{job.rate:.2g}"
        parts.append(f"{rate} a second")
    if job.seconds_left is not None:
        parts.append(f"about {duration(job.seconds_left)} left")
    return " · ".join(parts)


def job_card(job: JobView) -> None:
    """Draws one job; call it inside a fragment that polls while the job is not finished."""
    with st.container(border=True, key=f"job_{job.id}", gap="small"):
        _head(job)
        if not job.finished:
            job_bar(job)
        elif job.state is not JobState.DONE and job.total:
            st.caption(progress_words(job))
        if job.error is not None:
            errors.card(*job.error)
        if job.result:
            _result(job)
        _more(job)


def _head(job: JobView) -> None:
    icon, color = STATES[job.state]
    no = why_not(jobs.starts(job.kind))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(
            "process ended, will be resumed" if job.abandoned else str(job.state),
            icon=icon, color="orange" if job.abandoned else color,
        )  # fmt: skip
        st.text(neutralise(job.title), width="content")
        st.caption(_when(job), width="content")
        st.space("stretch")
        if not job.finished:
            st.button(
                "Cancel", icon=":material/stop:", key=f"cancel_{job.id}",
                disabled=bool(no) or job.state is JobState.CANCELLING, on_click=_cancel,
                args=(job.id,), help=no or "What is finished is kept; the job can be resumed.",
            )  # fmt: skip
        if job.state in (JobState.FAILED, JobState.CANCELLED) or job.abandoned:
            st.button(
                "Resume", icon=":material/play_arrow:", key=f"resume_{job.id}", type="primary",
                on_click=_resume, args=(job.id,), disabled=bool(no),
                help=no or "Goes on from what is finished.",
            )  # fmt: skip


def _when(job: JobView) -> str:
    if job.started_at is None:
        return f"asked for {local_time(job.created_at)}"
    end = job.finished_at or datetime.now(UTC)
    took = duration((end - job.started_at).total_seconds())
    words = f"started {local_time(job.started_at)} · "
    words += f"took {took}" if job.finished else f"for {took}"
    return words + (f" · attempt {job.attempts}" if job.attempts > 1 else "")


def _result(job: JobView) -> None:
    result = job.result or {}
    if job.kind == "run" and "run" in result:
        _run_result(result)
    elif job.kind == "distill" and "cells" in result:
        _distilled(result["cells"])
    else:
        rows = list(_flat(result.get("manifest", result)))
        with st.expander("Result", icon=":material/task_alt:"):
            facts(rows, name="Result of the job")


def _run_result(result: Mapping[str, Any]) -> None:
    words = [
        f"{result['documents']:,} documents",
        f"{result['answered']:,} answered",
        f"{result['skipped_as_done']:,} were done before",
        f"{result['failed']:,} failed",
    ]
    if result.get("documents_per_second"):
        words.append(f"{result['documents_per_second']:.2f} documents/s")
    if result.get("tokens_per_second"):
        words.append(f"{result['tokens_per_second']:.1f} tokens/s")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(" · ".join(words), width="content")
        if result["run"]:
            st.page_link(
                "pages/traces.py", label="Its traces", icon=":material/receipt_long:",
                query_params={"f_run": str(result["run"])},
            )  # fmt: skip
    if result["run"] and result["answered"] + result["skipped_as_done"]:
        run_metrics(str(result["run"]))
    for failure in result.get("failures", [])[:5]:
        errors.card(f"Document {failure['document']}: {failure['what']}", failure["fix"])


def _distilled(cells: Mapping[str, Any]) -> None:
    """The systems of a study by dataset; `phaselens results report` tells how each was made."""
    scores: dict[str, dict[str, float | None]] = {}
    runs: dict[str, dict[str, str]] = {}  # by dataset and system
    for system, dataset, told in tests_in(cells):
        runs.setdefault(dataset, {})[system] = told["run"]
        scores.setdefault(system, {})[dataset] = told["example_f1"]
    with st.expander("Result", icon=":material/task_alt:"):
        st.caption("Example-based F1 of the traces' answers on test documents")
        frame = pd.DataFrame.from_dict(scores, orient="index").rename_axis("System")
        numbers = st.column_config.NumberColumn(format="%.3f")
        st.dataframe(
            frame, column_config=dict.fromkeys(frame.columns, numbers),
            alt="F1 of each system on each dataset",
        )  # fmt: skip
        for dataset, some in sorted(runs.items()):
            sides = [some[side] for side in SIDES if side in some]
            if len(sides) > 1:
                st.page_link(
                    "pages/compare.py", label=f"Compare them on {one_line(dataset, 40)}",
                    icon=":material/compare_arrows:",
                    query_params={"dataset": dataset, "runs": ",".join(sides)},
                )  # fmt: skip


def _more(job: JobView) -> None:
    """What it was asked to do and what it printed; read only when opened."""
    more = st.expander(
        "Details and log", icon=":material/article:", key=f"more_{job.id}", on_change="rerun"
    )
    if not more.open:
        return
    with more:
        facts(
            [("Job", job.id), ("Kind", job.kind), ("Process", job.owner or "none"),
             ("Last sign of life", local_time(job.heartbeat_at)), *_flat(job.params)],
            name="What the job was asked to do",
        )  # fmt: skip
        log = jobs.log_tail(services.settings(), job.id, LOG_BYTES)
        st.caption("End of the log" if log.strip() else "The job has printed nothing.")
        if log.strip():
            lines = len(log.splitlines())
            st.code(neutralise(log), language=None, wrap_lines=True,
                    height=min(320, 60 + 24 * lines))  # fmt: skip


def _flat(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    """Nested data as rows "config / k"; the prompt's own text is left to the trace."""
    for key, value in data.items():
        name = f"{path}{str(key).replace('_', ' ')}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name} / ")
        else:
            text = "none" if value is None else str(value)
            yield name, text if len(text) <= 200 else f"{text[:200]} …"


def _cancel(job_id: str) -> None:
    with errors.kept():
        jobs.cancel(services.store(), person(), job_id)


def _resume(job_id: str) -> None:
    with errors.kept():
        jobs.resume(services.settings(), services.store(), person(), job_id)
