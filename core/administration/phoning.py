"""Deeds about the calls there are now: who is on the phone, and the end of a call."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ..call import Call, Party
from ..cdr import CallDetailRecord
from ..errors import NotFound
from ..front_end import FrontEnd
from .addresses import SHORTEST, named
from .conversations import record


class OpenCall(msgspec.Struct, frozen=True):
    """One call: from its being accepted for routing to its end."""

    id: str
    caller: str
    callee: str
    answered_by: str
    state: str
    started_at: datetime
    answered_at: datetime | None
    media: list[str]
    held: bool
    route: str
    emergency: bool
    ringing: list[str]
    """Whose endpoints ring, while nobody has answered."""


async def calls(front_end: FrontEnd, who: str = "") -> list[OpenCall]:
    """The calls there are now, of everybody or of one person, oldest first."""
    found = front_end.calls.of(named(front_end, who)) if who else front_end.calls.open.values()
    return [_open(call) for call in sorted(found, key=lambda call: call.started_at)]


async def end_call(front_end: FrontEnd, call: str) -> CallDetailRecord:
    """End a call on both sides; its record is complete then."""
    found = _running(front_end, call)
    await front_end.calls.end(found, "ended by an administrator")
    return await record(front_end, found.id)


def _running(front_end: FrontEnd, text: str) -> Call:
    """A call by its id, or the beginning of it.  Raises NotFound."""
    begin_so = [call for id, call in front_end.calls.open.items() if id.startswith(text) and len(text) >= SHORTEST]
    if len(begin_so) > 1:
        raise NotFound(f"{len(begin_so)} calls begin with {text}; give more of the id")
    if not begin_so:
        raise NotFound(f"there is no call {text} now")
    return begin_so[0]


def _open(call: Call) -> OpenCall:
    return OpenCall(
        call.id,
        _name(call.caller),
        _name(call.callee),
        _name(call.answered_by) if call.answered_by else "",
        call.state.value,
        call.started_at,
        call.answered_at,
        sorted(call.media),
        call.held,
        call.route,
        call.emergency,
        list(dict.fromkeys(_name(party) for party in call.ringing.values())),
    )


def _name(party: Party) -> str:
    return str(party.address)
