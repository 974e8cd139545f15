"""Accounts by their own people (XEP-0077): a new password, the end of an account; a new account where that is on."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from ...core.errors import BadAddress, Busy, Conflict, HereaboutsError
from ...core.identity import Identity
from ...core.people import Person
from .errors import StanzaError, bad_request
from .forms import FORM, BadForm, read
from .queries import Place, Query
from .resource import Resource, Start
from .stream.budget import Bucket, place_of
from .stream.registering import PASSWORD, QUERY, REMOVE, USERNAME, NotRegistered
from .syntax import jid, xml
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd

log = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)

HOUR = 3600.0
PER_ADDRESS = 3
"""New accounts that may be asked for from one address in an hour."""
MAX_ACCOUNTS = 100
"""New accounts that may be asked for in an hour from everywhere together."""
MAX_CHANGES = 5
"""New passwords one person may choose in an hour: each costs a processor a tenth of a second."""
MAX_COUNTED = 10_000
"""Addresses, or people, whose share is counted; those that asked longest ago are forgotten first."""


class Shares(Generic[K]):
    """How much each may still ask for.  ``clock`` counts seconds."""

    def __init__(self, each: int, clock: Callable[[], float]) -> None:
        self._each = each
        self._clock = clock
        self._left: OrderedDict[K, Bucket] = OrderedDict()

    def take(self, who: K) -> None:
        """One out of their share.  Raises Busy when there is nothing left."""
        now = self._clock()
        bucket = self._left.get(who)
        if bucket is None:
            bucket = self._left[who] = Bucket(self._each / HOUR, self._each, now)
            if len(self._left) > MAX_COUNTED:
                self._left.popitem(last=False)
        self._left.move_to_end(who)
        if not bucket.has(1, now):
            raise Busy("that was asked for too often", int(HOUR / self._each))
        bucket.spend(1, now)


class NewAccounts:
    """Makes accounts for who has none.  Nobody becomes an administrator by choosing the name of one."""

    def __init__(
        self,
        front_end: FrontEnd,
        may_administer: Callable[[Identity], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = front_end.accounts
        self._may_administer = may_administer
        self._addresses: Shares[str] = Shares(PER_ADDRESS, clock)
        self._all: Shares[None] = Shares(MAX_ACCOUNTS, clock)

    async def make(self, remote: str, domain: str, username: str, password: str) -> None:
        """A new account.  Raises NotRegistered."""
        try:
            who = _called(username, domain)
            self._addresses.take(place_of(remote))
            self._all.take(None)
            if self._may_administer(who):
                raise Conflict(f"{who} exists already")
            await self._accounts.add(who, password, Person(str(who)))
        except Conflict:
            raise NotRegistered("cancel", "conflict", "somebody else has that name") from None
        except Busy as why:
            raise NotRegistered("wait", "resource-constraint", f"{why}; try again later") from None
        except HereaboutsError as why:
            raise NotRegistered("modify", "not-acceptable", str(why)) from None
        log.info("%s was registered from %s", who, remote)


class Registration:
    """What people do to their own account, through TLS and after they have signed in.

    Where a plugin checks the passwords there is none here to change, and no account to end.
    """

    def __init__(
        self,
        front_end: FrontEnd,
        start: Start,
        *,
        removal: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = front_end.accounts
        self._start = start
        self._removal = removal
        self._decided_elsewhere = bool(front_end.hooks.implemented_by("authenticate"))
        self._changes: Shares[Identity] = Shares(MAX_CHANGES, clock)

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        for place in (Place.ACCOUNT, Place.SERVER):
            yield Query("get", QUERY, place, self.look, xml.REGISTER)
            yield Query("set", QUERY, place, self.change)

    async def look(self, resource: Resource, iq: Stanza) -> bytes:
        """Who asks is registered already (section 3.1)."""
        parts = [
            xml.element("instructions", None, "A password that you enter here is your new one."),
            xml.element("registered"),
            xml.element("username", None, xml.text(resource.identity.user)),
            xml.element("password"),
        ]
        return xml.element("query", {"xmlns": xml.REGISTER}, b"".join(parts))

    async def change(self, resource: Resource, iq: Stanza) -> bytes:
        """A new password (section 3.3), or the end of the account (section 3.2)."""
        query = iq.tree[0]
        if query.find(REMOVE) is not None:
            if len(query) != 1:
                raise bad_request("remove stands alone")
            return self._remove(resource)
        username, password = query.findtext(USERNAME) or "", query.findtext(PASSWORD) or ""
        if (form := query.find(FORM)) is not None:
            try:
                answers = read(form)
            except BadForm as why:
                raise bad_request(str(why)) from None
            username, password = answers.one("username"), answers.one("password")
        if not username or not password:
            raise bad_request("a name and a password are needed")
        if not _is_called(resource.identity, username):
            raise StanzaError("cancel", "not-allowed", "this is not your account")
        if self._decided_elsewhere:
            raise StanzaError("cancel", "not-allowed", "passwords are not changed here")
        self._changes.take(resource.identity)
        await self._accounts.set_password(resource.identity, password)
        return b""

    def _remove(self, resource: Resource) -> bytes:
        """Begun behind the answer, which could not be sent afterwards: all streams of the person end."""
        if not self._removal or self._decided_elsewhere:
            raise StanzaError("cancel", "not-allowed", "accounts are removed by an administrator")
        log.info("%s removes their own account", resource.identity)
        self._start(self._accounts.remove(resource.identity))
        return b""


def _called(username: str, domain: str) -> Identity:
    """Who would have this name.  Raises BadAddress for what is none."""
    address = jid.parse(f"{username}@{domain}")
    if address.domain != domain or not address.user or address.resource:
        raise BadAddress(f"{username[:80]!r} is no name")
    return address.identity


def _is_called(who: Identity, username: str) -> bool:
    """Whether this is the person's name; some clients write the whole address."""
    try:
        return _called(username.removesuffix(f"@{who.domain}"), who.domain) == who
    except BadAddress:
        return False
