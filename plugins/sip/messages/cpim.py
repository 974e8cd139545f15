"""A message in its CPIM wrapper (RFC 3862), wrapped and unwrapped as far as a chat needs it.  Pure."""

from __future__ import annotations

from typing import NamedTuple

from ..syntax.grammar import MalformedSip, quote
from ..syntax.headers import NameAddr, Term, media_type
from ..syntax.uri import SipUri

CONTENT_TYPE = "message/cpim"

MAX_LINES = 64
"""Headers of one wrapper."""
MAX_HEADS = 16 * 1024
"""Bytes of both heads together."""
IMDN = "urn:ietf:params:imdn"
"""The namespace of RFC 5438's headers."""


class Wrapped(NamedTuple):
    """What was inside, and the sender's own id for it, if the wrapper gave one (RFC 5438)."""

    content_type: Term
    content: bytes
    message_id: str = ""


def unwrap(body: bytes) -> Wrapped:
    """RFC 3862 section 2: message headers, an empty line, MIME headers, an empty line, the content.

    Raises MalformedSip.
    """
    blank = b"\r\n\r\n" if body[: body.find(b"\n")].endswith(b"\r") else b"\n\n"
    outer, _, rest = body.partition(blank)
    inner, found, content = rest.partition(blank)
    if not found or len(outer) + len(inner) > MAX_HEADS:
        raise MalformedSip("a CPIM message without its two heads")
    about, mime = _headers(outer), _headers(inner)
    prefix = next((p for p, uri in _namespaces(about) if uri == IMDN), "imdn")
    return Wrapped(
        content_type=media_type(mime.get("content-type", ["text/plain"])[0]),
        content=content,
        message_id=about.get(f"{prefix}.message-id".lower(), [""])[0],
    )


def wrap(
    sender: NameAddr,
    to: SipUri,
    at: str,
    content_type: str,
    content: bytes,
    *,
    message_id: str = "",
    wanted: str = "",
) -> bytes:
    """A content in its wrapper; ``wanted`` are the notifications that are asked for (RFC 5438)."""
    # RFC 3862 section 5: no blank stands between a quoted name and the address
    name = quote(sender.display) if sender.display else ""
    about = [f"From: {name}<{sender.uri}>", f"To: <{to}>", f"DateTime: {at}"]
    if message_id:
        about += [f"NS: imdn <{IMDN}>", f"imdn.Message-ID: {message_id}"]
        about += [f"imdn.Disposition-Notification: {wanted}"] if wanted else []
    mime = [f"Content-Type: {content_type}", f"Content-Length: {len(content)}"]
    return "\r\n".join([*about, "", *mime, "", ""]).encode("utf-8", "replace") + content


def _headers(head: bytes) -> dict[str, list[str]]:
    """Names in lower case; RFC 3862 compares them with case, clients do not."""
    lines = head.decode("utf-8", "replace").split("\n")
    if len(lines) > MAX_LINES:
        raise MalformedSip(f"a CPIM message with more than {MAX_LINES} headers")
    found: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.strip("\r").partition(":")
        if line and not colon:
            raise MalformedSip("a line in a CPIM message that is no header")
        found.setdefault(name.strip().lower(), []).append(value.strip())
    return found


def _namespaces(about: dict[str, list[str]]) -> list[tuple[str, str]]:
    """``NS: imdn <urn:ietf:params:imdn>`` (RFC 3862)."""
    pairs = []
    for value in about.get("ns", []):
        prefix, _, uri = value.partition("<")
        pairs.append((prefix.strip(), uri.rstrip("> ")))
    return pairs
