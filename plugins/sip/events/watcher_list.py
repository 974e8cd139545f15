"""Watcher lists as documents: application/watcherinfo+xml (RFC 3858).  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..translate import short
from ..xml import DECLARATION, escaped

CONTENT_TYPE = "application/watcherinfo+xml"
NAMESPACE = "urn:ietf:params:xml:ns:watcherinfo"


class Watcher(NamedTuple):
    """One watcher: the status of their subscription and what brought it there (RFC 3858 section 3)."""

    uri: str
    status: str
    event: str
    name: str = ""


def write(resource: str, version: int, watchers: Iterable[Watcher], *, full: bool, package: str = "presence") -> bytes:
    """The document; a partial one has only the watchers that have changed."""
    lines = [
        DECLARATION,
        f'<watcherinfo xmlns="{NAMESPACE}" version="{version}" state="{"full" if full else "partial"}">',
        f'<watcher-list resource="{escaped(resource)}" package="{package}">',
        *(_watcher(watcher) for watcher in watchers),
        "</watcher-list>",
        "</watcherinfo>",
        "",
    ]
    return "\n".join(lines).encode()


def _watcher(watcher: Watcher) -> str:
    """The id is the watcher's for ever: one person has one virtual subscription, however many devices watch."""
    name = f' display-name="{escaped(watcher.name)}"' if watcher.name else ""
    return (
        f'<watcher id="w{short(watcher.uri)}" status="{watcher.status}" event="{watcher.event}"{name}>'
        f"{escaped(watcher.uri)}</watcher>"
    )
