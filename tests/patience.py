"""For work that never ends when it is done wrong: the test then fails, and does not hang."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

HOURS_SHORT = 60  # seconds; what is meant here takes hours or less than one of these


@contextmanager
def given_up_after(seconds: int = HOURS_SHORT) -> Iterator[None]:
    """Raises TimeoutError in the block after so long. For the main thread."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
