"""Runs a piece of a test in a forked child: under another user, or under a limit."""

import os
import traceback
from collections.abc import Callable

PLAIN_USER = 65534  # nobody


def in_child(work: Callable[[], str], *, as_plain_user: bool = False) -> str:
    """What `work` returns in a child process, or the traceback of what it raised.

    As a plain user where this process is root, because root may write read-only files. What
    `work` needs must be imported already: the plain user may not see this checkout.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer = "the child died"
        try:
            if as_plain_user and os.geteuid() == 0:
                os.setgroups([])
                os.setgid(PLAIN_USER)
                os.setuid(PLAIN_USER)
            answer = work()
        except BaseException:  # noqa: BLE001  # the parent gets it as text
            answer = traceback.format_exc()
        finally:
            os.write(writing, answer.encode()[:60_000])
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer
