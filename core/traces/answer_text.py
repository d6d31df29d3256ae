"""A trace as an answer is looked for in it: its lines, its sentences, and which labels stand where.

All of it is worked out once and in order, so that a trace that says the same ten thousand times is
read in proportion to its length.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence

from core.rerank.base import Candidate
from core.traces.base import Mention
from core.traces.references import bare_numbers, without_numbers

Span = tuple[int, int]

_ITEM = re.compile(r"[ \t]*(?:[-*•+]|\d{1,3}[.)])[ \t]+\S")
_SENTENCE = re.compile(r"[.!?]\s+(?=[\"“(]?[^\W\d_a-z])")
_JOINING = re.compile(
    r"(?<!\w)(?:and|or|und|et|y|e|so|final|finally|then|answers?|labels?|codes?)(?!\w)",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"\w")
_SAYS = re.compile(r"\w|\[\s*\]")
_INSTEAD = re.compile(  # in front of a label that an answer names to say what it is not
    r"(?<!\w)(?:not|nor|over|except|unlike|rather than|instead of)\s{1,3}"
    r"(?:the\s{1,3})?[\"'*_`(]*$",
    re.IGNORECASE,
)
_BEFORE = 30  # characters in which that is looked for
_ONE = r"(?:labels?|codes?|answers?|options?|candidates?|choices?|categor(?:y|ies))"
_NONE = re.compile(  # at the start of an answer; "nothing like this text" says something else
    r"[\W_]{0,20}?(?:text\w*[\W_]{1,3})?"
    r"(?:(?:that|there|it|is|are|i'd|say|so|simply|just)\s{1,3}){0,4}"
    rf"(?:\[\s{{0,3}}\]|no {_ONE}(?!\w)|(?:none|neither|nothing|keine[rs]?|ninguna?|aucune?"
    r"|nenhuma?|nessuna?)(?=[\s\"'*_`]{0,5}(?:$|[.,;:!)\]}<\n—-]|(?:of|fits?|match|here|at all"
    r"|in the|d[aeiou]\S?|von|passt)\b|appl)))",
    re.IGNORECASE,
)
_NONE_OF_THEM = re.compile(  # anywhere in its first sentence
    rf"\bnone of (?:(?:the|these|those) (?:\w+ )?{_ONE}|them|these|those)\b"
    rf"|\bno (?:\w+ )?{_ONE} (?:really )?(?:fits?|appl(?:y|ies)|match(?:es)?)\b",
    re.IGNORECASE,
)
_SENTENCE_CHARS = 300  # of the first sentence that are looked at


class AnswerText:
    """`mentions`: all of the trace, in order and without overlaps."""

    def __init__(
        self, text: str, mentions: Sequence[Mention], candidates: Sequence[Candidate]
    ) -> None:
        self.text = text
        self._mentions = mentions
        self._starts = [m.start for m in mentions]
        numbers = bare_numbers(text, candidates)
        self._number_starts, self._numbers = [at for at, _ in numbers], [one for _, one in numbers]
        self._ends = [*(found.start() for found in re.finditer("\n", text)), len(text)]  # of lines
        self._filled = [n for n in range(len(self._ends)) if text[slice(*self._line(n))].strip()]
        self._list_ends: dict[int, int] = {}  # line -> the last one of the list that it begins
        stops = [found.span() for found in _SENTENCE.finditer(text)]
        stops = [(start, end) for start, end in stops if not self._inside_a_mention(end)]
        self._stop_starts, self._stop_ends = [at for at, _ in stops], [at for _, at in stops]

    def answered(self, span: Span) -> tuple[str, ...] | None:
        """Label ids that an answer names, in order; () where it says that none fits; None where it
        says neither. Bare numbers count only where no label is named otherwise."""
        named = self._named(span)
        found = [m.label_id for m in named if not self._is_instead(m)]
        if not named:
            first, last = (bisect_left(self._number_starts, at) for at in span)
            found = self._numbers[first:last]
        return tuple(dict.fromkeys(found)) if found or self.says_none(span) else None

    def says_none(self, span: Span) -> bool:
        """Whether an answer says that no label fits."""
        start, end = span
        if _NONE.match(self.text, start, end):
            return True
        stop = bisect_left(self._stop_starts, start)
        if stop < len(self._stop_starts):
            end = min(end, self._stop_ends[stop])
        return bool(_NONE_OF_THEM.search(self.text, start, min(end, start + _SENTENCE_CHARS)))

    def first_label(self, span: Span) -> Span | None:
        """Where the span first names a label, by bare number too."""
        named = self._named(span)[:1]
        number = bisect_left(self._number_starts, span[0])
        numbers = [at for at in self._number_starts[number : number + 1] if at < span[1]]
        found = [*((m.start, m.end) for m in named), *((at, at + 1) for at in numbers)]
        return min(found, default=None)

    def announced(self, start: int) -> Span:
        """The rest of the line, to the end of the sentence in which the first label is named; where
        the line ends with the announcement, what is below it."""
        end = self._ends[bisect_left(self._ends, start)]
        if not _SAYS.search(self.text, start, end):
            return self.below(end)
        at = bisect_left(self._starts, start)
        named = at < len(self._starts) and self._starts[at] < end
        stop = bisect_left(self._stop_starts, self._mentions[at].end if named else start)
        if stop < len(self._stop_ends) and self._stop_ends[stop] <= end:
            end = self._stop_ends[stop]
        return start, end

    def below(self, start: int) -> Span:
        """The first line with words after `start`, and the list that it begins."""
        line = bisect_left(self._ends, start)
        if self.text[start : self._ends[line]].strip():
            return start, self._ends[self._list_end(line)]
        following = bisect_left(self._filled, line + 1)
        if following == len(self._filled):
            return len(self.text), len(self.text)
        line = self._filled[following]
        return self._line(line)[0], self._ends[self._list_end(line)]

    def labels_alone(self) -> Span | None:
        """The last line, or the list at the end, where it is labels and nothing else."""
        found = None
        for line in reversed(self._filled):
            start, end = self._line(line)
            if not self._is_alone((start, end)):
                break
            end = found[1] if found else start + len(self.text[start:end].rstrip())
            found = (start, end)
            if not _ITEM.match(self.text, start):
                break
        return found

    def _line(self, line: int) -> Span:
        return (self._ends[line - 1] + 1 if line else 0), self._ends[line]

    def _named(self, span: Span) -> Sequence[Mention]:
        """The mentions that begin in the span."""
        first, last = (bisect_left(self._starts, at) for at in span)
        return self._mentions[first:last]

    def _inside_a_mention(self, at: int) -> bool:
        before = bisect_left(self._starts, at) - 1
        return before >= 0 and self._mentions[before].end > at

    def _is_instead(self, mention: Mention) -> bool:
        before = self.text[max(mention.start - _BEFORE, 0) : mention.start]
        return bool(_INSTEAD.search(before))

    def _list_end(self, line: int) -> int:
        """The last line of the list that a line begins; the line itself where it begins none."""
        walked = []
        while line not in self._list_ends:
            walked.append(line)
            following = bisect_left(self._filled, line + 1)
            after = self._filled[following] if following < len(self._filled) else None
            if after is None or not (self._is_item(line) and self._is_item(after)):
                self._list_ends[line] = line
            else:
                line = after
        self._list_ends |= dict.fromkeys(walked, self._list_ends[line])
        return self._list_ends[line]

    def _is_item(self, line: int) -> bool:
        return bool(_ITEM.match(self.text, self._line(line)[0]))

    def _is_alone(self, span: Span) -> bool:
        left, at = [], span[0]
        for mention in self._named(span):
            left.append(self.text[at : mention.start])
            at = max(at, mention.end)
        left.append(self.text[at : span[1]])
        numbers = len(left) == 1 and bool(self.answered(span))
        rest = " ".join(left)
        rest = without_numbers(rest) if numbers or _ITEM.match(self.text, span[0]) else rest
        return (len(left) > 1 or numbers) and not _LETTERS.search(_JOINING.sub(" ", rest))
