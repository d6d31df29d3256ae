"""Rows of OpenAI chat-completion logs as rows of traces.

What is understood: a response object (`choices`); a line of a batch's output (`custom_id`,
`response.body`); a pair of request and response under any of the usual names; a conversation
(`messages`) whose last message is the assistant's. Dataset and document may stand in the
`metadata` of the request; without a document id there, `custom_id` is taken for it.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from core.importing.problems import Kind
from core.importing.values import UnusableError
from core.traces.importing.columns import TRACE_ROLES
from core.traces.importing.prompt import text_in

Values = Mapping[str, Any]
# What the rows have, by role; those of Inspect logs as well (core/traces/importing/inspect_log.py).
LOG_COLUMNS = {
    "dataset": "dataset", "document": "document_id", "text": "text", "prompt": "prompt",
    "system": "system", "reasoning": "reasoning_content", "content": "content",
    "answer": "answer", "gold": "gold", "candidates": "candidates", "offsets": "token_offsets",
    "tokens": "tokens", "seconds": "seconds", "finish": "finish_reason",
}  # fmt: skip
_NAMED = ("dataset", "document_id", "text", "system", "gold", "candidates")


def is_chat(values: Values, written: Collection[str] = ()) -> bool:
    """Whether a row is of a chat log and not a row of named columns, as one is whose trace is a
    text in a column of its own. `written`: columns that the user says hold what the model wrote."""
    for name, value in values.items():
        plain = name.lower().replace("-", "_").replace(" ", "_")
        a_trace = name in written or plain in TRACE_ROLES["trace"]
        if a_trace and isinstance(value, str) and value.strip():
            return False
    response, choices = values.get("response"), values.get("choices")
    if isinstance(response, dict) and {"body", "choices", "error"} & response.keys():
        return True
    if isinstance(choices, list) and (not choices or any(isinstance(c, dict) for c in choices)):
        return True
    messages = values.get("messages")
    return isinstance(messages, list) and _ends_with_an_answer(messages)


def from_chat(values: Values) -> Iterator[dict[str, Any]]:
    """A row of traces for each answer of the log's row. Raises UnusableError."""
    request, response = _request(values), _response(values)
    if error := response.get("error") or values.get("error"):
        raise UnusableError(Kind.MALFORMED, f"an error: {error}")
    messages = values.get("messages") or request.get("messages")
    messages = messages if isinstance(messages, list) else []
    answers = response.get("choices")
    if answers is None and _ends_with_an_answer(messages):
        answers = [{"message": messages[-1]}]
    if not isinstance(answers, list) or not answers:
        raise UnusableError(Kind.MALFORMED, "no answer (choices) in this row")
    usage = response.get("usage") if len(answers) == 1 else None
    named: dict[str, Any] = {}
    for place in places_of(values):
        named |= {key: place[key] for key in _NAMED if place.get(key) is not None}
    for answer in answers:
        message = answer.get("message") if isinstance(answer, dict) else None
        if not isinstance(message, dict):
            raise UnusableError(Kind.MALFORMED, "an answer without a message")
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        yield {
            "document_id": values.get("custom_id"),
            "prompt": messages,
            "system": response.get("model") or request.get("model"),
            **named,
            "reasoning_content": _text(reasoning) if reasoning else None,
            "content": _text(message.get("content")),
            "finish_reason": answer.get("finish_reason"),
            "tokens": usage.get("completion_tokens") if isinstance(usage, dict) else None,
        }


def places_of(values: Values) -> list[Values]:
    """Where a log's row may name dataset, document and the like; later ones count more."""
    places = (_request(values).get("metadata"), values.get("metadata"), values)
    return [place for place in places if isinstance(place, Mapping)]


def _request(values: Values) -> Values:
    """The body of the request, {} where the log has none."""
    found = values.get("request")
    found = values.get("body") if found is None else found
    inner = found.get("body", found) if isinstance(found, dict) else {}
    return inner if isinstance(inner, dict) else {}


def _response(values: Values) -> Values:
    found = values.get("response")
    if found is None:
        return values
    inner = found.get("body", found) if isinstance(found, dict) else {}
    return inner if isinstance(inner, dict) else {}


def _ends_with_an_answer(messages: list[Any]) -> bool:
    last = messages[-1] if messages else None
    return isinstance(last, dict) and last.get("role") == "assistant"


def _text(content: Any) -> str:
    text = text_in(content)
    if text is None:
        raise UnusableError(Kind.MALFORMED, content)
    return text
