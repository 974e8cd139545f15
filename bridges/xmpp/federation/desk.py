"""What other servers bring, once it is known who they are; and how it is known."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from ..abroad.carrier import Arrivals
from ..stream.stream_error import StreamError
from ..syntax import xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from .caller import Caller
from .dialback import Pair
from .invited import Invited
from .letters import Letter
from .limits import CONNECTIONS_PER_DOMAIN, QUEUE_TIME
from .neighbour import Neighbour
from .neighbourhood import Neighbourhood
from .places import Unreached
from .ways import Ways

ANSWERS = ("result", "error")


class Desk:
    """The Reception: streams ask it, and give it their stanzas."""

    def __init__(
        self,
        neighbourhood: Neighbourhood,
        caller: Caller,
        ways: Ways,
        invited: Invited,
        arrivals: Arrivals,
        ours: Callable[[str], bool],
    ) -> None:
        self.keys = caller.keys
        self.trust = caller.trust
        self.ours = ours
        self.neighbour_of = neighbourhood.neighbour_of
        self._caller = caller
        self._ways = ways
        self._invited = invited
        self._arrivals = arrivals
        self._inside: Counter[str] = Counter()
        """Connections by the domain that came."""

    def asks(self, pair: Pair, stream: str) -> bool:
        """Whether we are asking this pair's other side to believe us, on the stream of this id."""
        return (pair, stream) in self._caller.asking

    async def called_back(self, pair: Pair, key: str, stream: str) -> bool:
        """What the domain's own server says of the key.  Raises Unreached."""
        neighbour = self.neighbour_of(pair.theirs)
        if neighbour is None:
            return False
        try:
            return await self._caller.ask(pair, neighbour, key, stream)
        except Unreached as why:
            neighbour.refused += 1
            neighbour.failed(f"it came, and could not be called back: {why}")
            raise

    def enters(self, pair: Pair, neighbour: Neighbour) -> None:
        """A pair is proven.  Raises StreamError where there are too many connections already."""
        if self._inside[pair.theirs] >= CONNECTIONS_PER_DOMAIN:
            raise StreamError("resource-constraint", f"{pair.theirs} has enough connections already")
        self._inside[pair.theirs] += 1
        neighbour.heard()
        self._ways.heard_from(pair)

    def leaves(self, pair: Pair) -> None:
        """That connection is over."""
        self._inside[pair.theirs] -= 1
        if self._inside[pair.theirs] <= 0:
            del self._inside[pair.theirs]

    def arrived(self, stanza: Stanza, pair: Pair, sender: Jid, neighbour: Neighbour) -> Awaitable[None] | None:
        """A stanza of a proven pair."""
        to = stanza.to
        assert to is not None
        if not to.user and stanza.name == "iq" and stanza.type in ANSWERS and self._ways.answers_ping(pair, stanza.id):
            return None
        if not neighbour.may_say(sender.bare, asyncio.get_running_loop().time()):
            self._refuse(stanza, pair, neighbour, "wait", "resource-constraint")
            return None
        if stanza.name == "message":
            neighbour.received += 1
        if neighbour.options.kind != "public-unverified":
            return self._arrivals.received(stanza)
        return self._invited.judged(
            sender,
            to,
            lambda: self._arrivals.received(stanza),
            lambda: self._refuse(stanza, pair, neighbour, "cancel", "service-unavailable"),
        )

    def malformed(self, stanza: Stanza, pair: Pair) -> None:
        """A stanza of a proven domain whose address is none."""
        neighbour = self.neighbour_of(pair.theirs)
        if neighbour is not None:
            self._refuse(stanza, pair, neighbour, "modify", "jid-malformed")

    def _refuse(self, stanza: Stanza, pair: Pair, neighbour: Neighbour, type: str, condition: str) -> None:
        """Its sender is told, where there is anybody who waits for an answer."""
        neighbour.refused += 1
        if stanza.name == "presence" or stanza.type in ANSWERS:
            return
        answer = xml.stanza_error(stanza, type, condition)
        if condition == "jid-malformed":  # what they wrote cannot be written back
            attrs = {"id": stanza.attrs.get("id"), "from": pair.ours, "to": stanza.attrs.get("from")}
            answer = xml.error_to(stanza.name, attrs, type, condition)
        until = asyncio.get_running_loop().time() + QUEUE_TIME
        self._ways.send(pair, neighbour, Letter(answer, None, until))
