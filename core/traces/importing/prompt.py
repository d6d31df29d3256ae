"""What a model was asked, in the forms that logs have: a text, or the messages of a chat.

A prompt holds the document among other things (instructions, the labels), so a document is looked
up by it, and it stands for one only where nothing else says which document a trace is of.
"""

from typing import Any, NamedTuple


class Prompt(NamedTuple):
    """`asked`: the last text of the user's; `whole`: all that the model was given. "" for none."""

    asked: str
    whole: str


def prompt_of(given: Any) -> Prompt:
    """Never raises: what is no prompt is an empty one."""
    if isinstance(given, str):
        return Prompt(given, given)
    messages = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    texts = [
        (one.get("role"), text_in(one.get("content")) or "")
        for one in messages
        if one.get("role") != "assistant"
    ]
    asked = [text for role, text in texts if role == "user"]
    return Prompt(asked[-1] if asked else "", "\n".join(text for _, text in texts))


def text_in(content: Any) -> str | None:
    """A message's content, which may come in parts; those that are no text are left out. None
    where it is neither a text nor parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return (content or "") if content is None or isinstance(content, str) else None
