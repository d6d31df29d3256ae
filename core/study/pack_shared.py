"""What the systems of a study have in common at a document: what they were shown, and against what
they are measured. It is most of a trace, and is in a pack once for all of them."""

from collections.abc import Iterable

from core.errors import DataError
from core.study.pack_parts import Row

WHERE = (
    ("gold_ranks",), ("shortlist", "rows"), ("candidates",), ("around",),
    ("trace", "curves", "near_misses"),
)  # fmt: skip
SHARED = "shared"


class Shared:
    """Parts of traces, by document. `rows`: those of a pack that was written."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._by_document = {row["document"]: row for row in rows}

    @property
    def rows(self) -> list[Row]:
        """As a pack has them."""
        return [self._by_document[name] for name in sorted(self._by_document)]

    def take_out(self, row: Row) -> None:
        """Leaves SHARED in the place of what earlier traces of the document have too. What only
        this one has, it keeps; of the first trace of a document all is shared."""
        known = self._by_document.setdefault(row["document"], {"document": row["document"]})
        for *way, last in WHERE:
            place, name = _at(row, way), "/".join((*way, last))
            if place is not None and known.setdefault(name, place[last]) == place[last]:
                place[last] = SHARED

    def put_back(self, row: Row) -> None:
        """Raises DataError where the pack lacks what the row leaves to it."""
        for *way, last in WHERE:
            place, name = _at(row, way), "/".join((*way, last))
            if place is None or place[last] != SHARED:
                continue
            try:
                place[last] = self._by_document[row["document"]][name]
            except KeyError as error:
                raise DataError(
                    f"A trace of document {row['document']} leaves {name} to what is shared by all "
                    "of its split, and there it is not.",
                    "Copy the whole folder anew.",
                ) from error


def _at(row: Row, way: list[str]) -> Row | None:
    """None where the row has nothing there, such as curves of a trace that ended too soon."""
    place: Row | None = row
    for name in way:
        place = None if place is None else place[name]
    return place
