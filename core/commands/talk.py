"""`phaselens talk`: talks as they are in the store, and the file that plays one anywhere."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.commands.console import JsonFlag, example, inert, new_app, reporting, say

app = new_app("Talks: ordered examples with a speaker's notes. The app's Talk page makes them.")

NameArgument = Annotated[str, typer.Argument(help="The talk's name.", metavar="NAME")]


@app.command("list", epilog=example("phaselens talk list"))
def list_command(as_json: JsonFlag = False) -> None:
    """List the talks in the store, the one changed last first."""
    with reporting(as_json) as report:
        from rich.table import Table

        from core.config import load_settings
        from db.session import open_store
        from db.talks import talks

        with open_store(load_settings()).read() as session:
            found = talks(session)
        table = Table("Talk", "Examples", "Changed", "by")
        for talk in found:
            when = f"{talk.changed_at:%Y-%m-%d %H:%M}"
            table.add_row(inert(talk.name), str(len(talk.slides)), when, inert(talk.changed_by))
        rows = [
            {"name": talk.name, "slides": len(talk.slides), "version": talk.version,
             "changed_by": talk.changed_by, "changed_at": talk.changed_at.isoformat()}
            for talk in found
        ]  # fmt: skip
        none = "There is no talk yet. The app's Talk page makes one."
        report.give({"talks": rows}, table if found else none)


@app.command("show", epilog=example('phaselens talk show "Group meeting"'))
def show_command(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Show the examples of a talk in their order, with the notes."""
    with reporting(as_json) as report:
        from rich.table import Table

        from core.config import load_settings
        from db.session import open_store
        from db.talks import load_talk, slide_traces

        with open_store(load_settings()).read() as session:
            talk = load_talk(session, name)
            known = slide_traces(session, {slide.trace for slide in talk.slides})
        table = Table("", "Title", "Of", "Trace", "Notes")
        rows: list[dict[str, Any]] = []
        for number, slide in enumerate(talk.slides, start=1):
            about = known.get(slide.trace)
            of = "not in this store" if about is None else (
                f"{about.dataset} / {about.document_id} · {about.system} · {about.state}"
            )  # fmt: skip
            title = slide.title or (about.document_start[:60] if about else "")
            table.add_row(*map(inert, (str(number), title, of, slide.trace, slide.note)))
            rows.append(
                {
                    "trace": slide.trace, "title": slide.title, "note": slide.note,
                    "dataset": about and about.dataset, "document": about and about.document_id,
                    "system": about and about.system, "state": about and str(about.state),
                    "made_at": about and about.made_at.isoformat(),
                }
            )  # fmt: skip
        report.give(
            {"name": talk.name, "version": talk.version, "changed_by": talk.changed_by,
             "changed_at": talk.changed_at.isoformat(), "slides": rows},
            table if rows else "This talk has no examples yet.",
        )  # fmt: skip


@app.command(
    "bundle",
    epilog=example(
        'phaselens talk bundle "Group meeting" --out talk.html',
        'phaselens talk bundle "Group meeting" --out to-share.html --no-notes',
    ),
)
def bundle_command(
    name: NameArgument,
    out: Annotated[Path, typer.Option("--out", help="The file to write, NAME.html.")],
    notes: Annotated[
        bool, typer.Option("--notes/--no-notes", help="With the speaker's notes, or without.")
    ] = True,
    as_json: JsonFlag = False,
) -> None:
    """Write a talk as one HTML file that plays in any browser, from the disk, without a network.

    Examples that cannot be shown (their trace is gone, or never ended) are left out and named.
    """
    with reporting(as_json) as report:
        from core.config import load_settings
        from core.errors import InputError
        from core.live.talk_slides import deck_from_store
        from core.talks.bundle import write_bundle
        from db.session import open_store
        from db.talks import load_talk

        with open_store(load_settings()).read() as session:
            talk = load_talk(session, name)
            made = deck_from_store(session, talk)
        for one in made.left_out:
            say(f"Example {one.place + 1} is left out: {one.what}")
        if not made.deck.slides:
            raise InputError(
                f"The talk {talk.name!r} has no example to show.", "Add saved traces to it."
            )
        write_bundle(made.deck, out, notes=notes)
        data = {
            "file": str(out.absolute()), "bytes": out.stat().st_size,
            "slides": len(made.deck.slides), "notes": notes,
            "left_out": [
                {"number": one.place + 1, "what": one.what, "fix": one.fix}
                for one in made.left_out
            ],
        }  # fmt: skip
        report.give(data, inert(f"{data['slides']} examples in {data['file']}."))
