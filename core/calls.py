"""Calls in the core's words: whoever carries them (SIP's proxy) tells what happens; records, presence, lamps follow."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from .call import CANCELLED, HUNG_UP, OUTCOMES, Call, CallState, Party
from .cdr import CallFacts
from .conversation import CallChanged, Conversation, Shape
from .errors import Busy, HereaboutsError, Refused
from .identity import Identity
from .presence import Activity, Availability, Publication, Source

if TYPE_CHECKING:
    from .call_records import CallRecords
    from .domains import Domains
    from .hookspecs import Hooks
    from .presence_registry import PresenceRegistry

__all__ = ["Call", "CallState", "Calls", "Party"]

log = logging.getLogger(__name__)

MAX_CALLS = 10_000
"""Calls at once."""
MAX_CALLS_OF_ONE = 20
"""Calls that one person is in at once, and may begin another."""
MAX_RINGING = 100
"""Places where one call rings; more ring as well, but are not told of."""

Told = Callable[[Call], None]
HangUp = Callable[[Call, str], Awaitable[bool]]
AUDIO = frozenset({"audio"})


class Calls:
    """Every call there is now.  A call that was begun leaves one call detail record, whatever happens to it.

    What goes wrong with the record once it has begun, or with presence, is logged and never stops the call.
    """

    def __init__(
        self,
        records: CallRecords,
        presence: PresenceRegistry,
        domains: Domains,
        hooks: Hooks,
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._presence = presence
        self._domains = domains
        self._hooks = hooks
        self._clock = clock
        self.open: dict[str, Call] = {}
        """By id."""
        self.hang_up: list[HangUp] = []
        """Whoever carries calls: ends one on both sides for the given reason, and says whether it could."""
        self.stopping = False
        self._by_person: dict[Identity, dict[str, Call]] = {}
        self._watchers: dict[Identity, dict[Told, None]] = {}
        self._background: set[asyncio.Task[None]] = set()

    # ---- what happens to calls

    async def begin(
        self,
        caller: Party,
        callee: Party,
        *,
        media: Iterable[str] = AUDIO,
        native: dict[str, Any] | None = None,
        route: str = "",
        emergency: bool = False,
        continues: Call | None = None,
    ) -> Call:
        """Somebody calls.  Returns when that is on the disk; an emergency call does not wait for a disk that is full.

        ``continues`` is the call that this one goes on after a transfer.  Raises Busy.
        """
        self._must_have_room(caller, emergency)
        call = self._made(caller, callee, frozenset(media), route, emergency)
        call.native = {} if native is None else native
        call.conversation.continues = continues.id if continues is not None else ""
        beginning = asyncio.ensure_future(self._begun(call))
        try:
            await asyncio.shield(beginning)
        except asyncio.CancelledError:
            # It may be on the disk in a moment, and nobody would ever end it.
            beginning.add_done_callback(lambda _: self._in_background(self.ended(call, CANCELLED)))
            raise
        return call

    async def ringing(self, call: Call, party: Party, *, stopped: bool = False) -> None:
        """It rings there, or has ``stopped`` to; stages of a call ring one after the other."""
        if call.state in (CallState.CONFIRMED, CallState.TERMINATED):
            return
        before, place = call.people, (party.address, party.instance)
        if stopped:
            call.ringing.pop(place, None)
        elif len(call.ringing) < MAX_RINGING:
            call.ringing[place] = party
            call.state = CallState.EARLY
        await self._settle(call, before)

    async def answered(self, call: Call, by: Party, media: Iterable[str] = ()) -> None:
        """Somebody took it; the first to do so counts."""
        if call.state in (CallState.CONFIRMED, CallState.TERMINATED):
            return
        before, at, seat = call.people, self._clock(), by.seat(self._home(call.caller))
        call.state, call.answered_at, call.answered_by = CallState.CONFIRMED, at, by
        call.ringing.clear()
        call.media = frozenset(media) or call.media
        self._note(call, answered_by=str(seat), answered_at=at, outcome="answered", media=_used(call))
        call.unwritten += call.conversation.join(seat, at)
        await self._settle(call, before)
        await self._records.save(call)
        self._hooks.call_answered(call=call)

    async def changed(self, call: Call, *, held: bool | None = None, media: Iterable[str] | None = None) -> None:
        """One side keeps the other waiting, or no more; there is video now, or none."""
        if call.state is CallState.TERMINATED:
            return
        call.held = call.held if held is None else held
        call.media = call.media if media is None else frozenset(media)
        if _used(call) != call.facts.media:
            self._note(call, media=_used(call))
        await self._settle(call, call.people)
        await self._records.save(call)

    async def transferred(self, call: Call, to: Party) -> None:
        """One side sends the other to somebody else; what follows is another call, which ``continues`` this one."""
        if call.state is not CallState.TERMINATED:
            seat = str(to.seat(self._home(call.caller)))
            self._note(call, transferred_to=[*call.facts.transferred_to, seat])
            await self._records.save(call)

    async def ended(self, call: Call, reason: str, by: Party | None = None) -> None:
        """It is over, for a reason in plain words; HUNG_UP with ``by`` becomes "alice@example.test hung up"."""
        if self.open.pop(call.id, None) is None:
            return
        before, at = call.people, self._clock()
        call.state = CallState.TERMINATED
        call.ringing.clear()
        if by is not None and reason == HUNG_UP:
            reason = f"{by.seat(self._home(call.caller))} {HUNG_UP}"
        if call.answered_at is None:
            self._note(call, outcome=OUTCOMES.get(reason, "failed"))
        call.unwritten += call.conversation.end(at, reason)
        await self._settle(call, before)
        await self._records.save(call)
        self._hooks.call_ended(call=call, reason=reason)

    # ---- what others do about them

    async def end(self, call: Call, reason: str) -> None:
        """Make whoever carries the call end it on both sides.  Raises Refused when nobody can."""
        for hang_up in self.hang_up:
            if await hang_up(call, reason):
                await self.ended(call, reason)
                return
        raise Refused("nothing that is running here can end this call")

    def of(self, who: Identity) -> list[Call]:
        """The calls somebody is in, or is called by and has not answered; the oldest first."""
        return list(self._by_person.get(who, {}).values())

    def watch(self, who: Identity, told: Told) -> None:
        """Tell at every change of a call that ``who`` is in, its end included.  Must not block."""
        self._watchers.setdefault(who, {})[told] = None

    def unwatch(self, who: Identity, told: Told) -> None:
        """Tell no more."""
        theirs = self._watchers.get(who, {})
        theirs.pop(told, None)
        if not theirs:
            self._watchers.pop(who, None)

    async def close(self, reason: str) -> None:
        """At stop: let no call begin, and close every record."""
        self.stopping = True
        ending = [self.ended(call, reason) for call in list(self.open.values())]
        for outcome in await asyncio.gather(*ending, *self._background, return_exceptions=True):
            if isinstance(outcome, Exception):
                log.error("a call could not be ended properly", exc_info=outcome)
        await self._records.close()

    # ---- inside

    def _must_have_room(self, caller: Party, emergency: bool) -> None:
        if self.stopping:
            raise Busy("the server is stopping", retry_after=30)
        if emergency:
            return
        if len(self.open) >= MAX_CALLS:
            raise Busy(f"there are {MAX_CALLS} calls already")
        if caller.person is not None and len(self._by_person.get(caller.person, ())) >= MAX_CALLS_OF_ONE:
            raise Busy(f"{caller.person} is in {MAX_CALLS_OF_ONE} calls already")

    def _made(self, caller: Party, callee: Party, media: frozenset[str], route: str, emergency: bool) -> Call:
        id, at = secrets.token_hex(16), self._clock()
        calling, called = caller.seat(self._home(callee)), callee.seat(self._home(caller))
        direction = self._direction(caller, callee)
        facts = CallFacts(str(calling), str(called), direction, media=sorted(media), route=route, emergency=emergency)
        conversation = Conversation(id, at, shape=Shape.CALL, keeps_seats=False)
        call = Call(id, caller, callee, conversation, facts, media, at, emergency=emergency, route=route)
        call.unwritten = [CallChanged(id, facts, at), *conversation.join(calling, at)]
        return call

    async def _begun(self, call: Call) -> None:
        await self._records.begin(call)
        self.open[call.id] = call
        await self._settle(call, set())
        self._hooks.call_started(call=call)
        if self.stopping:
            await self.ended(call, "server stopped")
            raise Busy("the server is stopping", retry_after=30)

    def _note(self, call: Call, **changes: Any) -> None:
        call.facts = replace(call.facts, **changes)
        call.unwritten.append(CallChanged(call.id, call.facts, self._clock()))

    async def _settle(self, call: Call, before: set[Identity]) -> None:
        """After every change: whose call it is now, who is on the phone, and whoever watches is told."""
        after = call.people
        for who in before - after:
            theirs = self._by_person.get(who, {})
            theirs.pop(call.id, None)
            if not theirs:
                self._by_person.pop(who, None)
        for who in after:
            self._by_person.setdefault(who, {})[call.id] = call
        for who in before | after:
            for told in list(self._watchers.get(who, ())):
                try:
                    told(call)
                except Exception:
                    log.exception("a watcher of the calls of %s failed; the others are not concerned", who)
        await self._present(call)

    async def _present(self, call: Call) -> None:
        """Under a lock, from the state as it is then: a slow "on the phone" must not come after its end."""
        async with call.presenting:
            talking = {who for who in call.talking if self._domains.ours(who.domain)}
            owner = f"call/{call.id}"
            for who in call.on_the_phone - talking:
                call.on_the_phone.discard(who)
                await self._presence.withdraw(who, owner)
            for who in talking - call.on_the_phone:
                call.on_the_phone.add(who)
                claim = Publication(owner, Source.PHONE, Availability.BUSY, self._clock(), activity=Activity.IN_A_CALL)
                try:
                    await self._presence.publish(who, claim)
                except HereaboutsError as why:
                    log.warning("%s is not shown to be on the phone: %s", who, why)

    def _direction(self, caller: Party, callee: Party) -> str:
        out, into = (party.person is not None and self._domains.ours(party.person.domain) for party in (caller, callee))
        return ("internal" if into else "outgoing") if out else "incoming" if into else "passing"

    def _home(self, party: Party) -> str:
        """The domain at which a number has its address, when this is its other side."""
        person = party.person
        return person.domain if person is not None and self._domains.ours(person.domain) else self._domains.main

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _used(call: Call) -> list[str]:
    """Everything that was used at some time."""
    return sorted({*call.facts.media, *call.media})
