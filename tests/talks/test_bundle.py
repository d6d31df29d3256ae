"""The bundle: one file that holds all it needs, and lets nothing else in."""

import base64
import hashlib
import json
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from core import __version__
from core.errors import InputError
from core.talks.bundle import bundle_html, write_bundle
from core.talks.deck import Deck
from core.talks.slides import slide_of
from tests.talks.made import record, stored, trace_of

HOSTILE = (
    "</script><script>document.title='taken'</script> <!-- <script> --> ]]> <img src=x onerror="
    "\"document.title='taken'\"> <style>*{display:none}</style> **bold** $x$ \u2028 \u2029 \u202e "
    "{title} %s &amp; &lt; \x00 \x1b"
)


class Parts(HTMLParser):
    """The elements of a page with their attributes, and the text inside each kind."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        self.inside.setdefault(self._open, []).append(data)


def hostile() -> Deck:
    made = record(text=HOSTILE, trace=trace_of(HOSTILE))
    return Deck(HOSTILE, (slide_of(stored(made), note=HOSTILE, title=HOSTILE),))


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="deck">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found.group(1))
    return data


def test_it_holds_the_deck_and_says_where_it_comes_from(tmp_path: Path) -> None:
    deck = Deck("Two phases", (slide_of(stored(), note="Ask."),))
    path = tmp_path / "new" / "talk.html"
    write_bundle(deck, path, on=date(2026, 3, 1))
    page = path.read_text(encoding="utf-8")
    data = data_of(page)
    assert data["made"] == {"by": f"PhaseLens {__version__}", "on": "2026-03-01"}
    assert Deck.from_json(data["deck"]) == deck
    assert deck.slides[0].trace_id in page
    assert "<title>Two phases</title>" in page
    assert [file.name for file in path.parent.iterdir()] == ["talk.html"]


def test_notes_can_stay_at_home() -> None:
    deck = Deck("Two phases", (slide_of(stored(), note="Between us."),))
    assert "Between us." in bundle_html(deck)
    assert "Between us." not in bundle_html(deck, notes=False)


def test_no_text_breaks_out_of_its_place() -> None:
    page = bundle_html(hostile())
    parts = Parts(page)
    assert [tag for tag, _ in parts.tags] == [
        "html", "head", *["meta"] * 6, "title", "style", "body", "div",
        "noscript", "script", "script",
    ]  # fmt: skip
    data = data_of(page)["deck"]
    assert "</script><script>" in data["slides"][0]["note"]
    assert not any(sign in page for sign in ("\u2028", "\u2029", "\u202e", "\x00", "\x1b"))


def test_its_policy_lets_run_what_is_inside_and_nothing_else() -> None:
    parts = Parts(bundle_html(hostile()))
    policy = next(a["content"] for _, a in parts.tags if "http-equiv" in a) or ""
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy
    for kind, text in (("script", parts.inside["script"][-1]), ("style", parts.inside["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert not any(a.get("src") or a.get("href") for _, a in parts.tags)


def test_an_empty_deck_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no slides"):
        write_bundle(Deck("Nothing", ()), tmp_path / "talk.html")


def test_a_file_that_is_no_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Name a file \.html"):
        write_bundle(hostile(), tmp_path / "talk.pdf")


def test_a_place_that_cannot_be_written_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        write_bundle(hostile(), tmp_path / "file" / "talk.html")
    (tmp_path / "talk.html").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_bundle(hostile(), tmp_path / "talk.html")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "home") == ["file", "talk.html"]
