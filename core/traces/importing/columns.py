"""Which column of a file of traces holds what: guessed by its name, or as the user says."""

from collections.abc import Iterable

from core.errors import InputError

TRACE_ROLES: dict[str, tuple[str, ...]] = {
    "dataset": ("dataset", "dataset_name", "task", "corpus"),
    "document": ("document_id", "doc_id", "docid", "document", "id", "uid", "pmid", "key"),
    "text": ("text", "document_text", "abstract", "body"),
    "prompt": ("prompt", "input", "question", "query", "messages", "instruction"),
    "system": ("system", "model", "model_name", "model_id", "engine"),
    "trace": (
        "trace", "reasoning_trace", "chain_of_thought", "cot", "output", "completion", "response",
        "generation", "generated_text",
    ),
    "reasoning": ("reasoning_content", "reasoning", "thinking"),
    "content": ("content", "message", "answer_text"),
    "answer": ("answer", "prediction", "predictions", "predicted", "final_answer", "labels"),
    "gold": ("gold", "gold_labels", "target", "targets"),
    "candidates": ("candidates", "shown", "shortlist"),
    "offsets": ("token_offsets", "offsets"),
    "tokens": ("tokens", "completion_tokens", "output_tokens", "n_tokens"),
    "seconds": ("seconds", "total_time", "duration_s", "latency_s"),
    "finish": ("finish_reason", "stop_reason"),
}  # fmt: skip
WRITTEN = ("trace", "reasoning", "content")  # roles of what the model wrote
MAYBE_GOLD = "labels"  # a column that holds an answer in some files, and gold in others


def parse_trace_columns(given: Iterable[str]) -> dict[str, str]:
    """`["trace=output"]` as {role: column}. Raises InputError for what is no role."""
    found = {}
    for one in given:
        role, equals, column = one.partition("=")
        if not equals or role.strip() not in TRACE_ROLES or not column.strip():
            raise InputError(
                f"{one!r} does not say which column to read.",
                f"Write ROLE=COLUMN, as in trace=output; the roles are {', '.join(TRACE_ROLES)}.",
            )
        found[role.strip()] = column.strip()
    return found
