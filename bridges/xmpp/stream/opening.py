"""The header with which a client opens its stream, checked (RFC 6120 section 4.7)."""

from __future__ import annotations

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..syntax import jid, xml
from ..syntax.framer import Header
from .negotiation import Offer
from .stream_error import StreamError


def asked_domain(header: Header, offer: Offer, identity: Identity | None) -> str:
    """The domain the client wants to talk to; after sign-in it is the one they signed in to.  Raises StreamError."""
    if header.ns != xml.STREAMS or header.name != "stream":
        raise StreamError("invalid-namespace", f"a stream begins with <stream/> of {xml.STREAMS}")
    if header.namespaces.get("", xml.STREAMS) not in (xml.CLIENT, xml.STREAMS):
        raise StreamError("invalid-namespace", f"clients speak {xml.CLIENT}")
    try:
        address = jid.parse(header.attrs.get("to", ""))
    except BadAddress:
        raise StreamError("host-unknown") from None
    domain = address.domain
    if address != ("", domain, "") or not offer.ours(domain) or (identity and domain != identity.domain):
        raise StreamError("host-unknown")
    major, _, minor = header.attrs.get("version", "").partition(".")
    if not major.isdecimal() or not minor.isdecimal() or int(major[-4:]) < 1:
        raise StreamError("unsupported-version", "this is XMPP 1.0")
    return domain
