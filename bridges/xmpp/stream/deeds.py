"""What a stream asks of whoever carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ....core.identity import Identity
from ..syntax.stanza import Stanza
from .sasl import Question
from .wishes import Wishes


class StartTls(NamedTuple):
    """Send what is to be sent, begin the TLS handshake, then call ``secured``."""


class Ask(NamedTuple):
    """Find this out about the account, then call ``answer`` or ``deny``."""

    question: Question


@dataclass(frozen=True, slots=True)
class Register:
    """Make an account for who has none, then call ``answered``."""

    id: str | None
    domain: str
    username: str
    password: str = field(repr=False)


class Failed(NamedTuple):
    """A sign-in failed: it counts against the address, and against the person if there was one."""

    who: Identity | None


class Authenticated(NamedTuple):
    """The client proved who they are."""

    who: Identity


class Bind(NamedTuple):
    """Bind a resource, this one unless it is empty, then call ``bound`` or ``refuse``."""

    who: Identity
    resource: str


class Enter(NamedTuple):
    """Do what was wished for with the sign-in, then call ``entered``.  ``token`` is the number of the one shown."""

    who: Identity
    wishes: Wishes
    token: str = ""


class Resume(NamedTuple):
    """Go on with the session of this id, whose client has handled so many stanzas; then call ``bound`` or ``refuse``
    as for a resource."""

    who: Identity
    id: str
    handled: str


SIGNED_OUT = "signed out"
"""The reason of a stream that its client closed."""


class Ended(NamedTuple):
    """The stream is over: send what is to be sent and close the connection.  ``text`` was said with an error."""

    reason: str
    text: str = ""


Deed = StartTls | Ask | Register | Failed | Authenticated | Enter | Bind | Resume | Ended | Stanza
"""A stanza is to be given to the router."""
