"""Asks the running server over its admin socket: HTTP with the standard library's client."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

import msgspec

from ..csv_people import BadTable
from ..errors import Busy, HereaboutsError, NotFound, SettingsError
from ..unix_socket import connected

TIMEOUT = 60.0
"""Seconds to wait for the server; an export of all data is the slowest answer."""


CHUNK = 64 * 1024


class NoServer(HereaboutsError):
    """Nothing answers at the admin socket."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock: socket.socket = connected(self._path, TIMEOUT)


def answers(path: Path) -> bool:
    """Whether a server listens there.  Raises HereaboutsError when it does not let us in."""
    try:
        connected(path, TIMEOUT).close()
    except PermissionError:
        raise HereaboutsError(f"{path} belongs to another user: run this as the user that runs the server") from None
    except OSError:
        return False
    return True


def request(path: Path, method: str, target: str, query: Mapping[str, Any], body: Mapping[str, Any] | None) -> Any:
    """What the server answers, read from JSON.  Raises NoServer, and what the server says is wrong."""
    parameters = urlencode({name: _text(value) for name, value in query.items()})
    content = None if body is None else msgspec.json.encode(body)
    with _asked(path, method, f"{target}?{parameters}" if parameters else target, content) as answer:
        raw = answer.read()
    return msgspec.json.decode(raw) if raw else None


def copy(path: Path, target: str, output: BinaryIO) -> int:
    """Write what the server answers, as it comes.  Returns the number of lines; raises as ``request`` does."""
    count = 0
    with _asked(path, "GET", target, None) as answer:
        while part := answer.read(CHUNK):
            output.write(part)
            count += part.count(b"\n")
    return count


@contextmanager
def _asked(path: Path, method: str, target: str, content: bytes | None) -> Iterator[http.client.HTTPResponse]:
    connection = _UnixConnection(path)
    try:
        connection.request(method, target, content)
        answer = connection.getresponse()
        if answer.status >= 300:
            raise _error(answer.status, answer.read())
        yield answer
    except PermissionError:
        raise HereaboutsError(f"{path} belongs to another user: run this as the user that runs the server") from None
    except TimeoutError:
        raise HereaboutsError(f"the server did not answer within {TIMEOUT:.0f} seconds; its log may say why") from None
    except (OSError, http.client.HTTPException) as wrong:
        why = (getattr(wrong, "strerror", None) or str(wrong)).lower()
        raise NoServer(f"no server answers at {path} ({why}): start one with `run` or `demo`") from None
    finally:
        connection.close()


def quoted(value: str) -> str:
    """A value as part of a path."""
    return quote(value, safe="@")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error(status: int, raw: bytes) -> HereaboutsError:
    try:
        problem = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        problem = {}
    if mistakes := problem.get("mistakes"):
        return SettingsError(mistakes) if problem["type"].endswith("settings") else BadTable(mistakes)
    sentence = problem.get("detail") or problem.get("title") or f"the server failed ({status}); its log says why"
    kinds: dict[int, type[HereaboutsError]] = {404: NotFound, 410: NotFound, 503: Busy}
    return kinds.get(status, HereaboutsError)(sentence)
