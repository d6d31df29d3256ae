"""Writes the samples of an Inspect log to stdout as JSON lines, by Inspect's own reader.

Run by a Python that has inspect_ai, which need not be ours (core/traces/importing/inspect_log.py):
Inspect and this program ask for different versions of the same packages. Imports nothing of ours.
"""

import json
import sys
from typing import Any


def main(path: str) -> None:
    from inspect_ai.log import read_eval_log, read_eval_log_samples

    head = read_eval_log(path, header_only=True)
    print(json.dumps({"samples": len(head.eval.dataset.sample_ids or ())}), flush=True)
    for sample in read_eval_log_samples(path, all_samples_required=False):
        print(json.dumps(_values(head, sample)))


def _values(head: Any, sample: Any) -> dict[str, Any]:
    metadata = dict(sample.metadata or {})
    message = sample.output.message if sample.output.choices else None
    usage = sample.output.usage
    target = [sample.target] if isinstance(sample.target, str) else list(sample.target)
    reasoning, content = _parts(message.content if message else "")
    return {
        "dataset": metadata.get("dataset") or head.eval.dataset.name,
        "document_id": metadata.get("document_id") or str(sample.id),
        "text": metadata.get("text") or _asked(sample.input),
        "system": metadata.get("system") or sample.output.model or head.eval.model,
        "gold": metadata.get("gold") or [one for one in target if one] or None,
        "candidates": metadata.get("candidates"),
        "reasoning_content": reasoning,
        "content": content,
        "finish_reason": sample.output.stop_reason if message else None,
        "tokens": usage.output_tokens if usage else None,
        "seconds": sample.total_time,
    }


def _parts(content: Any) -> tuple[str | None, str]:
    """(reasoning, answer) of a message."""
    if isinstance(content, str):
        return None, content
    reasoning = [part.reasoning for part in content if part.type == "reasoning"]
    texts = [part.text for part in content if part.type == "text"]
    return "\n".join(reasoning) if reasoning else None, "\n".join(texts)


def _asked(given: Any) -> str | None:
    """The last text of the user's."""
    if isinstance(given, str):
        return given
    asked = [message.text for message in given if message.role == "user"]
    return asked[-1] if asked else None


if __name__ == "__main__":
    main(sys.argv[1])
