"""What streams of other servers ask of the federation, and who may open one."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from ..stream.stream_error import StreamError
from ..syntax import xml
from ..syntax.framer import Header
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from .dialback import Keys, Pair, domain_of
from .neighbour import Neighbour
from .trust import Trust


class Reception(Protocol):
    """The federation, as its streams see it."""

    keys: Keys
    trust: Trust

    def ours(self, domain: str) -> bool:
        """Whether a domain is one of ours, or of our conferences."""

    def neighbour_of(self, domain: str) -> Neighbour | None:
        """Whom a domain belongs to; None where we do not speak with it."""

    def asks(self, pair: Pair, stream: str) -> bool:
        """Whether we are asking this pair's other side to believe us, on the stream of this id."""

    async def called_back(self, pair: Pair, key: str, stream: str) -> bool:
        """What the domain's own server says of the key.  Raises Unreached."""

    def enters(self, pair: Pair, neighbour: Neighbour) -> None:
        """A pair is proven.  Raises StreamError where there are too many connections already."""

    def leaves(self, pair: Pair) -> None:
        """That connection is over."""

    def arrived(self, stanza: Stanza, pair: Pair, sender: Jid, neighbour: Neighbour) -> Awaitable[None] | None:
        """A stanza of a proven pair."""

    def malformed(self, stanza: Stanza, pair: Pair) -> None:
        """A stanza of a proven domain whose address is none."""


def between(header: Header, reception: Reception) -> Pair:
    """Between whom a stream is to be; ``theirs`` is empty where they do not say.  Raises StreamError."""
    if (header.ns, header.name) != (xml.STREAMS, "stream"):
        raise StreamError("invalid-namespace", f"a stream begins with <stream/> of {xml.STREAMS}")
    if header.namespaces.get("", xml.STREAMS) not in (xml.SERVER, xml.STREAMS):
        raise StreamError("invalid-namespace", f"servers speak {xml.SERVER}")
    major = header.attrs.get("version", "").partition(".")[0]
    if not major.isascii() or not major.isdecimal() or int(major[-4:]) < 1:
        raise StreamError("unsupported-version", "this is XMPP 1.0, over TLS")
    ours = domain_of(header.attrs.get("to", ""))
    if not ours or not reception.ours(ours):
        raise StreamError("host-unknown")
    if "from" not in header.attrs:
        return Pair(ours, "")
    theirs = domain_of(header.attrs["from"])
    if not theirs:
        raise StreamError("improper-addressing")
    if reception.neighbour_of(theirs) is None:
        raise StreamError("policy-violation", f"this server does not speak with {theirs}")
    return Pair(ours, theirs)
