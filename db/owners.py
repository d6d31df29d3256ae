"""Which process holds a running trace or job: `host:pid:start`, unique across restarts.

`start` is the process's start time in whole seconds, so a pid that the system gave to another
process later is not taken for the first one. A job's owner has `/token` after it, because one
process may work on a job twice.
"""

import functools
import os
import secrets
import socket

import psutil

START_TOLERANCE_S = 5  # a start time is computed from the boot time, which clock corrections move


@functools.lru_cache(maxsize=4)
def _owner_of(pid: int) -> str:
    host = socket.gethostname().replace(":", "_")
    return f"{host}:{pid}:{int(psutil.Process(pid).create_time())}"


def this_owner() -> str:
    """The owner mark of this process."""
    return _owner_of(os.getpid())


def new_owner() -> str:
    """An owner mark of this process that no other call ever gives."""
    return f"{this_owner()}/{secrets.token_hex(4)}"


def on_this_host(owner: str) -> bool:
    """Whether an owner is a process of this host, alive or not."""
    host = owner.partition("/")[0].rsplit(":", 2)[0]
    return host == socket.gethostname().replace(":", "_")


def owner_dead(owner: str) -> bool:
    """True only where it is certain that the process has ended: it ran on this host, and is gone.

    False for a process of another host, of which nothing can be known from here.
    """
    if not on_this_host(owner):
        return False
    _, pid, start = owner.partition("/")[0].rsplit(":", 2)
    try:
        process = psutil.Process(int(pid))
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return abs(process.create_time() - int(start)) > START_TOLERANCE_S
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:  # somebody else's process: alive
        return False
