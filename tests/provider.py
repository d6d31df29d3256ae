"""A real OpenID Connect provider, as a process of its own: oidc-provider-mock, whose form lets one
choose who to be. It signs its tokens, and checks codes, nonces and redirect addresses."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.served import wait_for

# Subject -> what the provider says of the person.
PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {"name": "Ada Lovelace", "email": "ada@example.org", "email_verified": True},
    "vic": {"name": "Vic Reader", "email": "vic@example.org", "email_verified": True},
    # Says that she has an admin's address; her provider does not vouch for it.
    "eve": {"name": "Eve", "email": "ada@example.org", "email_verified": False},
}
ADMIN = "ada@example.org"


@contextmanager
def running_provider(
    folder: Path, people: Mapping[str, Mapping[str, Any]] = PEOPLE
) -> Iterator[str]:
    """The base URL of a provider that knows these people; it is ended on the way out."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    claims = [json.dumps({"sub": subject, **said}) for subject, said in people.items()]
    known = [part for one in claims for part in ("--user-claims", one)]
    log = folder / "provider.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *known],
            stdout=out, stderr=out,
        )  # fmt: skip
    try:
        wait_for(port, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def secrets_for(app_url: str, provider_url: str, cookie_secret: str) -> str:
    """The secrets.toml of an app at that address."""
    return f"""
[auth]
redirect_uri = "{app_url}/oauth2callback"
cookie_secret = "{cookie_secret}"
client_id = "phaselens"
client_secret = "not checked by this provider"
server_metadata_url = "{provider_url}/.well-known/openid-configuration"
"""
