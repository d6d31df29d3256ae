"""Which column holds what: guessed by its name, or as the user says."""

from collections.abc import Iterable, Mapping

from core.errors import InputError

LABEL_ROLES: dict[str, tuple[str, ...]] = {
    "label-id": (
        "id", "uid", "label_id", "labelid", "code", "key", "identifier", "concept_id",
    ),
    "name": (
        "name", "title", "label", "label_name", "label_text", "text", "term", "preferred_label",
        "preflabel", "topic", "category",
    ),
    "description": (
        "description", "content", "definition", "gloss", "abstract", "scope_note", "synonyms",
    ),
    "parents": ("parents", "parent", "parent_id", "parent_ids", "broader"),
}  # fmt: skip
DOCUMENT_ROLES: dict[str, tuple[str, ...]] = {
    "id": ("id", "uid", "doc_id", "docid", "document_id", "pmid", "key", "identifier"),
    "title": ("title", "headline", "subject"),
    "text": (
        "text", "content", "abstract", "body", "document", "description", "query", "sentence",
        "note",
    ),
    "gold": (
        "gold", "gold_labels", "labels", "label_ids", "target_ind", "targets", "target", "label",
        "codes", "topics", "categories", "category", "tags", "y",
    ),
    "split": ("split", "set", "fold", "subset", "partition"),
    "excluded": ("excluded", "exclude"),
}  # fmt: skip
ROLES = (*LABEL_ROLES, *DOCUMENT_ROLES)
ROW_NUMBERS = "target_ind"  # a gold column of this name holds rows of the label file, from 0

Columns = Mapping[str, str]  # role -> column


def parse_columns(given: Iterable[str]) -> dict[str, str]:
    """`["text=abstract"]` as {role: column}. Raises InputError for what is no role."""
    found = {}
    for one in given:
        role, equals, column = one.partition("=")
        if not equals or role.strip() not in ROLES or not column.strip():
            raise InputError(
                f"{one!r} does not say which column to read.",
                f"Write ROLE=COLUMN, as in text=abstract; the roles are {', '.join(ROLES)}.",
            )
        found[role.strip()] = column.strip()
    return found


def guess(
    file: str, there: Iterable[str], roles: Mapping[str, tuple[str, ...]], given: Columns
) -> dict[str, str]:
    """Role -> column for a file with these columns: as given, else the first name that fits.

    No column gets two roles by guessing, and a role given as "" has none. Raises InputError where a
    given one is not there.
    """
    names = list(there)
    plain = {name.lower().replace("-", "_").replace(" ", "_"): name for name in reversed(names)}
    found = {role: column for role, column in given.items() if role in roles and column}
    for role, column in found.items():
        if column not in names:
            raise InputError(
                f"{file} has no column {column!r} for {role}.",
                f"Its columns are {', '.join(names)[:300]}.",
            )
    for role, usual in roles.items():
        if role not in given:
            free = (plain[name] for name in usual if name in plain)
            fitting = [one for one in free if one not in found.values()]
            if fitting:
                found[role] = fitting[0]
    return found
