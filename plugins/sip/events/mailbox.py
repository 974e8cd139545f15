"""The package ``message-summary``: whether messages wait, for the lamp on a phone (RFC 3842)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ....core.identity import Identity
from ..errors import Refusal
from ..sign_in.registration import Start
from ..syntax.message import Request
from ..translate import identity_of, sip_uri

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

NAME = "message-summary"
CONTENT_TYPE = "application/simple-message-summary"
MAX_COUNTED = 999
"""Waiting messages that are counted; more are told as so many."""


def write(account: str, waiting: int) -> bytes:
    """A summary (RFC 3842 section 5.2).  What was seen is in the clients' histories and counted nowhere: no old."""
    lines = [f"Messages-Waiting: {'yes' if waiting else 'no'}", f"Message-Account: {account}"]
    lines.append(f"Text-Message: {waiting}/0 (0/0)")
    return ("\r\n".join(lines) + "\r\n").encode()


class MailboxPackage:
    """What waits is what the journal has for somebody and no endpoint of theirs has shown."""

    content_types: Sequence[str] = (CONTENT_TYPE,)

    def __init__(self, front_end: FrontEnd, start: Start) -> None:
        self._fan_out = front_end.fan_out
        self._start = start
        self._feeds: dict[Identity, set[MailboxFeed]] = {}
        self._counting: set[Identity] = set()
        self._fan_out.waiting.append(self._changed)

    async def subscribe(self, request: Request, who: Identity, instance: str) -> MailboxFeed:
        """Only to one's own.  Raises Refusal 403, BadAddress."""
        if identity_of(request.target) != who:
            raise Refusal(403, "somebody else's messages")
        return MailboxFeed(self, who)

    def close(self) -> None:
        """Hear of no more messages."""
        self._fan_out.waiting.remove(self._changed)

    # ---- what feeds ask

    async def begun(self, feed: MailboxFeed) -> int:
        """A feed is told of changes from now on; so many wait already."""
        self._feeds.setdefault(feed.owner, set()).add(feed)
        return await self._fan_out.unseen(feed.owner, MAX_COUNTED)

    def ended(self, feed: MailboxFeed) -> None:
        """And no longer."""
        feeds = self._feeds.get(feed.owner, set())
        feeds.discard(feed)
        if not feeds:
            self._feeds.pop(feed.owner, None)

    # ---- inside

    def _changed(self, owner: Identity) -> None:
        if owner in self._feeds and owner not in self._counting:
            self._counting.add(owner)
            self._start(self._count(owner))

    async def _count(self, owner: Identity) -> None:
        self._counting.discard(owner)  # before, so that a message that comes meanwhile is counted again
        waiting = await self._fan_out.unseen(owner, MAX_COUNTED)
        for feed in list(self._feeds.get(owner, ())):
            feed.take(waiting)


class MailboxFeed:
    """One lamp."""

    def __init__(self, package: MailboxPackage, owner: Identity) -> None:
        self.owner = owner
        self.event = ""
        self.headers: Sequence[tuple[str, object]] = ()
        self._package = package
        self._due: Callable[[], None] | None = None
        self._waiting = 0

    async def start(self, due: Callable[[], None]) -> None:
        """Begin to count."""
        self._due = due
        self._waiting = await self._package.begun(self)

    async def refreshed(self, request: Request) -> None:
        """A body has no meaning here."""

    def stop(self) -> None:
        """Count no more."""
        self._due = None
        self._package.ended(self)

    def take(self, waiting: int) -> None:
        """So many wait now."""
        if waiting != self._waiting and self._due is not None:
            self._waiting = waiting
            self._due()

    def state(self) -> str:
        """Owners need nobody's permission."""
        return "active"

    def body(self, full: bool, plain: bool) -> tuple[str, bytes]:
        """The summary."""
        return CONTENT_TYPE, write(str(sip_uri(self.owner)), self._waiting)
