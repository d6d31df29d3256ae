"""What can be told of the viewer without a browser."""

import re
from pathlib import Path

import pytest

import core.talks.viewer
from core.talks.viewer import component_css, component_js, viewer_css, viewer_js

FOLDER = Path(core.talks.viewer.__file__).parent
GROUNDS = ("ground", "raised")
TEXTS = ("text", "soft", "accent", "good", "bad", "shortlisting", "reasoning", "answer", "place")
ON_TINTS = {
    "shortlisting-tint": ("text", "soft", "good", "bad", "shortlisting", "place"),
    "reasoning-tint": ("text", "soft", "good", "bad", "reasoning", "place"),
    "answer-tint": ("text", "soft", "good", "answer"),
    "place-tint": ("text", "place"),
    "accent": ("on-accent",),
}


def scheme(name: str) -> dict[str, str]:
    rule = re.search(rf"\.phaselens-talk\.{name} \{{(.*?)\}}", viewer_css(), re.DOTALL)
    assert rule is not None
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rule.group(1)))


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(name: str) -> None:
    colors = scheme(name)
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [(text, tint) for tint, texts in ON_TINTS.items() for text in texts]
    low = {(a, b): contrast(colors[a], colors[b]) for a, b in pairs}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}
    assert all(contrast(colors["edge"], colors[ground]) >= 3 for ground in GROUNDS)


def test_styles_reach_nothing_outside() -> None:
    css = re.sub(r"/\*.*?\*/", "", component_css(), flags=re.DOTALL)
    heads = re.findall(r"([^{}]+)\{", css)
    selectors = [one.strip() for head in heads for one in head.split(",") if "@" not in head]
    assert {s for s in selectors if not s.startswith(".phaselens-talk") and s != "from"} == set()
    assert not re.search(r"url\(|@import|@font-face|expression\(", css)


def test_texts_are_never_read_as_html_and_nothing_is_fetched() -> None:
    js = component_js()
    never = (
        r"innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|setHTML|createContextual|"
        r"\beval\b|new Function|\bfetch\b|XMLHttpRequest|WebSocket|sendBeacon|import\(|\.src\b|"
        r"setAttribute\(\"(?:on|style)|localStorage|cookie|createElement\(\"script"
    )
    assert re.findall(never, js) == []


def test_the_files_join_to_one_module() -> None:
    for js in (viewer_js(), component_js()):
        assert not re.search(r"^import ", js, re.MULTILINE)
        assert len(re.findall(r"^export function mount\(", js, re.MULTILINE)) == 1
    assert len(re.findall(r"^export ", viewer_js(), re.MULTILINE)) == 1
    assert len(re.findall(r"^export default ", component_js(), re.MULTILINE)) == 1
    names = re.findall(r"^(?:export )?(?:function|const|let) (\w+)", component_js(), re.MULTILINE)
    assert len(names) == len(set(names))


def test_every_file_of_the_viewer_is_in_it() -> None:
    for file in FOLDER.glob("*.js"):
        last = file.read_text(encoding="utf-8").rstrip().splitlines()[-3]
        assert last in component_js()


def test_the_page_that_holds_it_cannot_be_closed_by_it() -> None:
    assert "</" not in viewer_js()
    assert "</" not in component_css()
    assert "<!--" not in viewer_js()
    assert "\r" not in viewer_js() + viewer_css()  # a policy's hash is of the text as parsed
