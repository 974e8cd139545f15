"""External service discovery (XEP-0215): the services that the settings name, and credentials for a while."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ....core.identity import Identity
from ..errors import bad_request, item_not_found
from ..messages.payload import stamp
from ..queries import Place, Query
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza
from .options import ExternalService

NS = "urn:xmpp:extdisco:2"


class Credentials(NamedTuple):
    """A name and a password; ``expires`` is None for those that stay."""

    username: str
    password: str
    expires: datetime | None


class ExternalServices:
    """Answers for the server; only people of ours are told."""

    def __init__(self, services: Sequence[ExternalService], clock: Callable[[], datetime]) -> None:
        self._services = tuple(services)
        self._clock = clock

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        for place in (Place.SERVER, Place.ACCOUNT):
            feature = NS if place is Place.SERVER else ""
            yield Query("get", f"{{{NS}}}services", place, self.services, feature)
            yield Query("get", f"{{{NS}}}credentials", place, self.credentials)

    async def services(self, resource: Resource, iq: Stanza) -> bytes:
        """All of them, or those of one type, with credentials where they need some (section 3)."""
        kind = iq.tree[0].get("type")
        found = [each for each in self._services if kind in (None, each.type)]
        inner = b"".join(self._written(each, resource.identity) for each in found)
        return xml.element("services", {"xmlns": NS, "type": kind}, inner)

    async def credentials(self, resource: Resource, iq: Stanza) -> bytes:
        """Credentials for a service that the client knows already (section 3.3).  Raises StanzaError."""
        asked = iq.tree[0].find(f"{{{NS}}}service")
        if asked is None or not asked.get("host") or not asked.get("type"):
            raise bad_request("a service has a host and a type")
        wanted = asked.get("type"), asked.get("host")
        port = asked.get("port")
        found = [
            each
            for each in self._services
            if (each.type, each.host) == wanted
            and port in (None, str(each.at_port))
            and credentials_for(each, resource.identity, self._clock()) is not None
        ]
        if not found:
            raise item_not_found()
        inner = b"".join(self._written(each, resource.identity) for each in found)
        return xml.element("credentials", {"xmlns": NS}, inner)

    def _written(self, service: ExternalService, who: Identity) -> bytes:
        attrs: dict[str, str | None] = {
            "type": service.type,
            "host": service.host,
            "port": str(service.at_port),
            "transport": service.by,
            "name": service.name or None,
        }
        credentials = credentials_for(service, who, self._clock())
        if credentials is not None:
            attrs |= {
                "restricted": "true",
                "username": credentials.username,
                "password": credentials.password,
                "expires": stamp(credentials.expires) if credentials.expires is not None else None,
            }
        return xml.element("service", attrs)


def credentials_for(service: ExternalService, who: Identity, now: datetime) -> Credentials | None:
    """What somebody needs for a service; None where it needs nothing.

    From a shared secret they are made as draft-uberti-behave-turn-rest-00 section 2.2 has it: a name with its end in
    it, and a keyed hash of the name.  The relay learns an alias of the person, the same each time, not who they are.
    """
    if service.secret:
        secret = service.secret.encode()
        expires = (now + timedelta(hours=service.good_for_hours)).replace(microsecond=0)
        alias = hmac.digest(secret, f"person {who}".encode(), "sha256").hex()[:16]
        username = f"{int(expires.timestamp())}:{alias}"
        mac = hmac.digest(secret, username.encode(), "sha1")
        return Credentials(username, base64.b64encode(mac).decode(), expires)
    if service.username:
        return Credentials(service.username, service.password, None)
    return None
