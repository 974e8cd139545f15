"""SASL EXTERNAL between servers: the certificate shown in TLS says who it is (RFC 6120 section 6, XEP-0178)."""

from __future__ import annotations

import base64
import binascii
import ssl

from ..syntax import xml
from ..syntax.stanza import Stanza
from .dialback import domain_of
from .limits import MAX_SILENCE, PROVEN

EXTERNAL = "EXTERNAL"
OFFER = xml.element("mechanisms", {"xmlns": xml.SASL}, xml.element("mechanism", None, EXTERNAL))
SUCCESS = xml.element("success", {"xmlns": xml.SASL})
STARTTLS = xml.element("starttls", {"xmlns": xml.TLS})
PROCEED = xml.element("proceed", {"xmlns": xml.TLS})
LIMITS = xml.element(
    "limits",
    {"xmlns": xml.LIMITS},
    f"<max-bytes>{PROVEN.stanza}</max-bytes><idle-seconds>{MAX_SILENCE:.0f}</idle-seconds>",
)
"""XEP-0478 section 3.1."""


def shown(domain: str) -> bytes:
    """We show our certificate (XEP-0178 section 3)."""
    return xml.element("auth", {"xmlns": xml.SASL, "mechanism": EXTERNAL}, base64.b64encode(domain.encode()))


def refusal(auth: Stanza, theirs: str, *, offered: bool) -> bytes:
    """The answer to who shows a certificate and may not; nothing for who may."""
    if not offered or auth.attrs.get("mechanism") != EXTERNAL:
        return failure("invalid-mechanism")
    text = (auth.tree.text or "").strip()
    try:
        wanted = "" if text in ("", "=") else base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeError):
        return failure("incorrect-encoding")
    return failure("invalid-authzid") if wanted and domain_of(wanted) != theirs else b""


def failure(condition: str) -> bytes:
    """RFC 6120 section 6.5."""
    return xml.element("failure", {"xmlns": xml.SASL}, xml.element(condition))


def offered_in(features: Stanza) -> bool:
    """Whether the other server would look at our certificate."""
    found = features.tree.iter(f"{{{xml.SASL}}}mechanism")
    return any((mechanism.text or "").strip() == EXTERNAL for mechanism in found)


def shown_in_vain(why: BaseException) -> bool:
    """Whether a handshake failed because of the certificate that the other server has shown."""
    return isinstance(why, ssl.SSLCertVerificationError)
