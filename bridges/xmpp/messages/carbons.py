"""Message carbons (XEP-0280): what is said to or by a person elsewhere, shown at their other resources."""

from __future__ import annotations

from collections.abc import Iterable

from ..queries import Place, Query
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza

_FORWARDED = f"<forwarded xmlns='{xml.FORWARD}'>".encode()


class Carbons:
    """Each resource asks for them itself (sections 4 and 5)."""

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("set", f"{{{xml.CARBONS}}}enable", Place.ACCOUNT, self.enable, xml.CARBONS)
        yield Query("set", f"{{{xml.CARBONS}}}disable", Place.ACCOUNT, self.disable)

    async def enable(self, resource: Resource, iq: Stanza) -> bytes:
        """From now on; once more makes no difference."""
        resource.session.carbons = True
        return b""

    async def disable(self, resource: Resource, iq: Stanza) -> bytes:
        """No more."""
        resource.session.carbons = False
        return b""


def may_copy(packed: bytes) -> bool:
    """Whether the sender has not asked for the opposite (section 9)."""
    private = b"<private" in packed and xml.CARBONS.encode() in packed
    return not private and not (b"<no-copy" in packed and xml.HINTS.encode() in packed)


def carbon(resource: Resource, direction: str, message: bytes, type: bytes) -> bytes:
    """The copy of a whole message (sections 7 and 8): from the person's own bare JID, or no client believes it."""
    bare, jid = resource.session.bare_bytes, resource.session.jid_bytes
    inside = message.replace(b"<message ", b"<message xmlns='jabber:client' ", 1)
    wrapper = f"<{direction} xmlns='{xml.CARBONS}'>".encode()
    head = b"<message from='%b' to='%b' type='%b'>" % (bare, jid, type)
    return b"".join((head, wrapper, _FORWARDED, inside, b"</forwarded></", direction.encode(), b"></message>"))
