"""A message's text, and its stanza as other XMPP people get it: bytes in, bytes out, and no tree for plain messages."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

from ....core.message import Message, Native
from ..errors import bad_request
from ..syntax import xml
from ..syntax.stanza import Stanza

PROTOCOL = "xmpp"
"""Native payloads under this name are stanzas: see ``packed``."""
PRIVATE_PROTOCOL = "xmpp-room"
"""The same for private messages between occupants of a room: the room's address, a line feed, then the stanza."""

BODY = f"{{{xml.CLIENT}}}body"
SUBJECT = f"{{{xml.CLIENT}}}subject"
THREAD = f"{{{xml.CLIENT}}}thread"
ORIGIN_ID = f"{{{xml.STANZA_ID}}}origin-id"

MAX_THREAD = 256
"""Bytes of a thread's name that are remembered."""

_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(amp|lt|gt|quot|apos));")
_ID = re.compile(rb" id='([^']*)'")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_TYPES = {"chat": b"c", "normal": b"n", "": b"n", "groupchat": b"g", "headline": b"h"}
_TYPE_NAMES = {b"c": b"chat", b"n": b"normal", b"g": b"groupchat", b"h": b"headline"}


def text_of(stanza: Stanza) -> str | None:
    """The body's text; None where there is no body.  Raises StanzaError where the body is no text."""
    if BODY not in stanza.kids:
        return None
    raw = stanza.raw
    # The one "<body" of the stanza is the child that the framer saw, or the slow way decides.
    if raw.count(b"<body") == 1 and b":body" not in raw:
        start = raw.find(b"<body>")
        if start >= 0:
            end = raw.index(b"<", start + 6)
            if raw.startswith(b"</body", end):
                return unescaped(raw[start + 6 : end].decode())
    body = stanza.tree.find(BODY)
    assert body is not None
    if len(body):
        raise bad_request("a body has no child elements")
    return body.text or ""


def unescaped(text: str) -> str:
    """Character data as text: line ends as XML 1.0 section 2.11 wants them, references resolved."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _REFERENCE.sub(_resolved, text) if "&" in text else text


def _resolved(found: re.Match[str]) -> str:
    if found[3]:
        return _NAMED[found[3]]
    return chr(int(found[1], 16) if found[1] else int(found[2]))


def thread_of(stanza: Stanza) -> str:
    """The name of the thread the message belongs to, if it says."""
    if THREAD not in stanza.kids:
        return ""
    return (stanza.tree.findtext(THREAD) or "").strip()[:MAX_THREAD]


def origin_of(stanza: Stanza) -> str:
    """The sender's unique id for the message (XEP-0359 section 3.2), if it has one."""
    found = stanza.child(ORIGIN_ID)
    return found.get("id", "")[:MAX_THREAD] if found is not None else ""


# ---- what travels with a message from one XMPP person to another


def packed(stanza: Stanza, inner: bytes) -> bytes:
    """A stanza without its addresses: one letter for the type, what is left of the start tag, the children."""
    head = _TYPES.get(stanza.attrs.get("type", ""), b"n")
    for key in ("id", "xml:lang"):
        value = stanza.attrs.get(key)
        if value is not None:
            head += f" {key}='{xml.attr(value)}'".encode()
    return b"".join((head, b">", inner))


def native(stanza: Stanza, inner: bytes) -> Native:
    """The message in XMPP's own words."""
    return Native(PROTOCOL, packed(stanza, inner))


def packed_message(message: Message, thread: str = "") -> bytes:
    """The same for a message of any origin: what an XMPP person sent as it was, the text alone for all others."""
    if message.native is not None:
        if message.native.protocol == PROTOCOL:
            return message.native.payload
        if message.native.protocol == PRIVATE_PROTOCOL:
            return message.native.payload.partition(b"\n")[2]
    shown = plain(message)
    head = f"c id='{xml.attr(message.origin or message.id)}'><body>{xml.text(shown)}</body>"
    if thread:
        head += f"<thread>{xml.text(thread)}</thread>"
    return head.encode()


def type_of(packed: bytes) -> bytes:
    """The type of a packed message."""
    return _TYPE_NAMES[packed[:1]]


def id_of(packed: bytes) -> str:
    """The id of a packed message, or nothing."""
    found = _ID.search(packed, 0, packed.index(b">"))
    return unescaped(found[1].decode()) if found is not None else ""


def stanza(sender: bytes, to: bytes, payload: bytes, more: bytes = b"", *, type: bytes = b"") -> bytes:
    """A packed message with addresses; ``more`` are the server's own children."""
    head, tail = halves(sender, payload, more, type=type)
    return b"".join((head, to, tail))


def halves(sender: bytes, payload: bytes, more: bytes = b"", *, type: bytes = b"") -> tuple[bytes, bytes]:
    """The same, open at the one place where copies differ: what comes before ``to`` and what comes after."""
    kind = type or _TYPE_NAMES[payload[:1]]
    return (
        b"".join((b"<message from='", sender, b"' to='")),
        b"".join((b"' type='", kind, b"'", payload[1:], more, b"</message>")),
    )


def stanza_id(by: bytes, id: str) -> bytes:
    """The server's id for a message (XEP-0359 section 3.1)."""
    return b"<stanza-id xmlns='urn:xmpp:sid:0' by='%b' id='%b'/>" % (by, id.encode())


def delay(at: datetime, by: str) -> bytes:
    """When it was really said (XEP-0203)."""
    return f"<delay xmlns='{xml.DELAY}' from='{xml.attr(by)}' stamp='{stamp(at)}'/>".encode()


def stamp(at: datetime) -> str:
    """A moment as XEP-0082 section 3.2 spells it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def moment(stamp: str) -> datetime | None:
    """The moment a stamp names; None if it names none."""
    try:
        at = datetime.fromisoformat(stamp.strip())
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


# ---- text from worlds that write HTML


def plain(message: Message) -> str:
    """The message as text alone."""
    if not message.content_type.lower().startswith("text/html"):
        return message.text
    reader = _TextOfHtml()
    reader.feed(message.text)
    reader.close()
    return "".join(reader.parts).strip()


class _TextOfHtml(HTMLParser):
    """Collects the text of a page; line breaks for what begins a line, nothing for scripts and styles."""

    _LINES = frozenset({"br", "p", "div", "li", "tr"})
    _UNSEEN = frozenset({"script", "style"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in self._UNSEEN:
            self._unseen += 1
        elif tag in self._LINES and self.parts:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._UNSEEN and self._unseen:
            self._unseen -= 1

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)
