"""The package ``dialog``: who is on the phone, for the lamps of other people's phones (RFC 4235)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ....core.access import AccessLevel
from ....core.call import Call, CallState, Party
from ....core.identity import Identity
from ....core.presence_registry import View
from ..errors import Refusal
from ..sign_in.registration import Start
from ..syntax.message import Request
from ..translate import identity_of, short, sip_uri
from . import dialog_info
from .dialog_info import INITIATOR, RECIPIENT, Shown

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

NAME = "dialog"
SHARED_LINES = frozenset(("sla", "ma"))
"""Parameters of Event that ask for a line shared by several phones, which is something else."""


class LampsPackage:
    """Colleagues and nearer see that somebody is on the phone, workgroup and nearer also with whom.

    Everybody else, and whoever watches nobody, sees somebody who never telephones; the lamps of hidden people and of
    people who do not exist are dark alike.
    """

    content_types: Sequence[str] = (dialog_info.CONTENT_TYPE,)

    def __init__(self, front_end: FrontEnd, start: Start) -> None:
        self._front_end = front_end
        self._start = start

    async def subscribe(self, request: Request, who: Identity, instance: str) -> LampFeed:
        """Raises Refusal 404 for what is no person here, 489 for shared lines, BadAddress."""
        event = request.event
        if event is not None and any(name in event.params for name in SHARED_LINES):
            raise Refusal(489, "no shared lines here, only lamps")
        owner = identity_of(request.target)
        if not self._front_end.ours(owner.domain):
            raise Refusal(404)
        only = (event.params.get("call-id") or "") if event is not None else ""
        return LampFeed(self._front_end, self._start, who, owner, only)


class LampFeed:
    """One lamp.  It watches calls, and presence only to notice at once that it may see more, or less."""

    def __init__(self, front_end: FrontEnd, start: Start, watcher: Identity, owner: Identity, only: str) -> None:
        self.identity: Identity | None = watcher
        self.event = ""
        self.headers: Sequence[tuple[str, object]] = ()
        self._front_end = front_end
        self._start = start
        self._watcher = watcher
        self._owner = owner
        self._only = only
        self._due: Callable[[], None] | None = None
        self._level = AccessLevel.STRANGER
        self._active = self._looking = False
        self._said: dict[str, Shown] = {}
        self._version = 0

    async def start(self, due: Callable[[], None]) -> None:
        """Watch; how it is now is known before this returns."""
        self._due = due
        self._front_end.calls.watch(self._owner, self._changed)
        await self._front_end.presence.watch(self._owner, self)
        await self._ask()

    async def refreshed(self, request: Request) -> None:
        """A body has no meaning here; what may be seen is asked anew, for the NOTIFY that follows."""
        await self._ask()

    def stop(self) -> None:
        """Watch no more."""
        self._due = None
        self._front_end.calls.unwatch(self._owner, self._changed)
        self._front_end.presence.unwatch(self._owner, self)

    def notify(self, view: View, before: View | None) -> None:
        """Presence is not what it was; perhaps because it may be seen, or no more."""
        self._look_again()

    def state(self) -> str:
        """Whether they were ever seen."""
        return "active" if self._active else "pending"

    def body(self, full: bool, plain: bool) -> tuple[str, bytes]:
        """How it is now; a call that is over is there once more, as terminated."""
        now = {shown.id: shown for shown in self._shown()}
        over = [shown._replace(state="terminated") for id, shown in self._said.items() if id not in now]
        document = dialog_info.write(str(sip_uri(self._owner)), self._version, [*now.values(), *over], plain=plain)
        self._said = now
        self._version += 1
        return dialog_info.CONTENT_TYPE, document

    # ---- inside

    def _changed(self, call: Call) -> None:
        self._look_again()

    def _look_again(self) -> None:
        if self._due is not None and not self._looking:
            self._looking = True
            self._start(self._look())

    async def _look(self) -> None:
        self._looking = False  # before, so that a change that comes meanwhile is looked at, too
        await self._ask()
        if self._due is not None and self._shown() != list(self._said.values()):
            self._due()

    async def _ask(self) -> None:
        """The level, every time: somebody may have been blocked since."""
        self._level = await self._front_end.contacts.level(self._watcher, self._owner)
        self._active = self._active or self._level >= AccessLevel.COLLEAGUES

    def _shown(self) -> list[Shown]:
        if self._level < AccessLevel.COLLEAGUES:
            return []
        calls = self._front_end.calls.of(self._owner)
        found = [self._seen(call, *part) for call in calls for part in parts_of(call, self._owner)]
        return [shown for shown in found if not self._only or shown.call_id == self._only]

    def _seen(self, call: Call, direction: str, state: CallState, other: Party) -> Shown:
        """As this watcher may see it.  The id says nothing: else two lamps would show who talks with whom."""
        shown = Shown(short(f"{call.id} {self._owner} {direction}"), direction, state.value)
        if self._level < AccessLevel.WORKGROUP:
            return shown
        native = {name: str(call.native.get(name, "")) for name in ("call_id", "from_tag", "to_tag")}
        mine, theirs = ("from_tag", "to_tag") if direction == INITIATOR else ("to_tag", "from_tag")
        return shown._replace(
            call_id=native["call_id"],
            local_tag=native[mine],
            remote_tag=native[theirs],
            remote=str(sip_uri(other.seat(self._owner.domain))),
            remote_name=other.name,
        )


def parts_of(call: Call, owner: Identity) -> list[tuple[str, CallState, Party]]:
    """What somebody does in a call: direction, state and the other side; two things when they call themselves.

    Whoever is called is in it from when it rings there.
    """
    parts = []
    if call.caller.address == owner:
        parts.append((INITIATOR, call.state, call.answered_by or call.callee))
    if call.answered_by is not None and call.answered_by.address == owner:
        parts.append((RECIPIENT, CallState.CONFIRMED, call.caller))
    elif any(party.address == owner for party in call.ringing.values()):
        parts.append((RECIPIENT, CallState.EARLY, call.caller))
    return parts
