"""PUBLISH: what endpoints say about their person, by entity-tag (RFC 3903), as claims of the core."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from ....core.errors import BadAddress
from ....core.identity import Endpoint, Identity
from ....core.presence import Availability, Publication, Source
from ..errors import Refusal
from ..messages import bodies
from ..sign_in.contact import Leases
from ..syntax.message import Request, Response
from ..translate import identity_of
from ..xml import MAX_DOCUMENT
from . import pidf
from .pidf import Claim

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

MAX_TAGS = 20
"""Publications of one person; for one more the oldest is forgotten, and whoever made it is told 412 and starts anew."""
UNPUBLISH_GRACE = 2.0
"""Seconds between taking back what a registered endpoint said and "it is registered" speaking again: most clients
unpublish and sign out in one go, and nobody needs to see them available in between."""
OVERDUE = 5.0
"""Seconds that the core keeps a claim longer than we, in case we have no time to withdraw it."""


@dataclass(eq=False, slots=True)
class Published:
    """One publication: what was said, for whom, until when (the loop's time), and where it stands in the order."""

    who: Identity
    instance: str
    owner: str
    claim: Claim
    turn: int
    until: float = 0.0
    timer: asyncio.TimerHandle | None = None


class Publications:
    """The event state compositor.  Of all an endpoint published the last counts; of nothing, that it is there.

    COMPAT: baresip publishes twice at start and later changes one of the two; the other would say "open" for an hour.
    """

    def __init__(self, front_end: FrontEnd, leases: Leases, registered: Callable[[Endpoint], bool]) -> None:
        self._front_end = front_end
        self._leases = leases
        self._registered = registered
        self._people: dict[Identity, dict[str, Published]] = {}
        self._turn = 0
        self._background: set[asyncio.Task[None]] = set()

    async def publish(self, request: Request, who: Identity, instance: str) -> Response:
        """One PUBLISH of somebody; ``instance`` is the registered endpoint it came from, if any.

        Raises Refusal and what the core refuses.
        """
        if request.event is None or request.event.value != "presence":
            raise Refusal(489, "", ("Allow-Events", "presence"))
        if identity_of(request.target) != who:
            raise Refusal(403, "somebody else's presence")
        expires = self._leases.granted(request.expires)
        tag = request.first("SIP-If-Match") or ""
        known = self._people.get(who, {}).get(tag)
        if tag and known is None:
            raise Refusal(412)
        claim = _claim_in(request, who) if request.body else None
        published = self._merged(known, claim, who, instance)
        if expires:
            published.until = asyncio.get_running_loop().time() + expires
            await self._say(published)
        else:
            grace = UNPUBLISH_GRACE if published.instance else 0.0
            published.until = asyncio.get_running_loop().time() + grace
        fresh = self._keep(published, instead_of=tag)
        return request.reply(200, headers=[("SIP-ETag", fresh), ("Expires", expires)])

    # ---- registrations

    async def registered(self, endpoint: Endpoint) -> None:
        """An endpoint signed in: it is there, or what it said before it was lost and never took back."""
        await self._speak(endpoint.identity, endpoint.instance, _owner(endpoint.instance))

    def signed_out(self, endpoint: Endpoint) -> None:
        """An endpoint said goodbye, and what it published goes with it.  One that was lost may come back to it."""
        for tag in self._of(endpoint.identity, _owner(endpoint.instance)):
            self._forget(endpoint.identity, tag)

    def close(self) -> None:
        """Stop the timers."""
        for who, tags in list(self._people.items()):
            for tag in list(tags):
                self._forget(who, tag)
        for task in self._background:
            task.cancel()

    # ---- keeping

    def _merged(self, known: Published | None, claim: Claim | None, who: Identity, instance: str) -> Published:
        """A refresh changes nothing but the lease and keeps its turn; anything with a body is the newest."""
        if known is not None and claim is None:
            return replace(known, timer=None)
        if claim is None:
            raise Refusal(400, "an initial PUBLISH without a body")
        self._turn += 1
        if known is not None:
            return replace(known, claim=claim, turn=self._turn, timer=None)
        owner = _owner(instance) if instance else f"sip/{secrets.token_hex(6)}"
        return Published(who, instance, owner, claim, self._turn)

    def _keep(self, published: Published, *, instead_of: str) -> str:
        """Under a new tag; what was taken back has a last short lease, and no tag that anybody knows."""
        self._forget(published.who, instead_of)
        mine = self._people.setdefault(published.who, {})
        if len(mine) >= MAX_TAGS:
            self._forget(published.who, next(iter(mine)))
        fresh = secrets.token_hex(8)
        published.timer = asyncio.get_running_loop().call_at(published.until, self._expire, published.who, fresh)
        self._people.setdefault(published.who, {})[fresh] = published
        return fresh

    def _expire(self, who: Identity, tag: str) -> None:
        published = self._forget(who, tag)
        if published is not None:
            task = asyncio.ensure_future(self._speak(who, published.instance, published.owner))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    def _forget(self, who: Identity, tag: str) -> Published | None:
        tags = self._people.get(who, {})
        published = tags.pop(tag, None)
        if published is not None and published.timer is not None:
            published.timer.cancel()
        if not tags:
            self._people.pop(who, None)
        return published

    def _of(self, who: Identity, owner: str) -> dict[str, Published]:
        return {tag: p for tag, p in self._people.get(who, {}).items() if p.owner == owner}

    # ---- saying

    async def _speak(self, who: Identity, instance: str, owner: str) -> None:
        """What is to be said now: the newest of what was published, or that the endpoint is registered."""
        live = self._of(who, owner).values()
        if live:
            await self._say(max(live, key=lambda p: p.turn))
        elif not instance:
            await self._front_end.presence.withdraw(who, owner)
        elif self._registered(Endpoint(who, instance)):
            await self._claim(Published(who, instance, owner, Claim(str(who), Availability.AVAILABLE), 0))

    async def _say(self, published: Published) -> None:
        """Unless the endpoint said something newer under another tag, or is not there any more."""
        newest = max((p.turn for p in self._of(published.who, published.owner).values()), default=0)
        here = not published.instance or self._registered(Endpoint(published.who, published.instance))
        if here and published.turn >= newest:
            await self._claim(published)

    async def _claim(self, published: Published) -> None:
        now, claim = self._front_end.clock(), published.claim
        left = published.until - asyncio.get_running_loop().time()
        await self._front_end.presence.publish(
            published.who,
            Publication(
                owner=published.owner,
                source=Source.MACHINE,
                availability=claim.availability,
                since=now,
                # an endpoint's claim ends with its registration, which the core watches
                expires=None if published.instance else now + timedelta(seconds=left + OVERDUE),
                activity=claim.activity,
                note=claim.note,
                idle_since=claim.idle_since or (now if claim.idle else None),
                instance=published.instance,
            ),
        )


def _owner(instance: str) -> str:
    return f"sip/{instance}"


def _claim_in(request: Request, who: Identity) -> Claim:
    """The document of a PUBLISH, which must be about its sender."""
    if request.content_type is None or request.content_type.value != pidf.CONTENT_TYPE:
        raise Refusal(415, "", ("Accept", pidf.CONTENT_TYPE))
    body = bodies.inflated(request.first("Content-Encoding") or "", request.body)
    if len(body) > MAX_DOCUMENT:
        raise Refusal(413)
    claim = pidf.read(body)
    try:
        entity = identity_of(claim.entity)
    except BadAddress:
        raise Refusal(400, "a document without an entity") from None
    if entity != who:
        raise Refusal(403, "the document is about somebody else")
    return claim
