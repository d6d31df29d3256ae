"""A text as its tokens, shaded by weight; a click on a token chooses it.

A small component of our own, drawn in the page without any network. Tokens reach the browser as
data and are put there as text, never as HTML. Whoever uses no pointer has the number of the
position beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from core.traces.inert import neutralise

_HTML = '<div class="text" role="group" aria-label="Tokens of prompt and trace"></div>'
_CSS = """
.text {position: relative; height: 400px; overflow-y: auto; padding: 0.6rem 0.8rem;
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
  box-sizing: border-box; font-family: var(--st-code-font); font-size: 0.82rem; line-height: 1.75;
  white-space: pre-wrap; overflow-wrap: anywhere; color: var(--st-text-color);}
.part {font-family: var(--st-font); font-weight: 650; font-size: 0.8rem; display: block;
  margin: 0.5rem 0 0.2rem 0; opacity: 0.8;}
.part:first-child {margin-top: 0;}
.token {cursor: pointer; border-radius: 2px; unicode-bidi: isolate; padding: 1px 0;}
.token:hover {outline: 1.5px solid var(--st-text-color);}
.document {text-decoration: underline dotted 1px; text-underline-offset: 4px;}
.from {outline: 2.5px solid var(--st-text-color); outline-offset: 1px; font-weight: 700;}
.later {opacity: 0.7;}
.gap {display: block; font-family: var(--st-font); border: 1px dashed currentColor;
  border-radius: 4px; padding: 0.1rem 0.6rem; margin: 0.4rem 0; opacity: 0.8;}
"""
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".text")
  const shades = data.shades
  const nodes = []
  for (const [position, text, kind] of data.tokens) {
    if (kind === "part" || kind === "gap") {
      const line = document.createElement("span")
      line.className = kind
      line.textContent = text
      nodes.push(line)
      continue
    }
    const token = document.createElement("span")
    token.className = "token " + kind
    token.textContent = text
    const shade = shades[position]
    if (shade > 0.5) {
      // At most six tenths: on darker grounds neither dark nor white words can be read well.
      token.style.background =
        `color-mix(in srgb, var(--st-primary-color) ${0.6 * shade}%, transparent)`
    }
    token.title = `token ${position}` + (data.titles[position] ? `: ${data.titles[position]}` : "")
    token.onclick = () => setTriggerValue("position", position)
    nodes.push(token)
  }
  box.replaceChildren(...nodes)
  const from = box.querySelector(".from")
  if (from) {
    const y = from.offsetTop - box.scrollTop
    if (y < 20 || y > box.clientHeight - 40) {
      box.scrollTop = from.offsetTop - box.clientHeight * 0.7
    }
  }
}
"""
_COMPONENT = st.components.v2.component("phaselens_token_text", html=_HTML, css=_CSS, js=_JS)


@dataclass(frozen=True, slots=True)
class Shown:
    """One piece: a token at `position`, or a line of ours (`kind` "part" or "gap")."""

    position: int
    text: str
    kind: str  # "document", "from", "later", "", "part", "gap"


def token_text(
    pieces: Sequence[Shown],
    shades: dict[int, float],
    titles: dict[int, str],
    *,
    key: str,
    on_click: Callable[[], None],
) -> None:
    """Draws the pieces. `shades`: 0 to 100 by position. `on_click` finds the position clicked in
    `st.session_state[key].position`."""
    _COMPONENT(
        key=key,
        data={
            "tokens": [[p.position, neutralise(p.text), p.kind] for p in pieces],
            "shades": {str(at): round(shade, 1) for at, shade in shades.items()},
            "titles": {str(at): title for at, title in titles.items()},
        },
        on_position_change=on_click,
    )
