"""The address of a server, the key for it, and its failures in plain words."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.errors import EndpointError
from core.models.base import ModelSpec

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CONNECT_S = 5.0
CHECK = "Check that the server runs, its address (usually ending in /v1) and the model's name."


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's base URL and key. `timeout_s`: the longest silence before it counts as hung."""

    url: str
    key: str
    timeout_s: float

    @classmethod
    def of(cls, spec: ModelSpec) -> "Endpoint":
        """Raises EndpointError for an address or key that cannot be used."""
        url = spec.location.strip().rstrip("/")
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
            usable = usable and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.username or parts.query or parts.fragment:
            raise EndpointError(
                f"{spec.location!r} is not the address of a server.",
                "Write it as http://host:port/v1, without a key in it.",
            )
        if spec.timeout_s <= 0:
            raise EndpointError("The time limit must be above 0 seconds.", "60 is usual.")
        key = ""
        if spec.api_key_env:
            key = os.environ.get(spec.api_key_env, "")
            if not key:
                raise EndpointError(
                    f"The environment variable {spec.api_key_env} is not set; it should hold the "
                    f"key for {url}.",
                    "Set it and start PhaseLens again.",
                )
        return cls(url, key, spec.timeout_s)

    @property
    def loopback(self) -> bool:
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def client(self) -> "AsyncOpenAI":
        """A client for one conversation; use it in `async with`.

        No retries: a refusal is told at once. A proxy from the environment is not asked for
        what runs on this machine.
        """
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

        # Silence is timed by chat_stream.watched; the client's own limit only backs it up.
        timeout = Timeout(self.timeout_s + 5, connect=min(CONNECT_S, self.timeout_s))
        return AsyncOpenAI(
            base_url=self.url,
            api_key=self.key or "none",
            timeout=timeout,
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(timeout=timeout, trust_env=not self.loopback),
        )

    async def list_models(self, cancelled: Callable[[], bool]) -> tuple[str, ...]:
        """Names of the served models; empty where the server answers but gives no list.

        Raises EndpointError, and Cancelled.
        """
        from openai import APIStatusError, AuthenticationError, PermissionDeniedError

        from core.models.chat_stream import watched

        async with self.client() as client:
            try:
                page = await watched(client.models.list(), self.timeout_s, cancelled)
            except (AuthenticationError, PermissionDeniedError) as error:
                raise self.explained(error, "") from error
            except APIStatusError:
                return ()
            except self.failures() as error:
                raise self.explained(error, "") from error
        rows = getattr(page, "data", None)
        if not isinstance(rows, list):
            raise self._junk("its list of models is none")
        names = (getattr(row, "id", None) for row in rows)
        return tuple(name for name in names if isinstance(name, str))

    @staticmethod
    def failures() -> tuple[type[Exception], ...]:
        """What talking to a server can raise: refusals, silence, broken or foreign answers."""
        import httpx2
        from openai import OpenAIError

        return (
            OpenAIError,
            httpx2.HTTPError,
            httpx2.StreamError,
            OSError,
            TimeoutError,
            ValueError,
            TypeError,
            AttributeError,
            LookupError,
        )

    def explained(self, error: Exception, served: str) -> EndpointError:
        """The error for a person, without the key and without a page of HTML."""
        import openai

        if isinstance(error, openai.APITimeoutError | TimeoutError):
            return EndpointError(
                f"{self.url} said nothing for {self.timeout_s:g} seconds.",
                "Check that the server is not stuck or still loading, or raise the time limit.",
            )
        if isinstance(error, openai.APIConnectionError):
            why = error.__cause__ or error
            return EndpointError(f"{self.url} cannot be reached: {self._clean(str(why))}", CHECK)
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return EndpointError(
                f"{self.url} refused the key (status {error.status_code}).",
                "Name the environment variable that holds the right key.",
            )
        if isinstance(error, openai.APIStatusError):
            about = f" for model {served!r}" if served else ""
            return EndpointError(
                f"{self.url} answered with status {error.status_code}{about}: "
                f"{self._clean(server_words(error))}",
                CHECK,
            )
        return self._junk(self._clean(str(error) or type(error).__name__))

    def _junk(self, why: str) -> EndpointError:
        return EndpointError(
            f"{self.url} answered something that is not a chat completion: {why}", CHECK
        )

    def _clean(self, text: str) -> str:
        """One line of at most 300 characters, without the key."""
        text = " ".join(text.split())
        if self.key:
            text = text.replace(self.key, "***")
        return text[:300]


def server_words(error: Exception) -> str:
    """What a server said with an error status, in whatever form: the protocol's error message,
    another JSON, or plain text."""
    body = getattr(error, "body", None)
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])
    if body:
        return body if isinstance(body, str) else json.dumps(body)
    return str(error)
