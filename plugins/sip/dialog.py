"""A dialog: what two ends of a SIP relationship remember of each other (RFC 3261 section 12).  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .errors import Refusal
from .syntax.headers import NameAddr
from .syntax.message import Request, Response

MAX_FORWARDS = 70
MAX_ROUTES = 20
"""Record-Route entries of a request that makes a dialog."""
UNCOUNTED = ("ACK", "CANCEL")
"""Requests that have the number of the INVITE they belong to."""


@dataclass(slots=True)
class Dialog:
    """``heard`` and ``sent`` are the last CSeq numbers of either side, ``invited`` that of our last INVITE."""

    call_id: str
    local: NameAddr
    remote: NameAddr
    target: str
    routes: Sequence[str]
    contact: NameAddr
    heard: int = 0
    sent: int = 0
    invited: int = 0
    _lines: Sequence[tuple[str, str, str]] = ()
    """What stands in every request of ours, made once."""

    @classmethod
    def answered(cls, request: Request, response: Response, contact: NameAddr) -> Dialog:
        """What our 2xx to a request makes.  Raises Refusal 400 without exactly one Contact."""
        return cls(
            request.call_id,
            response.to,
            request.from_,
            target_of(request),
            _routes(request),
            contact,
            heard=request.cseq.number,
        )

    @classmethod
    def asked(cls, request: Request, response: Response) -> Dialog:
        """What somebody's 2xx to our request makes.  Raises Refusal 400 for a response without Contact."""
        contacts = request.contacts
        assert isinstance(contacts, list), "our request names where we are"
        number = request.cseq.number
        return cls(
            request.call_id,
            request.from_,
            response.to,
            target_of(response),
            tuple(reversed(_routes(response))),
            contacts[0],
            sent=number,
            invited=number if request.method == "INVITE" else 0,
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """Call-ID, our tag, their tag."""
        return self.call_id, self.local.tag, self.remote.tag

    def hears(self, request: Request) -> None:
        """A request inside the dialog.  Raises Refusal 500 for one that comes late (RFC 3261 section 12.2.2)."""
        if request.method in UNCOUNTED:
            return
        if request.cseq.number <= self.heard:
            raise Refusal(500, "CSeq is lower than the last one")
        self.heard = request.cseq.number
        if request.contacts:
            self.target = target_of(request)

    def request(self, method: str, headers: Sequence[tuple[str, object]] = (), body: bytes = b"") -> Request:
        """The next request of ours; an ACK has the number of our last INVITE."""
        if method not in UNCOUNTED:
            self.sent += 1
        if method == "INVITE":
            self.invited = self.sent
        number = self.invited if method in UNCOUNTED else self.sent
        if not self._lines:
            self._lines = self._made_once()
        request = Request.prepared(method, self.target, self._lines)
        request.add("CSeq", f"{number} {method}")
        for name, value in headers:
            request.add(name, value)
        request.body = body
        return request

    def _made_once(self) -> Sequence[tuple[str, str, str]]:
        head: list[tuple[str, object]] = [
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("Max-Forwards", MAX_FORWARDS),
            ("Contact", self.contact),
            *(("Route", route) for route in self.routes),
        ]
        return Request("NOTIFY", self.target, head).lines()


def key_of(request: Request) -> tuple[str, str, str]:
    """The key of the dialog in which somebody sent us this."""
    return request.call_id, request.to.tag, request.from_.tag


def target_of(message: Request | Response) -> str:
    """Where requests of the dialog are addressed to.  Raises Refusal 400."""
    contacts = message.contacts
    if not isinstance(contacts, list) or len(contacts) != 1 or not contacts[0].uri.is_sip:
        raise Refusal(400, "this needs one Contact with a SIP URI")
    return str(contacts[0].uri)


def _routes(message: Request | Response) -> Sequence[str]:
    routes = message.all("Record-Route")
    if len(routes) > MAX_ROUTES:
        raise Refusal(400, f"at most {MAX_ROUTES} Record-Route entries")
    return routes
