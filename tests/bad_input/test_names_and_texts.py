"""Names that are not there and texts that cannot be run: what was typed or chosen stays."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.jobs import count_jobs
from db.traces import TraceFilter, count_of
from pages.parts import services
from tests.cli.conftest import Cli
from tests.pages import saved
from tests.pages.conftest import Open, html_of, run

TINY = {"dataset": "tiny", "k": "5", "n": "3"}


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("text", ["", "x" * 1_000_000, "Острый инфаркт миокарда"])
def test_a_refused_text_stays_in_its_box_and_starts_nothing(open_page: Open, text: str) -> None:
    app = open_page("explore", **TINY)
    app.segmented_control(key="explore_source").set_value("My own text").run()
    app.text_area(key="explore_own_text").set_value(text).run()
    app.button(key="explore_run").click()
    run(app)
    assert 'role="alert"' in html_of(app)
    assert app.text_area(key="explore_own_text").value == text
    assert not services.live_worker().alive
    with saved.store().read() as session:
        assert count_of(session, TraceFilter()) == 0


@pytest.mark.usefixtures("tiny")
def test_data_says_that_there_is_no_such_dataset_and_shows_one_there_is(open_page: Open) -> None:
    app = open_page("data", data_dataset="nope")
    assert "no dataset" in html_of(app)
    assert "nope" in html_of(app)
    assert app.metric[0].value


def test_traces_says_that_there_is_no_such_run(open_page: Open) -> None:
    saved.save()
    app = open_page("traces", f_run="nosuch<b>")
    assert "nosuch&lt;b&gt;" in html_of(app)
    assert 'role="alert"' in html_of(app)
    app.button(key="f_clear_empty").click()
    run(app)
    assert 'role="alert"' not in html_of(app)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ({"k": "0"}, "k is 0"),
        ({"k": "-7"}, "k is -7"),
        ({"k": "21"}, "20 labels"),
        ({"k": "5", "n": "6"}, "n is 6"),
    ],
)
def test_numbers_in_an_address_that_cannot_be_run_are_told(
    open_page: Open, address: dict[str, str], said: str
) -> None:
    app = open_page("explore", **{**TINY, **address})
    assert said in html_of(app)
    app.button(key="explore_run").click()
    run(app)
    assert not services.live_worker().alive


def content(database: Path) -> list[str]:
    """All tables and rows as SQL; the file's bytes change with every checkpoint."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


@pytest.mark.usefixtures("tiny")
def test_a_refused_command_leaves_what_was_saved(cli: Cli, home: Path) -> None:
    saved.save()
    saved.store().close()
    before = content(home / "phaselens.db")
    for words in (
        ("run", "--dataset", "nowhere"),
        ("run", "--dataset", "tiny", "--system", "nobody"),
        ("run", "--dataset", "tiny", "--k", "21"),
        ("run", "--dataset", "tiny", "--k", "5", "--n", "6"),
        ("eval", "nosuch"),
        ("index", "nowhere"),
        ("shortlist", "tiny", "--text", ""),
        ("shortlist", "tiny", "--document", "nobody"),
    ):
        assert cli(*words).status == 1
    with saved.store().read() as session:
        assert count_jobs(session) == 0
        assert count_of(session, TraceFilter()) == 1
    saved.store().close()
    assert content(home / "phaselens.db") == before
