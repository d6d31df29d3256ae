"""This installation: what is wrong with it, its folders, limits and versions."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from core.doctor import Diagnosis, examine
from core.errors import StoreError
from core.installed import Problem
from pages.parts import errors, press, services
from pages.parts.facts import facts

RESTORE = "Restore a backup: `phaselens db restore FILE`."


def installation() -> None:
    """Folders, limits and versions, then what is wrong, if anything."""
    diagnosis = health()
    settings = services.settings()
    st.header("Folders and limits")
    facts(
        [
            ("Data folder", settings.home),
            ("Database", shown_url(settings.database)),
            ("Processor threads for models", settings.torch_threads()),
            ("Longest text accepted", f"{settings.max_text_chars:,} characters"),
            ("Largest upload", f"{settings.max_upload_mb:,} MB"),
            ("Free room on the disk", f"{diagnosis.disk['free_mb']:,} MB"),
        ],
        name="Folders and limits",
    )
    st.caption(
        "Changed by environment variables (PHASELENS_HOME, PHASELENS_DATABASE_URL, "
        "PHASELENS_THREADS, PHASELENS_MAX_TEXT_CHARS) or the same names without PHASELENS_, in "
        "small letters, in phaselens.toml in the data folder; then start PhaseLens again."
    )
    left, right = st.columns(2)
    with left:
        st.header("Versions")
        facts(diagnosis.versions.items(), name="Versions")
    with right:
        st.header("Packaged models")
        facts(map(model_row, diagnosis.models), name="Packaged models")
        st.header("Indexes")
        facts(map(index_row, diagnosis.indexes), name="Indexes")


def model_row(model: Mapping[str, Any]) -> tuple[str, str]:
    state = "whole" if model["packaged"] else "missing or damaged"
    if model.get("converted") is False:
        state += ", converted at its first use"
    return f"{model['name']}, {model['role']}", f"{model['package']} {model['version']}: {state}"


def index_row(index: Mapping[str, Any]) -> tuple[str, str]:
    ef = f", ef {index['ef']}" if index["ef"] else ""
    return (
        index["dataset"],
        f"{index['state']}: {index['encoded']:,} of {index['labels']:,} labels{ef}",
    )


def health() -> Diagnosis:
    """What `phaselens doctor` finds, drawn."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Health")
        whole = press.button(
            "Check the database", icon=":material/database:", key="settings_check_database",
            help="Reads all of it; takes seconds when many traces are saved.",
        )  # fmt: skip
        st.button("Look again", icon=":material/refresh:", key="settings_look_again")
    problems = [Problem(what, fix) for what, fix in database_problems(whole=whole)]
    port = int(st.get_option("server.port") or 8501)
    database = {"url": shown_url(services.settings().database), "ok": not problems}
    diagnosis = examine(services.settings(), database, problems, port=port)
    if diagnosis.ok:
        st.success(
            "No problems found; the database is whole." if whole else "No problems found.",
            icon=":material/check_circle:",
        )
    for problem in diagnosis.problems:
        errors.card(problem.what, problem.fix)
    return diagnosis


def database_problems(*, whole: bool) -> list[tuple[str, str]]:
    """(what, fix) of a database that cannot be read; with `whole`, every page of it is."""
    try:
        if whole:
            return [(problem, RESTORE) for problem in services.store().check()]
        with services.store().read() as session:
            session.execute(text("SELECT 1"))
    except StoreError as error:
        return [(error.what, error.fix)]
    return []


def shown_url(url: str) -> str:
    """A database's address without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "not an address that SQLAlchemy knows"
