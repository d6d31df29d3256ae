"""What was odd in a row that is kept, and texts as every database keeps them."""

from core.importing.problems import Kind

Notes = list[tuple[Kind, str]]


def cleaned(text: str) -> str:
    """The text with U+FFFD for each NUL, which no database keeps, so that the same row is the same
    trace again; the same length."""
    return text.replace("\x00", "\ufffd")
