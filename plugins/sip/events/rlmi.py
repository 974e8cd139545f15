"""The state of a list of people in one body: RLMI and documents as multipart/related (RFC 4662 section 5).  Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

from ..translate import short
from ..xml import escaped

CONTENT_TYPE = "application/rlmi+xml"
MULTIPART = "multipart/related"
NAMESPACE = "urn:ietf:params:xml:ns:rlmi"
OVERHEAD = 320
"""Bytes that one resource costs beside its document and its address, at most."""


class Dialect(enum.Enum):
    """How the parts are named."""

    STANDARD = "standard"
    LIBLINPHONE = "liblinphone"
    """COMPAT: liblinphone 5.1 crashes at a quoted boundary, finds a part only by ``Content-Id`` spelled like that and
    without angle brackets, and takes a list only under ``Event: Presence``."""


class Resource(NamedTuple):
    """One line of the list: ``state`` is empty where nothing is said of the resource this time.

    ``reason`` goes with the state terminated; without a document there is no part for it.
    """

    uri: str
    name: str = ""
    state: str = ""
    reason: str = ""
    content_type: str = ""
    document: bytes = b""


def write(
    uri: str,
    version: int,
    resources: Sequence[Resource],
    *,
    full: bool,
    host: str,
    boundary: str,
    dialect: Dialect = Dialect.STANDARD,
) -> tuple[str, bytes]:
    """Content type and body.  ``host`` ends the content ids; ``boundary`` is a token that is in no document."""
    standard = dialect is Dialect.STANDARD
    quote = '"' if standard else ""
    root = f"<list@{host}>"
    content_type = f'{MULTIPART};type="{CONTENT_TYPE}";start="{root}";boundary={quote}{boundary}{quote}'
    parts = [_part(boundary, f"Content-ID: {root}", CONTENT_TYPE, _list(uri, version, resources, full, host))]
    for resource in resources:
        if resource.document:
            cid = _cid(resource, host)
            named = f"Content-ID: <{cid}>" if standard else f"Content-Id: {cid}"
            parts.append(_part(boundary, named, resource.content_type, resource.document))
    return content_type, b"".join(parts) + f"--{boundary}--\r\n".encode()


def _part(boundary: str, named: str, content_type: str, document: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Transfer-Encoding: binary\r\n{named}\r\nContent-Type: {content_type}\r\n\r\n"
    return head.encode() + document + b"\r\n"


def _list(uri: str, version: int, resources: Sequence[Resource], full: bool, host: str) -> bytes:
    lines = [
        f'<list xmlns="{NAMESPACE}" uri="{escaped(uri)}" version="{version}" fullState="{str(full).lower()}">',
        *(_resource(resource, host) for resource in resources),
        "</list>",
    ]
    return "\r\n".join(lines).encode()


def _resource(resource: Resource, host: str) -> str:
    name = f"<name>{escaped(resource.name)}</name>" if resource.name else ""
    inside = name + (_instance(resource, host) if resource.state else "")
    start = f'<resource uri="{escaped(resource.uri)}"'
    return f"{start}>{inside}</resource>" if inside else f"{start}/>"


def _instance(resource: Resource, host: str) -> str:
    """There is one virtual subscription for each resource, so its id is the resource's for as long as the list is."""
    reason = f' reason="{resource.reason}"' if resource.reason else ""
    cid = f' cid="{_cid(resource, host)}"' if resource.document else ""
    return f'<instance id="{short(resource.uri)}" state="{resource.state}"{reason}{cid}/>'


def _cid(resource: Resource, host: str) -> str:
    return f"{short(resource.uri)}@{host}"
