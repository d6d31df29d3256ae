"""Rows of OpenAI chat-completion logs as rows of traces.

What is understood: a response object (`choices`); a line of a batch's output (`custom_id`,
`response.body`); a pair of request and response under any of the usual names; a conversation
(`messages`) whose last message is the assistant's. Dataset and document may stand in the
`metadata` of the request; without a document id there, `custom_id` is taken for it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from core.importing.problems import Kind
from core.importing.values import UnusableError

Values = Mapping[str, Any]
_NAMED = ("dataset", "document_id", "text", "system", "gold", "candidates")


def is_chat(values: Values) -> bool:
    """Whether a row is of a chat log and not a row of named columns."""
    response = values.get("response")
    inside = isinstance(response, dict) and ("body" in response or "choices" in response)
    return inside or any(isinstance(values.get(key), list) for key in ("choices", "messages"))


def from_chat(values: Values) -> Iterator[dict[str, Any]]:
    """A row of traces for each answer of the log's row. Raises UnusableError."""
    request, response = _request(values), _response(values)
    if response.get("error") or values.get("error"):
        raise UnusableError(Kind.MALFORMED, f"an error: {response.get('error') or values['error']}")
    messages = values.get("messages") or request.get("messages") or []
    asked, answers = _asked(messages), response.get("choices")
    if answers is None and messages and _role(messages[-1]) == "assistant":
        answers = [{"message": messages[-1]}]
    if not isinstance(answers, list) or not answers:
        raise UnusableError(Kind.MALFORMED, "no answer (choices) in this row")
    usage = response.get("usage") if len(answers) == 1 else None
    named = _named(values, request)
    for answer in answers:
        message = answer.get("message") if isinstance(answer, dict) else None
        if not isinstance(message, dict):
            raise UnusableError(Kind.MALFORMED, "an answer without a message")
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        yield {
            "document_id": values.get("custom_id"),
            "text": asked,
            "system": response.get("model") or request.get("model"),
            **named,
            "reasoning_content": _text(reasoning) if reasoning else None,
            "content": _text(message.get("content")),
            "finish_reason": answer.get("finish_reason"),
            "tokens": usage.get("completion_tokens") if isinstance(usage, dict) else None,
        }


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


def _named(values: Values, request: Values) -> dict[str, Any]:
    """What the log says of dataset and document, in the row itself before the metadata."""
    found: dict[str, Any] = {}
    for place in (request.get("metadata"), values.get("metadata"), values):
        if isinstance(place, dict):
            found |= {key: place[key] for key in _NAMED if place.get(key) is not None}
    return found


def _asked(messages: Any) -> str | None:
    """The last text of the user's."""
    asked = [m for m in messages if _role(m) == "user"] if isinstance(messages, list) else []
    return _text(asked[-1].get("content")) if asked else None


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def _text(content: Any) -> str:
    """A message's content, which may come in parts; those that are no text are left out."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    if content is None or isinstance(content, str):
        return content or ""
    raise UnusableError(Kind.MALFORMED, content)
