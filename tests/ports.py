"""Free ports of this machine, outside the range that outgoing connections take theirs from."""

from __future__ import annotations

import itertools
import random
import socket
from collections.abc import Sequence
from contextlib import ExitStack

DEMO_PORTS = (5060, 5061, 5222, 5223, 8080)


def free_port() -> int:
    """One that nothing uses, for TCP or UDP."""
    return free_offset((0,))


def free_offset(ports: Sequence[int] = DEMO_PORTS) -> int:
    """How far to shift the demo's ports so that all are free, and none is one that outgoing connections take."""
    for _ in range(200):
        offset = random.randrange(3000, 24000)
        try:
            with ExitStack() as stack:
                for port, kind in itertools.product(ports, (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
                    stack.enter_context(socket.socket(type=kind)).bind(("0.0.0.0", port + offset))
            return offset
        except OSError:
            continue
    raise AssertionError("no free ports")
