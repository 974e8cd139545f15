"""The two ways in which a stream carries SASL: RFC 6120 section 6, and XEP-0388, which can do more at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..syntax import xml
from . import sasl
from .negotiation import LANG


class Profile(Protocol):
    """The words of one of them."""

    challenged: str
    """What happens when the client is asked something, in the words of the table of states."""

    def challenge(self, content: bytes) -> bytes:
        """Ask the client something."""

    def failure(self, condition: str, text: str = "") -> bytes:
        """The attempt has failed."""


class Sasl:
    """RFC 6120: what follows a success is a stream that begins again."""

    challenged = "challenge"

    def challenge(self, content: bytes) -> bytes:
        """RFC 6120 section 6.4.3."""
        return xml.element("challenge", {"xmlns": xml.SASL}, sasl.encoded(content))

    def success(self, content: bytes) -> bytes:
        """RFC 6120 section 6.4.6."""
        return xml.element("success", {"xmlns": xml.SASL}, sasl.encoded(content))

    def failure(self, condition: str, text: str = "") -> bytes:
        """RFC 6120 section 6.4.5."""
        inner = xml.element(condition)
        if text:
            inner += xml.element("text", {"xml:lang": LANG}, xml.text(text))
        return xml.element("failure", {"xmlns": xml.SASL}, inner)


class Sasl2:
    """XEP-0388: the stream goes on, with what was wished for together with the sign-in."""

    challenged = "inline challenge"

    def challenge(self, content: bytes) -> bytes:
        """Section 2.5."""
        return xml.element("challenge", {"xmlns": xml.SASL2}, sasl.encoded(content))

    def success(self, content: bytes, address: str, told: Iterable[bytes]) -> bytes:
        """Section 2.6.1: whom the client is now, and what came of each wish."""
        parts = [xml.element("additional-data", None, sasl.encoded(content))] if content else []
        parts.append(xml.element("authorization-identifier", None, xml.text(address)))
        return xml.element("success", {"xmlns": xml.SASL2}, b"".join([*parts, *told]))

    def failure(self, condition: str, text: str = "") -> bytes:
        """Section 2.6.2."""
        inner = xml.element(condition, {"xmlns": xml.SASL})
        if text:
            inner += xml.element("text", None, xml.text(text))
        return xml.element("failure", {"xmlns": xml.SASL2}, inner)


SASL, SASL2 = Sasl(), Sasl2()
