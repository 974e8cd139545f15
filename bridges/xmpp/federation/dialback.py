"""Server dialback: keys that only their maker can check, and the elements that carry them (XEP-0220).  Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

from ....core.errors import BadAddress
from ..syntax import jid, xml
from ..syntax.stanza import Stanza

FEATURE = xml.element("dialback", {"xmlns": xml.DIALBACK_FEATURE}, xml.element("errors"))
"""Section 2.4.2."""


class Pair(NamedTuple):
    """One of our domains, and one of theirs; each pair is proven for itself (XEP-0220 section 2.6)."""

    ours: str
    theirs: str


class Keys:
    """The secret is made with each start and never leaves; a key is good for one pair on one stream (XEP-0185)."""

    def __init__(self, secret: str | None = None) -> None:
        self._secret = hashlib.sha256((secret or secrets.token_hex(32)).encode()).hexdigest().encode()

    def key(self, receiving: str, originating: str, stream: str) -> str:
        """The key with which ``originating`` shows ``receiving`` who it is, on the stream of this id."""
        text = f"{receiving} {originating} {stream}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    def fits(self, key: str, receiving: str, originating: str, stream: str) -> bool:
        """Whether the key is that one; takes the same time however much of it is right."""
        return hmac.compare_digest(key.encode(), self.key(receiving, originating, stream).encode())


def result(pair: Pair, key: str) -> bytes:
    """We ask to be believed (section 2.1.1)."""
    return xml.element("db:result", {"from": pair.ours, "to": pair.theirs}, xml.text(key))


def verify(pair: Pair, key: str, stream: str) -> bytes:
    """We ask whether they made this key, for a stream to us (section 2.1.2)."""
    return xml.element("db:verify", {"from": pair.ours, "to": pair.theirs, "id": stream}, xml.text(key))


def answer(name: str, pair: Pair, *, good: bool, stream: str | None = None) -> bytes:
    """The answer to ``result`` or ``verify`` (sections 2.2.1 and 2.2.2)."""
    kind = "valid" if good else "invalid"
    return xml.element(f"db:{name}", {"from": pair.ours, "to": pair.theirs, "id": stream, "type": kind})


def error(name: str, asked: Stanza, condition: str, *, type: str = "cancel") -> bytes:
    """The question could not be looked into (section 2.5)."""
    attrs = {"from": asked.attrs.get("to"), "to": asked.attrs.get("from"), "id": asked.attrs.get("id"), "type": "error"}
    why = xml.element("error", {"type": type}, xml.element(condition, {"xmlns": xml.STANZA_ERRORS}))
    return xml.element(f"db:{name}", attrs, why)


def condition_in(element: Stanza) -> str:
    """The condition that an answer of type error gives, or nothing."""
    for found in element.tree.iter():
        namespace, name = xml.split(found.tag)
        if namespace == xml.STANZA_ERRORS:
            return name
    return ""


def pair_of(element: Stanza) -> Pair | None:
    """Between whom an element of theirs is: its ``to`` is ours.  None where it names no two domains."""
    ours, theirs = (domain_of(element.attrs.get(name, "")) for name in ("to", "from"))
    return Pair(ours, theirs) if ours and theirs else None


def domain_of(text: str) -> str:
    """A domain in its prepared spelling; nothing when it is none."""
    try:
        address = jid.parse(text)
    except BadAddress:
        return ""
    return address.domain if address == ("", address.domain, "") else ""
