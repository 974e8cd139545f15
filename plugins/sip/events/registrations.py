"""The package ``reg``: where a person is signed in with SIP, for their other devices (RFC 3680)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ....core.identity import Endpoint, Identity
from ..errors import Refusal
from ..sign_in.contact import Bound
from ..sign_in.gruu import Gruus
from ..sign_in.registration import Registrations
from ..syntax.grammar import quote
from ..syntax.message import Request
from ..translate import identity_of, short, sip_uri
from ..xml import DECLARATION, escaped

NAME = "reg"
CONTENT_TYPE = "application/reginfo+xml"
NAMESPACE = "urn:ietf:params:xml:ns:reginfo"
GRUU_NAMESPACE = "urn:ietf:params:xml:ns:gruuinfo"
"""RFC 5628."""

Key = tuple[Endpoint, int]


@dataclass(frozen=True, slots=True)
class Listed:
    """One contact in the document; ``event`` says what became of it last."""

    bound: Bound
    event: str = "registered"


class RegistrationsPackage:
    """Only the person themselves may look: a contact says from which address somebody telephones."""

    content_types: Sequence[str] = (CONTENT_TYPE,)

    def __init__(self, registrations: Registrations, gruus: Gruus) -> None:
        self.registrations, self.gruus = registrations, gruus
        self._feeds: dict[Identity, set[RegistrationsFeed]] = {}
        registrations.changed.append(self._changed)

    async def subscribe(self, request: Request, who: Identity, instance: str) -> RegistrationsFeed:
        """Only to one's own.  Raises Refusal 403, BadAddress."""
        if identity_of(request.target) != who:
            raise Refusal(403, "somebody else's registrations")
        return RegistrationsFeed(self, who)

    def begun(self, feed: RegistrationsFeed) -> None:
        """A feed is told of changes from now on."""
        self._feeds.setdefault(feed.owner, set()).add(feed)

    def ended(self, feed: RegistrationsFeed) -> None:
        """And no longer."""
        feeds = self._feeds.get(feed.owner, set())
        feeds.discard(feed)
        if not feeds:
            self._feeds.pop(feed.owner, None)

    def _changed(self, owner: Identity) -> None:
        for feed in list(self._feeds.get(owner, ())):
            feed.changed()


class RegistrationsFeed:
    """Every NOTIFY has the whole list, and once more, as terminated, what is on it no longer (section 5.1: full)."""

    def __init__(self, package: RegistrationsPackage, owner: Identity) -> None:
        self.owner = owner
        self.event = ""
        self.headers: Sequence[tuple[str, object]] = ()
        self._package = package
        self._due: Callable[[], None] | None = None
        self._known: dict[Key, Bound] = {}
        self._gone: dict[Key, Listed] = {}
        self._version = -1

    async def start(self, due: Callable[[], None]) -> None:
        """Begin to watch."""
        self._due = due
        self._known = self._package.registrations.bound(self.owner)
        self._package.begun(self)

    async def refreshed(self, request: Request) -> None:
        """A body has no meaning here."""

    def stop(self) -> None:
        """Watch no more."""
        self._due = None
        self._package.ended(self)

    def changed(self) -> None:
        """Something may be other than it was."""
        now = asyncio.get_running_loop().time()
        there = self._package.registrations.bound(self.owner)
        if there == self._known:
            return
        for key, bound in self._known.items():
            if key not in there:
                over = bound.until <= now or bound.flow.closed
                self._gone[key] = Listed(bound, "expired" if over else "unregistered")
        self._known = there
        if self._due is not None:
            self._due()

    def state(self) -> str:
        """Owners need nobody's permission."""
        return "active"

    def body(self, full: bool, plain: bool) -> tuple[str, bytes]:
        """The document; what is gone has been told with it."""
        self._version += 1
        now = asyncio.get_running_loop().time()
        listed = {key: Listed(bound) for key, bound in self._known.items()}
        gone = {key: one for key, one in self._gone.items() if key not in listed}
        if not plain:
            self._gone = {}
        contacts = [
            _contact(key, one, now, "" if key in gone else str(self._package.gruus.public(key[0])))
            for key, one in (listed | gone).items()
        ]
        state = "active" if listed else "terminated" if gone else "init"
        aor = str(sip_uri(self.owner))
        document = (
            f'{DECLARATION}<reginfo xmlns="{NAMESPACE}" xmlns:gr="{GRUU_NAMESPACE}" version="{self._version}" '
            f'state="full"><registration aor="{escaped(aor)}" id="{short(aor)}" state="{state}">'
            f"{''.join(contacts)}</registration></reginfo>"
        )
        return CONTENT_TYPE, document.encode("utf-8", "replace")


def _contact(key: Key, listed: Listed, now: float, gruu: str) -> str:
    """One contact: RFC 3680 section 5.2.3, with its instance and, where it has one, its public GRUU (RFC 5628)."""
    (endpoint, reg_id), bound = key, listed.bound
    state = "active" if listed.event == "registered" else "terminated"
    left = max(0, round(bound.until - now)) if state == "active" else 0
    given = {
        "id": short(f"{endpoint} {reg_id}"),
        "state": state,
        "event": listed.event,
        "expires": str(left),
        "q": f"{bound.q:g}" if "q" in bound.contact.params else "",
        "callid": bound.call_id,
        "cseq": str(bound.cseq),
    }
    attributes = "".join(f' {name}="{escaped(value)}"' for name, value in given.items() if value)
    inner = f"<uri>{escaped(str(bound.contact.uri))}</uri>"
    instance = bound.contact.params.get("+sip.instance")
    if instance:
        inner += f'<unknown-param name="+sip.instance">{escaped(quote(instance))}</unknown-param>'
        inner += f'<unknown-param name="reg-id">{reg_id}</unknown-param>' if reg_id else ""
        inner += f'<gr:pub-gruu uri="{escaped(gruu)}"/>' if gruu else ""
    return f"<contact{attributes}>{inner}</contact>"
