"""Signing in with a certificate instead of a password: who is asked for one, and where it counts."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ....core.errors import SettingsError
from ..transport.flow import Flow

if TYPE_CHECKING:
    from ....core.certificates import Certificate


def for_phones(certificate: Certificate, authorities: str) -> ssl.SSLContext:
    """The TLS context of the phones' port.  With authorities it asks for a certificate, and goes on without one.

    It is not the web server's: browsers would ask people which certificate they mean.  Raises SettingsError.
    """
    if not authorities:
        return certificate.context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        context.load_verify_locations(cafile=authorities)
    except (ssl.SSLError, OSError) as wrong:
        raise SettingsError([f"[sip] client_ca {authorities} cannot be used: {wrong}"]) from None
    context.verify_mode = ssl.CERT_OPTIONAL
    return certificate.shown_by(context)


def is_of_phones(flow: Flow, ports: Mapping[str, int]) -> bool:
    """Whether a flow came by that port: another server's, or one of ours, was checked against other authorities."""
    return flow.transport == "TLS" and not flow.called and flow.peer is None and flow.local.port == ports.get("tls")
