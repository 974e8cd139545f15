"""Child elements that only a server or a room may add: they are taken out of what clients send."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from .syntax import xml
from .syntax.stanza import Stanza

OLD_DELAY = "{jabber:x:delay}x"
DELAY = f"{{{xml.DELAY}}}delay"

STANZA_ID = f"{{{xml.STANZA_ID}}}stanza-id"
COPIES = frozenset({f"{{{xml.CARBONS}}}sent", f"{{{xml.CARBONS}}}received"})
"""What a person's own server alone may send them."""
JUDGED = COPIES | {STANZA_ID, DELAY, OLD_DELAY}
"""What other domains may add only in their own name."""

MESSAGE_TAGS = frozenset(
    {
        f"{{{xml.STANZA_ID}}}stanza-id",
        f"{{{xml.OCCUPANT_ID}}}occupant-id",
        f"{{{xml.MUC_USER}}}x",
        f"{{{xml.CARBONS}}}sent",
        f"{{{xml.CARBONS}}}received",
        f"{{{xml.MAM}}}result",
        f"{{{xml.PUBSUB_EVENT}}}event",
        "{urn:xmpp:message-moderate:0}moderated",
        "{urn:xmpp:message-moderate:1}moderated",
        DELAY,
        OLD_DELAY,
    }
)
"""What a message from a client may not carry, however often (the CVE-2017-5589 family)."""

PRESENCE_TAGS = frozenset(
    {
        f"{{{xml.OCCUPANT_ID}}}occupant-id",
        f"{{{xml.STANZA_ID}}}stanza-id",
        f"{{{xml.MUC_USER}}}x",
        f"{{{xml.MUC}}}x",
        "{urn:xmpp:hats:0}hats",
        DELAY,
        OLD_DELAY,
    }
)
"""The same for presence; the wish to join a room is read before and not passed on."""


def without(stanza: Stanza, tags: frozenset[str], *, keep: frozenset[str] = frozenset()) -> bytes:
    """The stanza's children without those tags; its own bytes as long as there is nothing to take out."""
    taken = tags - keep if keep else tags
    if taken.isdisjoint(stanza.kids):
        return stanza.inner
    return b"".join(xml.serialise(kid) for kid in stanza.tree if kid.tag not in taken)


def from_abroad(stanza: Stanza, domain: str) -> bytes:
    """The children of a stanza from another domain: rooms and servers there may say more than clients may, but nothing
    in the name of another domain than their own."""
    if JUDGED.isdisjoint(stanza.kids):
        return stanza.inner
    return b"".join(xml.serialise(kid) for kid in stanza.tree if _is_theirs(kid, domain))


def _is_theirs(kid: Element, domain: str) -> bool:
    if kid.tag not in JUDGED:
        return True
    by = kid.get("by" if kid.tag == STANZA_ID else "from", "").lower()
    return kid.tag not in COPIES and by.partition("/")[0].rpartition("@")[2] == domain


def honest_delay(stanza: Stanza, bare: str) -> bool:
    """Whether every delay in it says of itself that the sender put it there (XEP-0203 section 2), so that it deceives
    nobody."""
    if OLD_DELAY in stanza.kids:
        return False
    return all(_origin(kid).partition("/")[0] == bare for kid in stanza.tree.findall(DELAY))


def _origin(delay: Element) -> str:
    return delay.get("from", "").lower()
