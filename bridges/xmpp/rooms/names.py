"""What people are called in rooms: their names in the directory, at hand without waiting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.identity import Identity
from ..errors import StanzaError
from ..syntax import jid

if TYPE_CHECKING:
    from ....core.accounts import Accounts

MAX_NAMES = 20_000
"""Names kept at hand; whoever is not among them is called by the user part of the address."""
MAX_NICK = 128
"""Characters in a nickname."""


class Names:
    """Learnt before they are needed, because whoever needs them cannot wait."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._known: dict[Identity, str] = {}

    async def learn(self, people: Iterable[Identity], *, anew: bool = False) -> None:
        """Look up whoever of these is not known, or everybody ``anew``."""
        for who in people:
            if who in self._known and not anew:
                continue
            person = await self._accounts.person(who)
            self._known.pop(who, None)
            self._known[who] = person.shown_name if person is not None else who.user
            if len(self._known) > MAX_NAMES:
                del self._known[next(iter(self._known))]

    def of(self, who: Identity) -> str:
        """What to call somebody."""
        return self._known.get(who) or who.user

    def nick_of(self, who: Identity) -> str:
        """The same as a nickname."""
        name = " ".join("".join(c for c in self.of(who) if c.isprintable()).split())[:MAX_NICK].strip()
        return name or who.user


def nick_asked(nick: str) -> str:
    """A nickname somebody chose.  Raises StanzaError for what is none."""
    if not nick.strip() or len(nick) > MAX_NICK:
        raise StanzaError("modify", "jid-malformed", f"a nickname has 1 to {MAX_NICK} characters")
    return jid.prepared_resource(nick)
