"""One dialog that passes through us: its two sides, and what is remembered of each (RFC 3261 sections 12 and 16.12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ....core.call import Party
from ..syntax.grammar import MalformedSip
from ..syntax.headers import NameAddr
from ..syntax.message import Request, Response
from ..transport.flow import Flow
from .chronicle import Chronicle
from .tokens import Crossing, End

Key = tuple[str, str, str]
"""Call-ID, the caller's tag, the callee's."""
MAX_REFERRALS = 20
"""Places that one side of a session may be sent to."""


@dataclass(slots=True, eq=False)
class Side:
    """``address`` is how it stands in From or To, tag included; ``routes`` the way to it behind its flow;
    ``heard`` the greatest CSeq it has used."""

    end: End
    party: Party
    flow: Flow
    address: NameAddr
    target: str
    routes: tuple[str, ...] = ()
    heard: int = 0
    holds: bool = False

    def speaks(self, request: Request) -> None:
        """A request of its passes."""
        if request.method not in ("ACK", "CANCEL"):
            self.heard = max(self.heard, request.cseq.number)


@dataclass(slots=True, eq=False)
class Session:
    """``confirmed`` once a 2xx went to the caller, ``acknowledged`` once the ACK came back; ``token`` is in our Route.

    ``referrals``: the addresses to which one side asked the other to go instead.
    ``successor``: whose INVITE is to take the place of this session (Replaces), and is not answered yet.
    """

    call_id: str
    caller: Side
    callee: Side
    chronicle: Chronicle
    token: str
    confirmed: bool = False
    acknowledged: bool = False
    over: bool = False
    referrals: list[str] = field(default_factory=list)
    successor: Party | None = None

    @property
    def key(self) -> Key:
        """By which it is found."""
        return self.call_id, self.caller.address.tag, self.callee.address.tag

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.caller, self.callee

    def succeeded(self) -> None:
        """Its successor was answered, or one side has left already because of it."""
        if self.successor is not None:
            self.chronicle.transferred(self.successor)
            self.successor = None

    def other(self, side: Side) -> Side:
        """Whom this one talks to."""
        return self.callee if side is self.caller else self.caller

    def crossing(self, request: Request) -> Crossing:
        """Which way a request of this dialog goes."""
        if request.from_.tag == self.caller.address.tag:
            return Crossing(self.caller.end, self.callee.end, True)
        return Crossing(self.callee.end, self.caller.end, False)


class Sessions:
    """Those that are early or running, by their dialogs."""

    def __init__(self) -> None:
        self._open: dict[Key, Session] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._open.values()))

    def add(self, session: Session) -> None:
        """One more."""
        self._open[session.key] = session

    def remove(self, session: Session) -> None:
        """One less."""
        if self._open.get(session.key) is session:
            del self._open[session.key]

    def get(self, key: Key) -> Session | None:
        """The one of a dialog."""
        return self._open.get(key)

    def of(self, request: Request) -> Session | None:
        """The one in which a request was sent, by whichever side."""
        one, other = request.from_.tag, request.to.tag
        return self._open.get((request.call_id, one, other)) or self._open.get((request.call_id, other, one))

    def on(self, flow: Flow) -> list[Session]:
        """Those with a side behind this flow."""
        return [session for session in self if any(side.flow is flow for side in session.sides)]

    def replaced_by(self, request: Request) -> Session | None:
        """The one whose place an INVITE with Replaces shall take (RFC 3891 section 3)."""
        parts = (request.first("Replaces") or "").split(";")
        tags = {name.strip(): value for name, _, value in (part.partition("=") for part in parts[1:])}
        one, other = tags.get("from-tag", ""), tags.get("to-tag", "")
        call_id = parts[0].strip()
        return self._open.get((call_id, one, other)) or self._open.get((call_id, other, one))


def contact_of(message: Request | Response, default: str) -> str:
    """Where the sender of this wants to be reached in the dialog."""
    try:
        contacts = message.contacts
    except MalformedSip:
        return default
    return str(contacts[0].uri) if isinstance(contacts, list) and contacts else default
