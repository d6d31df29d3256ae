"""A trace as its phases: labelled blocks with borders of their own, label mentions marked.

Shortlisting has a dashed edge, reasoning a solid one, the answer a frame; each is named in
words. All text is escaped and stripped of characters that hide or reorder it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import streamlit as st

from core.traces.base import Mention, Phase, PhaseKind, Trace
from core.traces.blocks import Block, blocks_of, spans_of
from core.traces.inert import inert_html

# Tints over the page's own background, so that light and dark need no rules of their own.
STYLE = """<style>
.pl-trace {font-size: 0.93rem; line-height: 1.55; contain: content;}
.pl-block {margin: 0 0 0.7rem 0; padding: 0.45rem 0.8rem 0.55rem 0.9rem;
  border-radius: 4px; overflow-wrap: anywhere;}
.pl-head {font-size: 0.78rem; font-weight: 650; letter-spacing: 0.02em; margin-bottom: 0.2rem;}
.pl-head span {font-weight: 400; opacity: 0.75; letter-spacing: 0;}
.pl-text {white-space: pre-wrap; unicode-bidi: isolate;}
.pl-shortlisting {border-left: 5px dashed #3f7fd6;
  background: color-mix(in srgb, #3f7fd6 9%, transparent);}
.pl-reasoning {border-left: 5px solid #c96a1a;
  background: color-mix(in srgb, #c96a1a 9%, transparent);}
.pl-answer {border: 2px solid #16867a; background: color-mix(in srgb, #16867a 9%, transparent);}
.pl-plain {border-left: 5px dotted color-mix(in srgb, currentColor 45%, transparent);}
.pl-m {background: none; color: inherit; text-decoration: underline dotted 1.5px;
  text-underline-offset: 3px;}
.pl-hot {outline: 2px solid currentColor; outline-offset: 1px; border-radius: 2px;
  font-weight: 650; background: color-mix(in srgb, #e0b400 40%, transparent);}
.pl-step {box-shadow: inset 0 -2px 0 currentColor;
  background: color-mix(in srgb, #8250df 22%, transparent);}
.pl-agree {text-decoration: underline solid #16867a 2px;}
.pl-differ {text-decoration: underline dashed #c96a1a 2px;}
.pl-contradict {text-decoration: underline wavy #c0392b 1.5px;}
.pl-given {font-style: italic; opacity: 0.8;}
.pl-none {border: 1px dashed color-mix(in srgb, currentColor 55%, transparent);
  border-radius: 4px; padding: 0.5rem 0.8rem; margin-bottom: 0.7rem;}
</style>"""

_HEADS: dict[PhaseKind | None, tuple[str, str, str]] = {
    PhaseKind.SHORTLISTING: ("pl-shortlisting", "1 · Shortlisting", "labels worth a look"),
    PhaseKind.REASONING: ("pl-reasoning", "2 · Reasoning", "keep or drop, with evidence"),
    PhaseKind.ANSWER: ("pl-answer", "Answer", ""),
    None: ("pl-plain", "Outside any phase", ""),
}
NO_PHASES = (
    '<div class="pl-none" role="note"><strong>No phases found.</strong> The text has no '
    "shortlisting part followed by a reasoning part, so none is drawn.</div>"
)
GUIDED = (
    '<div class="pl-none" role="note"><strong>A guided trace.</strong> The words in '
    '<span class="pl-given">italics</span> were given by the app, headings among them: its parts '
    "are no evidence that the model reasons in phases.</div>"
)


def trace_view(
    trace: Trace | None,
    text: str,
    phases: Sequence[Phase],
    highlight: str | None = None,
    *,
    step: tuple[int, int] | None = None,
    titles: Mapping[str, str] | None = None,
    running: bool = True,
) -> None:
    """Draws a finished trace, or the `text` and `phases` of one still being written.

    `highlight`: the label id whose mentions stand out. `step`: characters (start, end) that are
    marked. `titles`: what a label mention says when pointed at, by label id. `running`: more of
    it may come.
    """
    st.html(trace_html(trace, text, phases, highlight, titles or {}, running, step))


def trace_html(
    trace: Trace | None,
    text: str,
    phases: Sequence[Phase],
    highlight: str | None,
    titles: Mapping[str, str],
    running: bool = True,
    step: tuple[int, int] | None = None,
) -> str:
    """The HTML of a trace; every character of it that is not ours is escaped."""
    finished = trace is not None or not running
    text = trace.text if trace else text
    mentions = trace.mentions if trace else ()
    given = trace.given if trace else ()
    found = trace is None or trace.boundary is not None or bool(given)
    if trace is not None:
        phases = trace.phases if found else ()
    blocks = blocks_of(text, phases)
    parts = [STYLE, '<div class="pl-trace">']
    if not found or given:
        parts.append(GUIDED if given else NO_PHASES)
    if not text.strip():
        waiting = "Nothing was written." if finished else "Waiting for the first token …"
        parts.append(f'<div class="pl-block pl-plain">{waiting}</div>')
    plain = not any(block.kind for block in blocks)
    for at, block in enumerate(blocks):
        writing = not finished and at == len(blocks) - 1
        marks = Marks(mentions, highlight, titles, step, given)
        parts.append(block_html(text, block, marks, plain=plain, writing=writing))
    return "".join([*parts, "</div>"])


@dataclass(frozen=True, slots=True)
class Marks:
    """What is marked in a trace: label mentions, a step, and what was given, all by characters.
    `kinds`: a CSS class more for the mentions of a label, by its id."""

    mentions: Sequence[Mention]
    highlight: str | None
    titles: Mapping[str, str]
    step: tuple[int, int] | None
    given: Sequence[tuple[int, int]]
    kinds: Mapping[str, str] = field(default_factory=dict)


def block_html(
    text: str, block: Block, marks: "Marks", *, plain: bool = False, writing: bool = False
) -> str:
    """One block of a trace with its heading, unless it is `plain`."""
    css, name, what = _HEADS[block.kind]
    if block.given:
        what = f"{what} · given by the app" if what else "given by the app"
    head = "" if plain else f'<div class="pl-head">{name} <span>{what}</span></div>'
    cursor = '<span aria-hidden="true">▍</span>' if writing else ""
    body = _marked(text, block, marks)
    return (
        f'<div class="pl-block {css}">{head}'
        f'<div class="pl-text" dir="auto">{body}{cursor}</div></div>'
    )


def _marked(text: str, block: Block, marks: Marks) -> str:
    # Blank lines at the edges of a block would only push its neighbours apart.
    inside = text[block.start : block.end]
    start = block.start + len(inside) - len(inside.lstrip())
    end = block.start + len(inside.rstrip())
    parts = []
    for span in spans_of(start, end, marks.mentions):
        shown = _inked(text, span.start, span.end, marks)
        if span.label_id is None:
            parts.append(shown)
            continue
        css = "pl-m pl-hot" if span.label_id == marks.highlight else "pl-m"
        css += f" {kind}" if (kind := marks.kinds.get(span.label_id)) else ""
        title = inert_html(marks.titles.get(span.label_id, span.label_id))
        parts.append(f'<mark class="{css}" title="{title}">{shown}</mark>')
    return "".join(parts)


def _inked(text: str, start: int, end: int, marks: Marks) -> str:
    """Characters start..end as HTML; those of the step and those given are marked."""
    spans = [("pl-step", marks.step)] if marks.step else []
    spans += [("pl-given", given) for given in marks.given]
    inside = [(css, max(start, a), min(end, b)) for css, (a, b) in spans if a < end and b > start]
    cuts = sorted({start, end, *(at for _, a, b in inside for at in (a, b))})
    parts = []
    for a, b in pairwise(cuts):
        shown = inert_html(text[a:b])
        css = " ".join(css for css, first, last in inside if first <= a and b <= last)
        parts.append(f'<span class="{css}">{shown}</span>' if css else shown)
    return "".join(parts)
