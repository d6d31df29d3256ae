"""Writes the samples of an Inspect log to stdout as JSON lines, by Inspect's own reader.

Run by a Python that has inspect_ai, which need not be ours (core/traces/importing/inspect_log.py):
Inspect and this program ask for different versions of the same packages. Imports nothing of ours.

1. Its own lines begin with MARK; whatever else is printed goes to stderr.
2. It takes no more memory than it is told, so that no log fills the machine.
3. Samples are read one by one. One that is too large, or cannot be read, is named, and the next
   is read: {"too_long": ...} or {"malformed": ...} instead of {"sample": ...}.
"""

import json
import os
import sys
import zipfile
from typing import Any

MARK = b"PHASELENS "
SAMPLES = "samples/"


def main(path: str, largest: int, longest: int, memory: int) -> None:
    """`largest`: bytes of a part of the log, unpacked; `longest`: bytes of a line; `memory`: bytes
    of addresses."""
    lines = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _take_no_more_than(memory)
    sizes: dict[str, int] = {}
    with zipfile.ZipFile(path) as log:
        for member in log.infolist():
            sizes[member.filename] = max(member.file_size, sizes.get(member.filename, 0))
    for name, size in sizes.items():
        if size > largest and not name.startswith(SAMPLES):
            sys.exit(f"{name} in it has {size:,} bytes, more than {largest:,}")

    def say(**what: Any) -> None:
        text = json.dumps(what, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
        if len(text) > longest:
            say(too_long=f"{len(text):,} bytes")
            return
        lines.write(b"\n" + MARK + text + b"\n")
        lines.flush()

    from inspect_ai.log import read_eval_log, read_eval_log_sample

    head = read_eval_log(path, header_only=True)
    ids = head.eval.dataset.sample_ids
    if ids is None:
        sys.exit("it does not say which samples it has; read and write it again with Inspect")
    epochs = range(1, (head.eval.config.epochs or 1) + 1)
    say(samples=len(ids) * len(epochs))
    for sample_id in ids:
        for epoch in epochs:
            size = sizes.get(f"{SAMPLES}{sample_id}_epoch_{epoch}.json", 0)
            if size > largest:
                say(too_long=f"sample {sample_id}: {size:,} bytes")
                continue
            try:
                sample = read_eval_log_sample(path, sample_id, epoch)
                values = _values(head, sample)
            except IndexError:  # the log ended before it
                continue
            except MemoryError:
                say(too_long=f"sample {sample_id}: too large for {memory:,} bytes of memory")
            except (ValueError, TypeError, KeyError, AttributeError, zipfile.BadZipFile) as error:
                say(malformed=f"sample {sample_id}: {str(error)[:150]}")
            else:
                say(sample=values)


def _take_no_more_than(memory: int) -> None:
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    except (ImportError, ValueError, OSError) as error:  # not every system can
        print(f"memory is not limited: {error}", file=sys.stderr)


def _values(head: Any, sample: Any) -> dict[str, Any]:
    metadata = dict(sample.metadata or {})
    message = sample.output.message if sample.output.choices else None
    usage = sample.output.usage
    target = [sample.target] if isinstance(sample.target, str) else list(sample.target)
    reasoning, content = _parts(message.content if message else "")
    return {
        "dataset": metadata.get("dataset") or head.eval.dataset.name,
        "document_id": metadata.get("document_id") or str(sample.id),
        "text": metadata.get("text") or metadata.get("document_text"),
        "prompt": _asked(sample.input),
        "system": metadata.get("system") or sample.output.model or head.eval.model,
        "gold": metadata.get("gold") or [one for one in target if one] or None,
        "candidates": metadata.get("candidates"),
        "reasoning_content": reasoning,
        "content": content,
        "finish_reason": sample.output.stop_reason if message else None,
        "tokens": usage.output_tokens if usage else None,
        "seconds": sample.total_time,
        "metadata": metadata,
    }


def _parts(content: Any) -> tuple[str | None, str]:
    """(reasoning, answer) of a message."""
    if isinstance(content, str):
        return None, content
    reasoning = [part.reasoning for part in content if part.type == "reasoning"]
    texts = [part.text for part in content if part.type == "text"]
    return "\n".join(reasoning) if reasoning else None, "\n".join(texts)


def _asked(given: Any) -> Any:
    """A text, or messages with role and text."""
    if isinstance(given, str):
        return given
    return [{"role": message.role, "content": message.text} for message in given]


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
