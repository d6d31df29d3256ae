"""`phaselens db migrate|check|backup|restore`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands.console import JsonFlag, example, new_app, reporting

if TYPE_CHECKING:
    from core.config import Settings
    from core.installed import Problem

app = new_app("The database of runs, traces and flags.")

DOCTOR_PATIENCE_S = 2.0  # how long a locked database is waited for


@app.command(epilog=example("phaselens db migrate"))
def migrate(as_json: JsonFlag = False) -> None:
    """Bring the database to the newest tables; makes it where there is none."""
    with reporting(as_json) as report:
        from core.config import load_settings
        from db.migrate import revision_of
        from db.session import open_store

        store = open_store(load_settings())
        revision = revision_of(store)
        report.give(
            {"revision": revision, "ok": True, "database": shown_url(store.url)},
            f"The database is at revision {revision}.",
        )


@app.command(epilog=example("phaselens db check"))
def check(as_json: JsonFlag = False) -> None:
    """Read the whole database and say what is wrong with it; exits with 1 when something is."""
    with reporting(as_json) as report:
        from core.config import load_settings
        from db.migrate import revision_of
        from db.session import open_store

        store = open_store(load_settings())
        revision, problems = revision_of(store), store.check()
        data = {
            "revision": revision,
            "ok": not problems,
            "problems": problems,
            "database": shown_url(store.url),
        }
        found = f"Problems: {'; '.join(problems)}" if problems else "No problems found."
        report.give(data, f"Revision {revision}. {found}")
        if problems:
            report.fail(
                f"Error: The database is damaged: {problems[0]}. Restore a backup with "
                "`phaselens db restore FILE`."
            )


@app.command(epilog=example("phaselens db backup phaselens-backup.db"))
def backup(
    file: Annotated[
        Path | None,
        typer.Argument(help="Where to. Default: a dated file in backups/ of the data folder."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Copy the database to a file, also while the app is running, and check the copy."""
    with reporting(as_json) as report:
        from core.config import load_settings
        from db.backup import back_up, revision_in

        settings = load_settings()
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        target = file or settings.home / "backups" / f"phaselens-{stamp}.db"
        size = back_up(settings.database, target, overwrite=overwrite)
        report.give(
            {"revision": revision_in(target), "ok": True, "file": str(target), "bytes": size},
            f"{size / 1e6:.1f} MB in {target}",
        )


@app.command(epilog=example("phaselens db restore phaselens-backup.db"))
def restore(
    file: Annotated[Path, typer.Argument(help="A file made by `phaselens db backup`.")],
    as_json: JsonFlag = False,
) -> None:
    """Put a backup in the place of the database; the present one is kept beside it."""
    with reporting(as_json) as report:
        from core.config import load_settings
        from db import backup as copies
        from db.migrate import revision_of
        from db.session import open_store

        settings = load_settings()
        kept = copies.restore(settings.database, file)
        revision = revision_of(open_store(settings))  # an older backup is brought up to date
        before = f" The database before it is kept as {kept}." if kept else ""
        report.give(
            {"revision": revision, "ok": True, "kept": str(kept) if kept else None},
            f"Restored {file}.{before}",
        )


def shown_url(url: Any) -> str:
    from db.failures import shown

    return shown(url)


def examine_database(settings: "Settings") -> "tuple[dict[str, Any], list[Problem]]":
    """The database for `doctor`: neither made nor migrated."""
    from core.errors import StoreError
    from core.installed import Problem
    from db.failures import shown
    from db.migrate import head, known_revisions, revision_of
    from db.session import Store

    state: dict[str, Any] = {"url": "", "state": "unusable", "revision": None}
    try:
        store = Store(settings.database, patience_s=DOCTOR_PATIENCE_S)
        state["url"] = shown(store.url)
        if store.sqlite_file is not None and not store.sqlite_file.exists():
            return state | {"state": "made at first use"}, []
        state["revision"] = revision = revision_of(store)
        with store.connect(write=True):
            pass  # it can be written to, and nobody holds it
        damage = store.check()
    except StoreError as error:
        return state, [Problem(error.what, error.fix)]
    if damage:
        restore_fix = "Restore a backup with `phaselens db restore FILE`."
        return state, [Problem(f"The database is damaged: {damage[0]}.", restore_fix)]
    if revision is not None and revision not in known_revisions():
        newer = f"The database was made by a newer PhaseLens (revision {revision})."
        return state, [Problem(newer, "Update PhaseLens, or choose another PHASELENS_HOME.")]
    state["state"] = "ready" if revision == head() else "migrated at first use"
    return state, []
