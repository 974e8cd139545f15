"""XML as XMPP writes it: namespaces, escaped text, elements as bytes, trees with default namespaces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

if TYPE_CHECKING:
    from .stanza import Stanza

SERVER = "jabber:server"
DIALBACK = "jabber:server:dialback"
DIALBACK_FEATURE = "urn:xmpp:features:dialback"
XML = "http://www.w3.org/XML/1998/namespace"
STREAMS = "http://etherx.jabber.org/streams"
CLIENT = "jabber:client"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL2 = "urn:xmpp:sasl:2"
BIND2 = "urn:xmpp:bind:0"
FAST = "urn:xmpp:fast:0"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
SESSION = "urn:ietf:params:xml:ns:xmpp-session"
ROSTER = "jabber:iq:roster"
ROSTER_VERSIONS = "urn:xmpp:features:rosterver"
PRE_APPROVAL = "urn:xmpp:features:pre-approval"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
CAPS = "http://jabber.org/protocol/caps"
PING = "urn:xmpp:ping"
VERSION = "jabber:iq:version"
TIME = "urn:xmpp:time"
LAST = "jabber:iq:last"
REGISTER = "jabber:iq:register"
REGISTER_FEATURE = "http://jabber.org/features/iq-register"
PRIVATE = "jabber:iq:private"
VCARD = "vcard-temp"
VCARD_UPDATE = "vcard-temp:x:update"
NICK = "http://jabber.org/protocol/nick"
BLOCKING = "urn:xmpp:blocking"
BLOCKING_ERRORS = "urn:xmpp:blocking:errors"
CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"
HINTS = "urn:xmpp:hints"
CHAT_STATES = "http://jabber.org/protocol/chatstates"
RECEIPTS = "urn:xmpp:receipts"
MARKERS = "urn:xmpp:chat-markers:0"
DELAY = "urn:xmpp:delay"
STANZA_ID = "urn:xmpp:sid:0"
OCCUPANT_ID = "urn:xmpp:occupant-id:0"
MUC = "http://jabber.org/protocol/muc"
MUC_USER = "http://jabber.org/protocol/muc#user"
MUC_ADMIN = "http://jabber.org/protocol/muc#admin"
MUC_OWNER = "http://jabber.org/protocol/muc#owner"
INVITE = "jabber:x:conference"
PUBSUB = "http://jabber.org/protocol/pubsub"
PUBSUB_OWNER = "http://jabber.org/protocol/pubsub#owner"
PUBSUB_EVENT = "http://jabber.org/protocol/pubsub#event"
BOOKMARKS = "urn:xmpp:bookmarks:1"
DATA_FORM = "jabber:x:data"
COMMANDS = "http://jabber.org/protocol/commands"
MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"
STREAM_MANAGEMENT = "urn:xmpp:sm:3"
PUSH = "urn:xmpp:push:0"
CLIENT_STATE = "urn:xmpp:csi:0"
IDLE = "urn:xmpp:idle:1"
LIMITS = "urn:xmpp:stream-limits:0"

_ILLEGAL = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
"""Characters that XML 1.0 section 2.2 has no way to write; other worlds have them, so they become U+FFFD."""
_IN_TEXT = re.compile(f"[&<>\r{_ILLEGAL}]")
_IN_ATTRIBUTE = re.compile(f"[&<>'\t\n\r{_ILLEGAL}]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def text(value: str) -> str:
    """A value as character data."""
    return _IN_TEXT.sub(_escape, value)


def attr(value: str) -> str:
    """A value as it goes between the apostrophes of an attribute."""
    return _IN_ATTRIBUTE.sub(_escape, value)


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0], "\ufffd")


def element(name: str, attrs: Mapping[str, str | None] | None = None, inner: bytes | str = b"") -> bytes:
    """An element around content that is XML already (``text()`` makes it so); attributes that are None are left out."""
    head = name
    if attrs:
        head += "".join([f" {key}='{attr(value)}'" for key, value in attrs.items() if value is not None])
    if not inner:
        return f"<{head}/>".encode()
    if isinstance(inner, str):
        return f"<{head}>{inner}</{name}>".encode()
    return b"".join((b"<", head.encode(), b">", inner, b"</", name.encode(), b">"))


def stanza_error(stanza: Stanza, type: str, condition: str, text: str | None = None, *, inner: bytes = b"") -> bytes:
    """The error answer to a stanza (RFC 6120 section 8.3); ``inner`` is an application-specific condition.

    The stanza's own ``to`` and ``from`` change places.
    """
    return error_to(
        stanza.name,
        {"id": stanza.attrs.get("id"), "from": stanza.attrs.get("to"), "to": stanza.attrs.get("from")},
        type,
        condition,
        text,
        inner=inner,
    )


def error_to(
    name: str,
    attrs: Mapping[str, str | None],
    type: str,
    condition: str,
    text: str | None = None,
    *,
    inner: bytes = b"",
    said: bytes = b"",
) -> bytes:
    """An error stanza with addresses chosen by the caller; ``said`` is what it answers (RFC 6120 section 8.3.1)."""
    why = element(condition, {"xmlns": STANZA_ERRORS})
    if text:
        why += element("text", {"xmlns": STANZA_ERRORS, "xml:lang": "en"}, _IN_TEXT.sub(_escape, text))
    return element(name, {**attrs, "type": "error"}, said + element("error", {"type": type}, why + inner))


def iq_result(stanza: Stanza, inner: bytes | str = b"") -> bytes:
    """The result of an IQ get or set (RFC 6120 section 8.2.3)."""
    attrs = {
        "type": "result",
        "id": stanza.attrs.get("id"),
        "from": stanza.attrs.get("to"),
        "to": stanza.attrs.get("from"),
    }
    return element("iq", attrs, inner)


def serialise(tree: Element, default: str = CLIENT) -> bytes:
    """A tree as bytes that fit where ``default`` is the default namespace; elements never carry a prefix."""
    parts: list[str] = []
    _write(tree, default, parts)
    return "".join(parts).encode()


def _write(tree: Element, default: str, parts: list[str]) -> None:
    namespace, name = split(tree.tag)
    parts.append(f"<{name}")
    if namespace != default:
        parts.append(f" xmlns='{attr(namespace)}'")
    for number, (key, value) in enumerate(tree.items()):
        of, local = split(key)
        if of == XML:
            local = f"xml:{local}"
        elif of:
            parts.append(f" xmlns:a{number}='{attr(of)}'")
            local = f"a{number}:{local}"
        parts.append(f" {local}='{attr(value)}'")
    if tree.text or len(tree):
        parts.append(f">{text(tree.text or '')}")
        for kid in tree:
            _write(kid, namespace, parts)
            parts.append(text(kid.tail or ""))
        parts.append(f"</{name}>")
    else:
        parts.append("/>")


def split(tag: str) -> tuple[str, str]:
    """``{namespace}name`` in its two parts."""
    if tag[:1] == "{":
        namespace, _, name = tag[1:].partition("}")
        return namespace, name
    return "", tag
