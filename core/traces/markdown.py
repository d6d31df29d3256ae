"""A trace as Markdown, to paste into notes or an issue."""

from core.traces.base import PhaseKind
from core.traces.inert import neutralise, one_line
from core.traces.reading import Reading

_TITLES = {
    PhaseKind.SHORTLISTING: "Shortlisting",
    PhaseKind.REASONING: "Reasoning",
    PhaseKind.ANSWER: "Answer",
    None: "Outside any phase",
}


def markdown_of(reading: Reading, title: str, link: str, document: str) -> str:
    """Heading, link, document and trace by phase. Texts stand in fences longer than any inside
    them, so that nothing in them is read as Markdown."""
    trace = reading.trace
    parts = [f"# {one_line(title, 200)}", "", link, "", "## Document", "", _fenced(document)]
    if trace.boundary is not None:
        parts += ["", f"t\\* = {trace.boundary:.2f} ({trace.boundary_source})"]
    at = 0
    while at < len(reading.steps):
        phase, first = reading.step_phase[at], at
        while at < len(reading.steps) and reading.step_phase[at] is phase:
            at += 1
        text = trace.text[reading.steps[first].start : reading.steps[at - 1].end]
        parts += ["", f"## {_TITLES[phase]}", "", _fenced(text)]
    return "\n".join(parts) + "\n"


def _fenced(text: str) -> str:
    text = neutralise(text.strip("\n"))
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
