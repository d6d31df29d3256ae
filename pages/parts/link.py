"""The address of what Explore shows: dataset, document, system, k, n and trace.

The address names every choice, defaults too, so that a link shows the same thing after a
default has changed. Each choice lives in session state under its key here. Names in an address
that do not exist are kept as errors, and the default stands.
"""

from dataclasses import asdict, dataclass

from pages.parts.address import Address, whole

NAMES = ("dataset", "document", "system", "k", "n", "trace")
_ADDRESS = Address("explore", NAMES, ("explore_",))


def key(name: str) -> str:
    """The session state key of a choice."""
    return f"explore_{name}"


@dataclass(frozen=True, slots=True)
class Link:
    """What a new address asks for; "" or None where it does not say."""

    dataset: str = ""
    document: str = ""
    system: str = ""
    k: int | None = None
    n: int | None = None
    trace: str = ""


def read() -> Link | None:
    """What the address asks for when it is not the one written last, else None."""
    found = _ADDRESS.read()
    if found is None:
        return None
    numbers = {name: whole(found.pop(name, "")) for name in ("k", "n")}
    return Link(**found, **numbers)


def write(link: Link) -> None:
    """Makes the address name these choices; "" and None are left out."""
    _ADDRESS.write(asdict(link))
