"""Reasoning that a model marks off from its answer: `<think>` tags, and `reasoning_content`.

Both become one text, as the model would have written it with tags, so that every trace has one
sequence of characters for phases, mentions and search.
"""

import re

OPEN, CLOSE = "<think>\n", "\n</think>\n\n"
_OPEN = re.compile(r"\s*<think(?:ing)?>\s*", re.IGNORECASE)
_CLOSE = re.compile(r"</think(?:ing)?>\s*", re.IGNORECASE)


def joined(reasoning: str, content: str) -> str:
    """One text of reasoning and answer."""
    return f"{OPEN}{reasoning}{CLOSE}{content}"


def taken_apart(text: str, reasoning_chars: int) -> tuple[str, str]:
    """The inverse of `joined`."""
    end = len(OPEN) + reasoning_chars
    return text[len(OPEN) : end], text[end + len(CLOSE) :]


def thinking_of(text: str) -> tuple[int, int, int] | None:
    """Characters (start, end) of what is between the tags, and where the text after them begins.

    Some models' templates open the tag in the prompt, so a closing tag is enough; an opening one
    without an end (a cut-off trace) reaches to the end of the text. None without tags.
    """
    opened = _OPEN.match(text)
    start = opened.end() if opened else 0
    closed = _CLOSE.search(text, start)
    if closed is not None:
        between = text[start : closed.start()].rstrip()
        return start, start + len(between), closed.end()
    return (start, len(text), len(text)) if opened else None
