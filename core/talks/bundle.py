"""A deck as one HTML file that plays in any browser, from the disk, with the network off.

Styles, program and data stand inside it. Its content security policy lets run what PhaseLens put
there, by hash, and nothing else, and reaches no network. The data is JSON in which no text can end
the element that holds it.
"""

import base64
import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from core import __version__
from core.atomic import write_text
from core.errors import InputError
from core.talks.deck import Deck
from core.talks.viewer import viewer_css, viewer_js
from core.traces.inert import inert_html, one_line

_START = """
const given = JSON.parse(document.getElementById("deck").textContent)
mount(document.getElementById("talk"), given.deck, { made: given.made })
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="{by}">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<div id="talk"></div>
<noscript>This talk needs JavaScript. Made by {by}, {on}; it reaches no network.</noscript>
<script type="application/json" id="deck">{data}</script>
<script type="module">{js}</script>
</body>
</html>
"""


def write_bundle(deck: Deck, path: Path, *, notes: bool = True, on: date | None = None) -> None:
    """Writes the file, whole or not at all. `notes`: with the speaker's, which all who have the
    file can read; `on`: the day to name, None for today (UTC). Raises InputError for a deck without
    slides, a name that is no .html, and a place that cannot be written."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path.name} says no web page.", "Name a file .html.")
    page = bundle_html(deck, notes=notes, on=on)
    try:
        write_text(path.absolute(), page)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}).",
            "Choose a folder with room that can be written.",
        ) from error


def bundle_html(deck: Deck, *, notes: bool = True, on: date | None = None) -> str:
    """The page itself, for a download. Raises InputError for a deck without slides."""
    if not deck.slides:
        raise InputError("This deck has no slides.", "Add a trace to it.")
    made = made_by(on)
    css, js = viewer_css(), viewer_js() + _START
    return _PAGE.format(
        policy=_policy(css, js), title=inert_html(one_line(deck.title, 200) or "PhaseLens talk"),
        css=css, js=js, data=_json({"made": made, "deck": deck.for_viewer(notes=notes)}), **made,
    )  # fmt: skip


def made_by(on: date | None = None) -> dict[str, str]:
    """What the viewer says of where a deck comes from. `on`: None for today (UTC)."""
    return {"by": f"PhaseLens {__version__}", "on": (on or datetime.now(UTC).date()).isoformat()}


def _policy(css: str, js: str) -> str:
    """Nothing is fetched, sent or run but these two."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(js)}'",
            f"style-src '{_hash(css)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _json(data: Any) -> str:
    """JSON in ASCII without a sign that HTML reads."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&"})
