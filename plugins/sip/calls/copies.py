"""What a proxy makes of the messages it is given (RFC 3261 sections 16.6, 16.7, 16.10), and the few of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..syntax.headers import Credentials
from ..syntax.message import Request, Response
from .tokens import PARAM

MAX_FORWARDS = 70
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
"""RFC 3326 section 2: so that a phone does not list a missed call."""
OF_THE_NEXT_HOP = ("Authorization", "Proxy-Authorization")
CLAIMS = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID")
"""What servers say to each other of who calls; a phone that says it may claim to be anybody (RFC 3325 section 5)."""


def forwarded(request: Request, *, uri: str = "", realms: Iterable[str] = (), believed: bool = True) -> Request:
    """The request as it goes on: one hop less, and without what it told us to prove itself to these realms.

    What a sender who is not ``believed`` claims of itself besides From goes no further.
    """
    copy = Request(request.method, uri or request.uri, request.headers(), request.body)
    hops = MAX_FORWARDS if request.max_forwards is None else request.max_forwards - 1
    copy.set("Max-Forwards", max(0, hops))
    for name in () if believed else CLAIMS:
        copy.drop(name)
    ours = {realm.lower() for realm in realms}
    for name in OF_THE_NEXT_HOP:
        values = copy.all(name)
        if values:
            copy.drop(name)
            for value in values:
                if (Credentials.parse(value).params.get("realm") or "").lower() not in ours:
                    copy.add(name, value)
    return copy


def returned(response: Response, request: Request) -> Response:
    """The response as it goes back to whoever sent us the request: by the way the request came."""
    headers = [header for header in response.headers() if header[0].lower() not in ("via", "v")]
    return Response(
        response.status,
        response.reason,
        [*(("Via", via) for via in request.all("Via")), *headers],
        response.body,
    )


def cancelling(invite: Request, reasons: Sequence[str] = ()) -> Request:
    """The CANCEL of an INVITE we have sent (RFC 3261 section 9.1): its top Via, its Routes, its numbers."""
    cancel = _like(invite, "CANCEL", invite.first("To") or "")
    for reason in reasons:
        cancel.add("Reason", reason)
    return cancel


def acknowledging(invite: Request, response: Response, token: str) -> Request:
    """The ACK with which we take a 2xx that nobody else wants; sent straight to where it came from."""
    return _inside(invite, response, "ACK", invite.cseq.number, token)


def parting(invite: Request, response: Response, token: str) -> Request:
    """The BYE right behind that ACK."""
    bye = _inside(invite, response, "BYE", invite.cseq.number + 1, token)
    bye.add("Reason", ELSEWHERE)
    return bye


def beyond_us(routes: Sequence[str], token: str) -> tuple[list[str], list[str]]:
    """The Record-Routes above ours and below, as they stand: the others towards the callee, and towards the caller."""
    ours = [index for index, route in enumerate(routes) if f"{PARAM}={token}" in route]
    if not ours:
        return list(routes), []
    return list(routes[: ours[0]]), list(routes[ours[-1] + 1 :])


def _like(invite: Request, method: str, to: str) -> Request:
    return Request(
        method,
        invite.uri,
        [
            ("Via", invite.all("Via")[0]),
            ("From", invite.first("From") or ""),
            ("To", to),
            ("Call-ID", invite.call_id),
            ("CSeq", f"{invite.cseq.number} {method}"),
            ("Max-Forwards", MAX_FORWARDS),
            *(("Route", route) for route in invite.all("Route")),
        ],
    )


def _inside(invite: Request, response: Response, method: str, number: int, token: str) -> Request:
    contacts = response.contacts
    target = str(contacts[0].uri) if isinstance(contacts, list) and contacts else invite.uri
    above, _ = beyond_us(response.all("Record-Route"), token)
    return Request(
        method,
        target,
        [
            ("From", invite.first("From") or ""),
            ("To", response.first("To") or ""),
            ("Call-ID", invite.call_id),
            ("CSeq", f"{number} {method}"),
            ("Max-Forwards", MAX_FORWARDS),
            *(("Route", route) for route in reversed(above)),
        ],
    )
