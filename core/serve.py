"""Starts the app: `python -m core.serve`. Loopback only, unless told otherwise by name."""

import argparse
import ipaddress
import os
import socket
import sys
from pathlib import Path

from core.config import Settings, load_settings
from core.errors import InputError, PhaseLensError

APP = Path(__file__).resolve().parents[1] / "app.py"
ALLOW_REMOTE = "PHASELENS_ALLOW_REMOTE"


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def check_address(address: str, *, allow_remote: bool) -> None:
    """Raises InputError for an address that others could reach, unless it was allowed."""
    if not is_loopback(address) and not allow_remote:
        raise InputError(
            f"PhaseLens does not serve on {address}: unless people sign in, anyone who reaches the "
            "page could read your texts, start jobs and add model folders.",
            "Use 127.0.0.1 with an SSH tunnel, or configure sign-in (docs/people.md) and add "
            "--allow-remote.",
        )


def check_port(address: str, port: int) -> None:
    """Raises InputError when something else listens there."""
    if not 1 <= port <= 65535:
        raise InputError(f"Port {port} is not between 1 and 65535.", "Choose another port.")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise InputError(
                f"Port {port} on {address} cannot be used ({error.strerror}).",
                f"Is PhaseLens open already? Else choose another: make app PORT={port + 1}",
            ) from error


def url(address: str, port: int) -> str:
    """The address to type into a browser on this machine."""
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}"


def secrets(settings: Settings) -> list[str]:
    """Arguments by which Streamlit reads the home's own secrets, where it has any, in place of
    those in Streamlit's usual folders: how people sign in is up to the home."""
    own = settings.secrets_file
    return ["--secrets.files", str(own)] if own.exists() else []


def main() -> None:
    """Checks address and port, then becomes the Streamlit server."""
    parser = argparse.ArgumentParser(prog="python -m core.serve", description=__doc__)
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--headless", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--allow-remote", action="store_true", help="serve on an address others can reach"
    )
    arguments = parser.parse_args()
    try:
        check_address(arguments.address, allow_remote=arguments.allow_remote)
        check_port(arguments.address, arguments.port)
        settings = load_settings()
    except PhaseLensError as error:
        sys.exit(f"phaselens: {error}")
    os.environ.setdefault("PHASELENS_PREPARE", "1")
    os.environ[ALLOW_REMOTE] = "1" if arguments.allow_remote else ""
    os.chdir(APP.parent)  # Streamlit reads .streamlit/config.toml from the working folder
    print(f"PhaseLens is at {url(arguments.address, arguments.port)} (Ctrl-C ends it)", flush=True)
    os.execv(
        sys.executable,
        [
            sys.executable, "-m", "streamlit", "run", str(APP),
            "--server.address", arguments.address,
            "--server.port", str(arguments.port),
            "--server.headless", str(arguments.headless).lower(),
            "--server.showEmailPrompt", "false",
            "--server.maxUploadSize", str(settings.max_upload_mb),
            "--logger.hideWelcomeMessage", "true",  # with it go hints for app developers
            *secrets(settings),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
