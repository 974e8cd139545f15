"""What is said in a conversation, and how one endpoint comes to know of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from .identity import Endpoint, Identity

if TYPE_CHECKING:
    from .contacts import Contact
    from .conversation import Conversation, Event

MAX_TEXT = 64 * 1024
"""Bytes of text in one message."""
WORDLESS = "application/xmpp+xml"
"""The content type of what has no text and is worth keeping all the same, in its native words alone (RFC 3923)."""


class Native(NamedTuple):
    """The same thing in the words of the protocol it came by, for receivers who speak that protocol too.

    ``protocol`` is "xmpp" or "sip"; ``payload`` is what that protocol's bridge put there.  A filter that changes
    the text must drop it.
    """

    protocol: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Utterance:
    """What an endpoint hands to the IMMCU, before it is accepted.

    ``origin`` is the sender's own id for it: the same (sender, origin) is accepted once, however often it is sent.
    Leave it empty where the protocol's ids are not unique.  ``target`` is the instance the sender addressed, if any.
    ``echo``: the sender's own endpoint is shown it too, in its place among the others, as in a room.
    """

    sender: Endpoint
    text: str
    content_type: str = "text/plain"
    origin: str = ""
    target: str = ""
    client: str = ""
    native: Native | None = None
    echo: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What one participant said.  Immutable: filters return a changed copy.

    ``id`` is the server's own (XEP-0359 stanza-id, our Message-ID); ``seq`` counts a conversation's messages from 1
    without gaps and is 0 until the store has accepted it; ``sent_at`` is UTC.
    """

    id: str
    conversation: str
    sender: Identity
    text: str
    sent_at: datetime
    seq: int = 0
    endpoint: str = ""
    content_type: str = "text/plain"
    origin: str = ""
    target: str = ""
    client: str = ""
    native: Native | None = None

    @property
    def wordless(self) -> bool:
        """Whether it says something only to programs that know its native words: a receipt, a reaction, a retraction.

        It is kept and shown in its place among the others; it counts as nothing said, and people of other worlds are
        not shown it.
        """
        return self.content_type == WORDLESS and not self.text


class Copy(enum.Enum):
    """Why an endpoint is shown a message."""

    ADDRESSED = "addressed"
    """It is for the person at this endpoint."""
    RECEIVED = "received"
    """It was addressed to another endpoint of the same person (XEP-0280 <received/>)."""
    SENT = "sent"
    """The same person said it at another endpoint (XEP-0280 <sent/>)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one endpoint.  ``delayed`` is true when it waited in the journal for the person to sign in."""

    message: Message
    conversation: Conversation
    to: Endpoint
    copy: Copy = Copy.ADDRESSED
    delayed: bool = False


# ---- News: what an endpoint should know now or never.  Not journalled.


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody began or ceased to type (RFC 3994, XEP-0085)."""

    conversation: Conversation
    who: Endpoint
    active: bool
    native: Native | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message was delivered or displayed at its receiver (XEP-0184, RFC 5438).  ``origin`` is the sender's id for
    it.  ``kept``: it is a wordless message as well, for those who understand it."""

    conversation: Conversation
    who: Endpoint
    origin: str
    displayed: bool
    native: Native | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """The server says something to one person: the answer to a command, why something was refused.

    ``about`` is the message that did not arrive, for programs that can show that at the message itself; ``native`` is
    why, in the words of the protocol that failed: the status code of a SIP response.
    """

    text: str
    conversation: Conversation | None = None
    about: Message | None = None
    native: Native | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something changed in a conversation of the person: somebody joined or left, it became a conference, it ended."""

    event: Event
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class ContactChanged:
    """An entry of the person's own contact list is new, different, or gone (``removed``)."""

    contact: Contact
    removed: bool = False


@dataclass(frozen=True, slots=True)
class SubscriptionNews:
    """Another person asks to see, grants, revokes, or stops (``what``: ask, grant, revoke, stop).

    ``native`` is the stanza payload of the asker, if they sent words with it.
    """

    who: Identity
    what: str
    native: Native | None = field(default=None)


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The server ends this sign-in, and says why; the channel closes what there is to close."""

    reason: str


News = SignedOut | Typing | Receipt | Notice | Happened | ContactChanged | SubscriptionNews
