"""Service administration by numbers (XEP-0133 sections 4.10 to 4.22): who there is, who is signed in, who looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from ....core.administration.people import MAX_PEOPLE
from ....core.errors import NotFound
from ....core.identity import Identity
from ....core.presence import Availability
from ..forms import Answers, Field, form
from .command import Command, Do, May, Outcome, asks
from .people import ACCOUNT, ADMIN

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

MOST = Field(
    "max_items",
    "list-single",
    "How many at most",
    options=(*((str(n), str(n)) for n in (25, 50, 75, 100, 150, 200)), ("none", "All")),
)
MAX_LISTED = 2000
"""People listed in one answer, which has to go through a client's stream as one stanza."""

Count = Callable[[], Awaitable[list[str]]]


class Figures:
    """Counts and lists.  Idle is who is signed in and away, or shows nothing of themselves at all."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end

    def commands(self, may: May) -> Iterable[Command]:
        """All of them, for those who may."""
        for word, name, node, var, found in (
            ("registered", "everybody with an account", "get-registered-users-list", "registereduser", self.registered),
            ("online", "who is signed in", "get-online-users-list", "onlineuser", self.online),
            ("active", "who is signed in and not away", "get-active-users", "activeuser", self.active),
            ("idle", "who is signed in and away", "get-idle-users", "idleuser", self.idle),
        ):
            number = f"{var}snum"
            yield Command(f"{ADMIN}#get-{word}-users-num", f"Count {name}", _counts(found, number), may)
            asked = (asks(f"List {name}", "How many are to be shown?", MOST),)
            # section 4.22 has the field of section 4.21, and no other is registered
            listed = "activeuserjids" if word == "idle" else f"{var}jids"
            yield Command(f"{ADMIN}#{node}", f"List {name}", _lists(found, listed), may, asked, ADMIN)
        whose = (asks("Figures about a person", "Whose?", ACCOUNT),)
        yield Command(f"{ADMIN}#user-stats", "Figures about a person", self.person, may, whose, ADMIN)

    async def registered(self) -> list[str]:
        """Everybody with an account."""
        return [person.address for person in await self._front_end.store.people("", MAX_PEOPLE)]

    async def online(self) -> list[str]:
        """Who is signed in, with whatever it is."""
        return sorted(str(who) for who in self._signed_in())

    async def active(self) -> list[str]:
        """Those of them who are not away."""
        return sorted(str(who) for who in self._signed_in() if self._is_active(who))

    async def idle(self) -> list[str]:
        """The others."""
        return sorted(str(who) for who in self._signed_in() if not self._is_active(who))

    async def person(self, admin: Identity, answers: Answers) -> Outcome:
        """Section 4.10, as far as we know such things: what is not counted is not made up."""
        who = Identity.parse(answers.one("accountjid"))
        if not await self._front_end.accounts.exists(who):
            raise NotFound(f"nobody is called {who}")
        bindings = self._front_end.registrar.of(who)
        fields = (
            Field("ipaddresses", "text-multi", "Addresses of their devices", _each(b.remote for b in bindings)),
            Field("rostersize", label="Contacts", values=(str(len(await self._front_end.contacts.of(who))),)),
            Field("onlineresources", "text-multi", "Devices", _each(b.endpoint.instance for b in bindings)),
        )
        return Outcome(report=form(fields, type="result", form_type=ADMIN))

    def _signed_in(self) -> set[Identity]:
        front_end = self._front_end
        found = {binding.endpoint.identity for binding in front_end.registrar.everybody()}
        return {who for who in found if front_end.ours(who.domain)}

    def _is_active(self, who: Identity) -> bool:
        return self._front_end.presence.of(who).availability < Availability.BE_RIGHT_BACK


def _counts(found: Count, var: str) -> Do:
    async def count(admin: Identity, answers: Answers) -> Outcome:
        field = Field(var, label="How many", values=(str(len(await found())),))
        return Outcome(report=form([field], type="result", form_type=ADMIN))

    return count


def _lists(found: Count, var: str) -> Do:
    async def listed(admin: Identity, answers: Answers) -> Outcome:
        most, people = answers.one("max_items"), await found()
        shown = people[: min(int(most), MAX_LISTED) if most.isdecimal() else MAX_LISTED]
        note = f"{len(shown)} of {len(people)}" if len(shown) < len(people) else ""
        return Outcome(note, form([Field(var, "jid-multi", "Who", tuple(shown))], type="result", form_type=ADMIN))

    return listed


def _each(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
