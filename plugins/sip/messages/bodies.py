"""What a MESSAGE carries: text, a typing notice, or a notification, out of whatever they are packed in.  Pure."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from ....core.errors import HereaboutsError
from .. import multipart
from ..syntax.grammar import MalformedSip
from ..syntax.headers import Term
from ..xml import clean
from . import composing, cpim, imdn
from .composing import Composing
from .imdn import Notification

ACCEPTED = ("text/plain", composing.CONTENT_TYPE, imdn.CONTENT_TYPE, cpim.CONTENT_TYPE)
"""Media types we take, as Accept names them."""
ENCODINGS = ("identity", "deflate")
"""Content codings we take; COMPAT: liblinphone compresses its notifications without asking."""
MAX_INFLATED = 128 * 1024
"""Bytes a compressed body may have when it is unpacked."""
CHARSETS = {"utf-8": "utf-8", "us-ascii": "utf-8", "iso-8859-1": "iso-8859-1", "iso-8859-15": "iso-8859-15"}


class UnknownBody(HereaboutsError):
    """A media type, a charset or a coding we do not take: 415, with what we do take."""


class Text(NamedTuple):
    """Words for the other person.  ``message_id`` is the sender's own id for them, if a wrapper had one."""

    words: str
    message_id: str = ""


class Notifications(NamedTuple):
    """Several at once.  COMPAT: liblinphone collects those that it sends to a conference."""

    all: tuple[Notification, ...]


Content = Text | Composing | Notifications


def read(content_type: Term | None, coding: str, body: bytes) -> Content:
    """Unpack a body.  Raises UnknownBody, MalformedSip, MalformedXml."""
    content = inflated(coding, body)
    message_id = ""
    kind = content_type or Term("text/plain")
    if kind.value == cpim.CONTENT_TYPE:
        wrapped = cpim.unwrap(content)
        kind, content, message_id = wrapped.content_type, wrapped.content, wrapped.message_id
    if kind.value == composing.CONTENT_TYPE:
        return composing.read(content)
    if kind.value == imdn.CONTENT_TYPE:
        return Notifications((imdn.read(content),))
    if kind.value == multipart.CONTENT_TYPE and kind is not content_type:
        return _several(kind, content)
    if kind.value != "text/plain":
        raise UnknownBody(f"{kind.value} is not taken here")
    return Text(clean(_decoded(kind.params.get("charset") or "utf-8", content)), message_id)


def _several(kind: Term, content: bytes) -> Notifications:
    found = []
    for part, body in multipart.parts(kind, content):
        if part.value != imdn.CONTENT_TYPE:
            raise UnknownBody(f"{part.value} among others is not taken here")
        found.append(imdn.read(body))
    return Notifications(tuple(found))


def inflated(coding: str, body: bytes) -> bytes:
    """Undo a Content-Encoding, as far as MAX_INFLATED.  Raises UnknownBody, MalformedSip."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding != "deflate":
        raise UnknownBody(f"the content coding {coding[:20]} is not taken here")
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(body, MAX_INFLATED)
    except zlib.error:
        raise MalformedSip("a deflated body that does not inflate") from None
    if not unpacking.eof:
        raise MalformedSip(f"a deflated body that is cut short, or longer than {MAX_INFLATED} bytes")
    return content


def _decoded(charset: str, content: bytes) -> str:
    codec = CHARSETS.get(charset.lower())
    if codec is None:
        raise UnknownBody(f"the charset {charset[:20]} is not taken here")
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        raise MalformedSip("the text is not in the charset it says") from None
