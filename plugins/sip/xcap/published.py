"""What XCAP clients may read and never write: which usages there are, and where one's list is subscribed to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.identity import Identity
from .. import resource_lists
from ..events.lists import OWN_LIST
from ..translate import sip_uri
from ..xml import DECLARATION, escaped
from .faults import cannot_keep
from .usage import Element

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

CAPABILITIES = "xcap-caps"
CAPS = "urn:ietf:params:xml:ns:xcap-caps"
CAPS_TYPE = "application/xcap-caps+xml"
SERVICES = "urn:ietf:params:xml:ns:rls-services"


def capabilities(usages: Iterable[str], namespaces: Iterable[str]) -> bytes:
    """The document xcap-caps/global/index (RFC 4825 section 12)."""
    auids = "".join(f"<auid>{escaped(usage)}</auid>" for usage in sorted({CAPABILITIES, *usages}))
    spaces = "".join(f"<namespace>{escaped(space)}</namespace>" for space in sorted({CAPS, *namespaces}))
    inside = f"<auids>{auids}</auids><extensions/><namespaces>{spaces}</namespaces>"
    return f'{DECLARATION}\n<xcap-caps xmlns="{CAPS}">{inside}</xcap-caps>\n'.encode()


class Services:
    """rls-services: one list that can be subscribed to, the contact list (RFC 4826 section 4)."""

    content_type = "application/rls-services+xml"
    namespace = SERVICES

    def __init__(self, front_end: FrontEnd) -> None:
        self._contacts = front_end.contacts

    async def document(self, owner: Identity) -> bytes:
        """The address, and who is behind it now."""
        uri = sip_uri(Identity(owner.user + OWN_LIST, owner.domain))
        entries = "".join(
            f'<rl:entry uri="{escaped(str(sip_uri(contact.address)))}"/>' for contact in await self._contacts.of(owner)
        )
        return (
            f'{DECLARATION}\n<rls-services xmlns="{SERVICES}" xmlns:rl="{resource_lists.NAMESPACE}">'
            f'<service uri="{escaped(str(uri))}"><list>{entries}</list>'
            "<packages><package>presence</package></packages></service></rls-services>\n"
        ).encode()

    async def write(self, owner: Identity, root: Element) -> None:
        """Other lists are brought along in the request (RFC 5367)."""
        raise cannot_keep("there is one service, the contact list; change resource-lists")

    async def remove(self, owner: Identity) -> None:
        """Raises Fault."""
        raise cannot_keep("there is one service, and it stays")
