"""Service administration of what is going on (XEP-0133): sessions are ended, people are told something, the server
stops."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.errors import BadRequest, NotFound
from ....core.front_end import SIGNED_OUT
from ....core.identity import Identity
from ....core.message import MAX_TEXT, Notice, SignedOut
from ....core.registrar import Binding
from ..forms import Answers, Field
from ..syntax import jid
from .command import Command, May, Outcome, asks
from .people import ACCOUNTS, ADMIN, MAX_AT_ONCE

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

DELAYS = ((30, "30 seconds"), (60, "A minute"), (120, "2 minutes"), (180, "3 minutes"), (240, "4 minutes"))
DELAY = Field(
    "delay", "list-single", "When", ("30",), options=tuple((str(s), w) for s, w in (*DELAYS, (300, "5 minutes")))
)
WORDS = Field("announcement", "text-multi", "What everybody who is signed in is told")


class RunningCommands:
    """What administrators do to a running server."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._stop: asyncio.TimerHandle | None = None

    def commands(self, may: May) -> Iterable[Command]:
        """All of them, for those who may; stopping only where the process can be told to."""
        end = asks("Sign somebody out", "An address with a resource names one device.", ACCOUNTS)
        yield Command(f"{ADMIN}#end-user-session", "Sign somebody out", self.end_session, may, (end,), ADMIN)
        tell = asks("Tell everybody", "Everybody who is signed in gets it now.", WORDS._replace(required=True))
        yield Command(f"{ADMIN}#announce", "Tell everybody something", self.announce, may, (tell,), ADMIN)
        stop = asks("Stop the server", "Everybody is signed out then.", DELAY, WORDS)
        yield Command(f"{ADMIN}#shutdown", "Stop the server", self.stop, self._with_operator(may), (stop,), ADMIN)

    async def end_session(self, admin: Identity, answers: Answers) -> Outcome:
        """Section 4.5: all devices of a bare JID, the one of a full JID."""
        if len(answers["accountjids"]) > MAX_AT_ONCE:
            raise BadRequest(f"no more than {MAX_AT_ONCE} at once")
        found = [binding for text in answers["accountjids"] for binding in self._bindings(text)]
        for binding in found:
            binding.channel.tell(SignedOut("ended by an administrator"))
            self._front_end.registrar.unbind(binding.endpoint, binding.channel, SIGNED_OUT)
        return Outcome(f"{len(found)} signed out.")

    async def announce(self, admin: Identity, answers: Answers) -> Outcome:
        """Section 4.23."""
        return Outcome(f"{self._announce(answers.text('announcement'))} people were told.")

    async def stop(self, admin: Identity, answers: Answers) -> Outcome:
        """Section 4.31: later, so that those who are told have time."""
        if self._front_end.operator is None:
            raise NotFound("this server cannot be stopped from here")
        words = answers.text("announcement")
        told = f"; {self._announce(words)} people were told" if words.strip() else ""
        if self._stop is not None:  # the newer word counts
            self._stop.cancel()
        seconds = int(answers.one("delay") or DELAY.values[0])
        self._stop = asyncio.get_running_loop().call_later(seconds, self._stop_now)
        return Outcome(f"The server stops in {seconds} seconds{told}.")

    def _stop_now(self) -> None:
        if self._front_end.operator is not None:
            self._front_end.operator.stop()

    def _bindings(self, text: str) -> list[Binding]:
        address = jid.parse(text)
        if not address.user or not self._front_end.ours(address.domain):
            raise BadRequest(f"{text} is no account's address")
        found = self._front_end.registrar.of(address.identity)
        found = [one for one in found if not address.resource or one.endpoint.instance == address.resource]
        if not found:
            raise NotFound(f"{text} is not signed in")
        return found

    def _announce(self, text: str) -> int:
        """Returns how many people were told."""
        if not text.strip():
            raise BadRequest("there is nothing to tell")
        if len(text.encode()) > MAX_TEXT:
            raise BadRequest(f"no more than {MAX_TEXT} bytes can be told")
        front_end = self._front_end
        people = {binding.endpoint.identity for binding in front_end.registrar.everybody() if binding.ready}
        ours = [who for who in people if front_end.ours(who.domain)]
        for who in ours:
            front_end.registrar.tell(who, Notice(text))
        return len(ours)

    def _with_operator(self, may: May) -> May:
        return lambda who: self._front_end.operator is not None and may(who)
