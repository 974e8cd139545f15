"""Bodies of several parts: multipart/mixed (RFC 2046 section 5.1), as far as SIP clients use it.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

from .syntax.grammar import MalformedSip
from .syntax.headers import Term, media_type

CONTENT_TYPE = "multipart/mixed"
MAX_PARTS = 64
"""Parts of one multipart body."""


def parts(kind: Term, content: bytes) -> Iterator[tuple[Term, bytes]]:
    """Type and content of each part.  Raises MalformedSip for a body that does not end, or has too many parts."""
    boundary = kind.params.get("boundary") or ""
    if not boundary:
        raise MalformedSip("a multipart body without a boundary")
    pieces = (b"\r\n" + content).split(b"\r\n--" + boundary.encode("utf-8", "surrogateescape"))[1:]
    if not pieces or len(pieces) > MAX_PARTS + 1 or not pieces[-1].startswith(b"--"):
        raise MalformedSip(f"a multipart body that does not end, or has more than {MAX_PARTS} parts")
    for piece in pieces[:-1]:
        head, _, body = piece.partition(b"\r\n\r\n")
        lines = [line.partition(":") for line in head.decode("utf-8", "replace").splitlines()]
        said = next((value for name, _, value in lines if name.strip().lower() == "content-type"), "text/plain")
        yield media_type(said.strip()), body
