"""Unix sockets for one user: made so that nobody else may connect, reached however long their path is."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import HereaboutsError

MAX_PATH = 100
"""Bytes of a path that every system takes; a longer one is reached by way of its folder."""


def listening(path: Path) -> socket.socket:
    """A socket that its owner alone may connect to.  Raises HereaboutsError when somebody listens there already."""
    if path.exists():
        if not path.is_socket():
            raise HereaboutsError(f"{path} is in the way: it is no socket, move it elsewhere")
        if _answers(path):
            raise HereaboutsError(
                f"another server listens on {path}: stop that one, or give this one another state folder"
            )
        path.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with _short(path) as name:
            made.bind(name)
        made.listen(16)
    except OSError as wrong:
        made.close()
        raise HereaboutsError(f"no socket can be made at {path}: {(wrong.strerror or '').lower()}") from None
    finally:
        os.umask(before)
    made.setblocking(False)
    return made


def connected(path: Path, timeout: float | None = None) -> socket.socket:
    """A connection to whoever listens at a path.  Raises OSError."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(timeout)
    try:
        with _short(path) as name:
            made.connect(name)
    except OSError:
        made.close()
        raise
    return made


def _answers(path: Path) -> bool:
    try:
        connected(path, 1.0).close()
    except OSError as wrong:
        return wrong.errno not in (errno.ECONNREFUSED, errno.ENOENT, errno.ENOTSOCK)
    return True


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of the path that fits into a socket's address (108 bytes on Linux)."""
    if len(os.fsencode(path)) <= MAX_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
