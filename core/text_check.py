"""Which texts can be searched with: not empty, not huge, in a script the encoder reads."""

import unicodedata
from collections import Counter

from core.errors import InputError

# Scripts that the packaged, English, encoder has seen in ordinary text; Greek stands for the
# single letters of medicine and mathematics.
READ_SCRIPTS = frozenset({"LATIN", "GREEK"})


def check_text(text: str, max_chars: int) -> str:
    """The text without surrounding space. Raises InputError when it cannot be searched with."""
    text = text.replace("\x00", " ").strip()
    if not text:
        raise InputError("The text is empty.", "Type or paste a text, or pick a document.")
    if len(text) > max_chars:
        raise InputError(
            f"The text has {len(text):,} characters; the most is {max_chars:,}.",
            "Shorten it, or raise max_text_chars in phaselens.toml.",
        )
    script = main_script(text)
    if script is None:
        raise InputError("The text holds no letters.", "Type or paste a text with words in it.")
    if script not in READ_SCRIPTS:
        raise InputError(
            f"The text is mostly in {script.title()} script, which the encoder cannot read.",
            "Use a text in English; labels and encoder are English.",
        )
    return text


def main_script(text: str) -> str | None:
    """The script of most letters, by the first word of their Unicode names; None without letters.

    Looks at 2,000 letters at most, spread over the text.
    """
    letters = [c for c in text if c.isalpha()]
    step = max(1, len(letters) // 2000)
    counts = Counter(unicodedata.name(c, "UNKNOWN").split(" ")[0] for c in letters[::step])
    return counts.most_common(1)[0][0] if counts else None
