"""`phaselens talk`: what is in the store, and the file that plays a talk anywhere."""

from pathlib import Path

import pytest

from core.annotation.people import local_person
from db.talks import TalkSlide, add_talk, add_to_talk, load_talk, save_talk
from tests.cli.conftest import Cli
from tests.pages import saved

ADA = local_person("Ada")


@pytest.fixture
def monday(home: Path) -> list[str]:
    """A talk of two examples; their traces."""
    traces = [saved.save(), saved.save("2")]
    with saved.store().write() as session:
        add_talk(session, ADA, "Monday")
        add_to_talk(session, ADA, "Monday", TalkSlide(traces[0], "A heart", "Ask the room."))
        add_to_talk(session, ADA, "Monday", TalkSlide(traces[1]))
    return traces


def test_talks_are_listed_and_shown(cli: Cli, monday: list[str]) -> None:
    (row,) = cli("talk", "list", "--json").json["talks"]
    assert (row["name"], row["slides"], row["version"], row["changed_by"]) == (
        "Monday",
        2,
        3,
        "Ada",
    )
    shown = cli("talk", "show", "Monday", "--json").json
    assert [one["trace"] for one in shown["slides"]] == monday
    first = shown["slides"][0]
    assert (first["title"], first["note"], first["system"], first["state"]) == (
        "A heart", "Ask the room.", "base", "done",
    )  # fmt: skip
    assert "Ask the room." in cli("talk", "show", "Monday").stdout
    assert "Monday" in cli("talk", "list").stdout


def test_a_bundle_is_written_with_or_without_notes(
    cli: Cli, monday: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "talk.html"
    done = cli("talk", "bundle", "Monday", "--out", str(out), "--json")
    assert done.json == {
        "file": str(out), "bytes": out.stat().st_size, "slides": 2, "notes": True, "left_out": [],
    }  # fmt: skip
    assert "Ask the room." in out.read_text(encoding="utf-8")
    assert (
        "2 examples in" in cli("talk", "bundle", "Monday", "--out", str(out), "--no-notes").stdout
    )
    assert "Ask the room." not in out.read_text(encoding="utf-8")


def test_what_cannot_be_shown_is_left_out_and_said(
    cli: Cli, monday: list[str], tmp_path: Path
) -> None:
    running = saved.save_running()
    with saved.store().write() as session:
        add_to_talk(session, ADA, "Monday", TalkSlide(running))
    out = str(tmp_path / "talk.html")
    done = cli("talk", "bundle", "Monday", "--out", out, "--json")
    assert done.status == 0
    assert done.json["slides"] == 2
    assert [one["number"] for one in done.json["left_out"]] == [3]
    assert done.line.startswith("Example 3 is left out: ")
    with saved.store().write() as session:
        talk = load_talk(session, "Monday")
        save_talk(session, ADA, talk.without(0).without(0))
    none = cli("talk", "bundle", "Monday", "--out", out)
    assert none.status == 1
    assert "no example to show" in none.stderr


def test_a_talk_that_is_not_there_and_a_file_that_is_no_page(cli: Cli, monday: list[str]) -> None:
    for command in (("show", "Tuesday"), ("bundle", "Tuesday", "--out", "x.html")):
        gone = cli("talk", *command)
        assert gone.status == 1
        assert "no talk named 'Tuesday'" in gone.line
    assert cli("talk", "bundle", "Monday", "--out", "x.pdf").status == 1
    assert cli("talk", "bundle", "Monday").status == 2


def test_without_a_talk_the_list_says_where_one_is_made(cli: Cli) -> None:
    assert cli("talk", "list", "--json").json == {"talks": []}
    assert "Talk page" in cli("talk", "list").stdout
