"""The app serves on loopback only, and says why when asked for more."""

import socket
import subprocess
import sys

import pytest

from core.errors import InputError
from core.serve import check_address, check_port, is_loopback


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_addresses_are_accepted(address: str) -> None:
    assert is_loopback(address)
    check_address(address, allow_remote=False)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.4", "example.org", ""])
def test_other_addresses_are_refused_with_the_reason(address: str) -> None:
    with pytest.raises(InputError, match="unless people sign in"):
        check_address(address, allow_remote=False)


def test_another_address_is_served_on_when_allowed_by_name() -> None:
    check_address("0.0.0.0", allow_remote=True)


def test_a_port_in_use_is_named_and_another_is_offered() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"Port {port}.*PORT={port + 1}"):
            check_port("127.0.0.1", port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(InputError, match="between 1 and 65535"):
        check_port("127.0.0.1", port)


def test_the_command_exits_with_one_line_for_another_address() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "core.serve", "--address", "0.0.0.0", "--headless"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "0.0.0.0" in done.stderr
