"""The guidelines that stand beside every task: a text, and typed reasons that verdicts may name.

They are versioned: a change makes a new version, and each judgement keeps the version it was made
under. Version 1 ships with PhaseLens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import unified_diff
from typing import Any

from core.annotation.verdicts import TaskKind
from core.errors import InputError

MAX_TEXT = 50_000
MAX_REASONS = 100


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict was given. `id` is what is stored, and never changes its meaning; `of`: the
    kind of task it belongs to."""

    id: str
    name: str
    meaning: str
    of: TaskKind


@dataclass(frozen=True, slots=True)
class Guidelines:
    """`text`: Markdown. `version`: from 1."""

    version: int
    text: str
    reasons: tuple[Reason, ...]

    def reasons_of(self, kind: TaskKind) -> tuple[Reason, ...]:
        return tuple(reason for reason in self.reasons if reason.of is kind)

    def reasons_json(self) -> list[dict[str, Any]]:
        return [asdict(reason) for reason in self.reasons]


def changes(before: Guidelines, after: Guidelines) -> str:
    """What a newer version says otherwise: a unified diff of text and reasons; "" for nothing."""
    old, new = (
        [
            *rules.text.splitlines(),
            *(f"{one.of} reason {one.id}: {one.name}: {one.meaning}" for one in rules.reasons),
        ]
        for rules in (before, after)
    )
    names = (f"version {before.version}", f"version {after.version}")
    return "\n".join(unified_diff(old, new, *names, lineterm="", n=1))


def reasons_from(rows: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    """Raises InputError for reasons that are incomplete, or two with one id."""
    found = []
    for row in rows:
        try:
            reason = Reason(
                str(row["id"]).strip(), str(row["name"]).strip(), str(row.get("meaning") or ""),
                TaskKind(row["of"]),
            )  # fmt: skip
        except (KeyError, ValueError) as error:
            raise InputError(
                f"A reason is incomplete ({error}).", "Each needs an id, a name and a kind of task."
            ) from error
        if not reason.id or not reason.name:
            raise InputError("A reason has no id or no name.", "Fill both in.")
        found.append(reason)
    if len({reason.id for reason in found}) < len(found):
        raise InputError("Two reasons have the same id.", "Give each one of its own.")
    if len(found) > MAX_REASONS:
        raise InputError(f"There are more than {MAX_REASONS} reasons.", "Join some of them.")
    return tuple(found)


def checked_text(text: str) -> str:
    """Raises InputError for a text that is empty or too long."""
    if not text.strip():
        raise InputError("The guidelines have no text.", "Write what annotators are to do.")
    if len(text) > MAX_TEXT:
        raise InputError(
            f"The guidelines have {len(text):,} characters, but may have {MAX_TEXT:,}.",
            "Shorten them.",
        )
    return text


FIRST = Guidelines(
    1,
    """\
## Shortlists

Read the text first, then the shortlist, from the top. Ask of each label: *would somebody who looks
for this label want to find this text?* Judge the shortlist as a whole by its worst fault:

1. **Missing gold** before all else: a label that fits and is not there cannot be chosen later. Add
   it by name if you know it.
2. **Off topic**: most labels belong to other texts.
3. **Near misses crowd it**: right labels are there, but far down, below siblings that are wrong.
4. **Duplicates**: several labels that mean the same.
5. **Gold is wrong**: the dataset's own labels do not fit. Say which.

Otherwise it is **good**. Say **unsure** rather than guess.

## Traces

*Shortlisting* names labels worth a look; *reasoning* keeps or drops them, with evidence. A phase is
**sound** if it does this and says nothing false of the text, **flawed** if it does not. Reasoning
begins with the first sentence that decides about a label for good.

## Preferences

Prefer the side from which you would rather have the labels picked. Length and style do not count.
""",
    (
        Reason("too_general", "Too general", "A narrower label fits.", TaskKind.SHORTLIST),
        Reason("too_specific", "Too specific", "A broader label fits.", TaskKind.SHORTLIST),
        Reason("other_sense", "Other sense", "A word of the label is meant otherwise.",
               TaskKind.SHORTLIST),
        Reason("negated", "Negated", "The text says that it is not so.", TaskKind.SHORTLIST),
        Reason("only_mentioned", "Only mentioned", "It is named, but the text is not about it.",
               TaskKind.SHORTLIST),
        Reason("encoder", "Other words", "The text says it in words the encoder did not match.",
               TaskKind.SHORTLIST),
        Reason("invented", "Invented evidence", "It quotes what the text does not say.",
               TaskKind.TRACE),
        Reason("ignored", "Ignored evidence", "It passes over what the text says.", TaskKind.TRACE),
        Reason("contradiction", "Contradicts itself", "It keeps and drops the same label.",
               TaskKind.TRACE),
        Reason("no_comparison", "No comparison", "Close labels are not told apart.",
               TaskKind.TRACE),
        Reason("better_labels", "Better labels", "Its labels fit better.", TaskKind.PREFERENCE),
        Reason("better_evidence", "Better evidence", "Its reasons are sounder.",
               TaskKind.PREFERENCE),
    ),
)  # fmt: skip
