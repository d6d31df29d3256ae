"""One example with a trace that keeps to the grammar, written by hand."""

from collections.abc import Callable

from core.mechanism.positions import Example
from core.rerank.base import Candidate
from core.rerank.prompts import DEFAULT_PROMPT, build_prompt
from core.traces.base import FinishReason, NearMiss, Trace
from core.traces.mentions import find_mentions
from core.traces.phases import segment

CANDIDATES = (
    Candidate(1, "A000", "Cholera due to Vibrio cholerae 01, biovar cholerae"),
    Candidate(2, "A009", "Cholera, unspecified"),
    Candidate(3, "A0100", "Typhoid fever, unspecified"),
    *(Candidate(n, f"B{n}", f"Fracture of bone {n}") for n in range(4, 11)),
)
DOCUMENT = "A traveller came back with watery stools. The stool culture grew vibrio cholerae."
TRACE = """\
Shortlist:
1. Cholera due to Vibrio cholerae 01, biovar cholerae <- "vibrio cholerae"
2. Cholera, unspecified <- "watery stools"
3. Typhoid fever, unspecified <- "traveller"
Reasoning:
1. keep: the culture grew it
2. drop: the organism is known
3. drop: no fever
Answer: 1"""


def example(render: Callable[[str], str], trace: str = TRACE, document: str = DOCUMENT) -> Example:
    """The example as `render` (a model's chat template) puts it."""
    phases, boundary, source = segment(trace, (), CANDIDATES)
    written = Trace(
        trace,
        FinishReason.STOP,
        0,
        0,
        1.0,
        None,
        phases=phases,
        boundary=boundary,
        boundary_source=source,
        mentions=find_mentions(trace, CANDIDATES),
    )
    return Example(
        rendered=render(build_prompt(DEFAULT_PROMPT, document, CANDIDATES)),
        document_text=document,
        trace=written,
        candidates=CANDIDATES,
        right=(("A000", CANDIDATES[0].name),),
        near_misses=(
            NearMiss("A009", CANDIDATES[1].name, "A000", 0.9),
            NearMiss("A0100", CANDIDATES[2].name, "A000", 0.7),
        ),
    )
