"""What an INVITE to a conference brings: a list of people, an offer of media, or nothing.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .. import multipart, resource_lists
from ..errors import Refusal
from ..messages.bodies import inflated
from ..resource_lists import Entry
from ..syntax.grammar import MalformedSip
from ..syntax.headers import Term
from ..syntax.message import Request

SDP = "application/sdp"
ACCEPTED = (SDP, resource_lists.CONTENT_TYPE, multipart.CONTENT_TYPE)
"""What an INVITE to a conference may have in it."""
MAX_MEDIA = 16
"""Media lines of one offer."""
MESSAGES = ("message", "sip")
"""Kind and transport of the media that are served: MESSAGE requests in the session, as Lync offers them."""


class Offer(NamedTuple):
    """``people`` to be invited; ``media``: the m= lines, empty where nothing is offered."""

    people: list[Entry]
    media: list[str]


def read(request: Request) -> Offer:
    """Raises Refusal 415, 488 (media that are no messages), MalformedSip, MalformedXml, UnknownBody."""
    if not request.body:
        return Offer([], [])
    people: list[Entry] = []
    media: list[str] = []
    kind = request.content_type or Term("")
    content = inflated(request.first("Content-Encoding") or "", request.body)
    for part, body in _parts(kind, content):
        if part.value == SDP:
            media += _media(body)
        elif part.value == resource_lists.CONTENT_TYPE:
            people += resource_lists.read(body)
        else:
            raise Refusal(415, f"{part.value} is not taken here", ("Accept", ", ".join(ACCEPTED)))
    wanted = [line for line in media if _words(line)[1] != "0"]
    if any((_words(line)[0], _words(line)[2]) != MESSAGES for line in wanted):
        raise Refusal(488, "", ("Warning", '304 hereabouts "this conference is for messages, it has no other media"'))
    return Offer(people, media)


def answer(offer: Offer, host: str) -> bytes:
    """The answer to an offer of messages (RFC 3264): each line back, those that were refused stay so."""
    family = "IP6" if ":" in host else "IP4"
    lines = ["v=0", f"o=- 1 1 IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0"]
    for line in offer.media:
        kind, port, transport, *rest = _words(line)
        lines.append(f"m={kind} {5060 if port != '0' else 0} {transport} {' '.join(rest) or 'null'}")
        lines += ["a=accept-types:text/plain message/cpim"] if port != "0" else []
    return "\r\n".join([*lines, ""]).encode()


def _parts(kind: Term, content: bytes) -> Iterator[tuple[Term, bytes]]:
    if kind.value == multipart.CONTENT_TYPE:
        yield from multipart.parts(kind, content)
    else:
        yield kind, content


def _media(body: bytes) -> list[str]:
    lines = body.decode("utf-8", "replace").splitlines()
    if not lines or lines[0].strip() != "v=0":
        raise MalformedSip("a session description that does not begin with v=0")
    media = [line[2:].strip() for line in lines if line.startswith("m=")]
    if len(media) > MAX_MEDIA or any(len(line.split()) < 3 for line in media):
        raise MalformedSip("a session description with improper media lines, or too many")
    return media


def _words(line: str) -> list[str]:
    kind, port, transport, *rest = line.lower().split()
    return [kind, port.partition("/")[0], transport, *rest]
