"""Messages without a body that are kept: receipts, markers, reactions, retractions, and what asks for it (XEP-0334)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.archive import Question
from ....core.errors import HereaboutsError
from ....core.message import WORDLESS, Message, Utterance
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza
from . import payload
from .signals import RECEIPTS

if TYPE_CHECKING:
    from ....core.conversation import Conversation
    from ....core.front_end import FrontEnd
    from ....core.identity import Identity
    from ....core.store import Retraction

RETRACTION = "urn:xmpp:message-retract:1"
RETRACT = f"{{{RETRACTION}}}retract"
TOMBSTONES = f"{RETRACTION}#tombstone"
"""The archive shows that a message was taken back, and not what it said (XEP-0424 section 5)."""

KEPT = RECEIPTS | {
    f"{{{xml.HINTS}}}store",
    "{urn:xmpp:reactions:0}reactions",
    RETRACT,
    "{urn:xmpp:message-correct:0}replace",
    "{urn:xmpp:omemo:2}encrypted",
    "{eu.siacs.conversations.axolotl}encrypted",
}
"""Elements that are worth something to somebody who comes later."""
NOT_KEPT = frozenset({f"{{{xml.HINTS}}}no-store", f"{{{xml.HINTS}}}no-permanent-store"})
"""What the sender does not want to be kept (XEP-0334 sections 4.1 and 4.2)."""

MAX_SEARCHED = 100
"""The newest messages of two people among which the one that is taken back is looked for."""


def worth_keeping(stanza: Stanza) -> bool:
    """Whether a message without a body goes to the journal, and so to those who are away, and to the archive."""
    return not KEPT.isdisjoint(stanza.kids) and NOT_KEPT.isdisjoint(stanza.kids)


def utterance(resource: Resource, stanza: Stanza, inner: bytes, *, target: str = "", echo: bool = False) -> Utterance:
    """Such a message as the IMMCU takes it."""
    return Utterance(
        sender=resource.endpoint,
        text="",
        content_type=WORDLESS,
        origin=payload.origin_of(stanza),
        target=target,
        client=resource.session.client,
        native=payload.native(stanza, inner),
        echo=echo,
    )


async def take_back(
    front_end: FrontEnd, stanza: Stanza, conversation: Conversation, by: Identity, other: Identity | None = None
) -> None:
    """Somebody takes back what they said (XEP-0424 section 4): in a room, or in talks with ``other``.

    What is not found, or was said by somebody else, stays as it is: the others' clients decide for themselves.
    """
    wish = stanza.child(RETRACT)
    id = wish.get("id", "") if wish is not None else ""
    if not id:
        return
    if other is None:
        question = Question(by, room=conversation.address, everything=True, ids=(id,), limit=1)
    else:
        question = Question(by, other=other, limit=MAX_SEARCHED, last=True)
    try:
        found = (await front_end.store.archived(question)).messages
        for said in reversed(found):
            if said.sender == by and (other is None or _known_as(said, id)):
                # Clients match what is left of the message with the retraction by the latter's id.
                await front_end.immcu.chair.retract(conversation, said, by, stanza.id[: payload.MAX_THREAD], quiet=True)
                return
    except HereaboutsError:
        return


def tombstone(said: Message, retraction: Retraction) -> bytes:
    """What is left of a packed message that its sender took back (XEP-0424 section 5)."""
    attrs = {"xmlns": RETRACTION, "id": retraction.reason or None, "stamp": payload.stamp(retraction.at)}
    return payload.packed_message(said)[:1] + b">" + xml.element("retracted", attrs)


def _known_as(said: Message, id: str) -> bool:
    """By the id of its stanza, or by its origin-id."""
    if said.origin == id:
        return True
    head = said.native.payload[: payload.MAX_THREAD * 2] if said.native is not None else b""
    start = head.find(b" id='")
    return start >= 0 and head[start:].startswith(f" id='{xml.attr(id)}'".encode()) and b">" not in head[:start]
