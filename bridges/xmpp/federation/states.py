"""How streams between servers begin, as tables (RFC 6120 section 4.3, XEP-0220 section 2)."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from ..syntax import xml
from ..syntax.stanza import Stanza


class Theirs(enum.Enum):
    """How far a stream has come that another server opened to us."""

    CONNECTED = "connected"
    CLEAR = "offered TLS"
    HANDSHAKE = "in the TLS handshake"
    SECURED = "secured"
    OFFERED = "asked who it is"
    CERTIFIED = "certified"
    OPEN = "open"


ARRIVING: Mapping[Theirs, Mapping[str, Theirs]] = {
    Theirs.CONNECTED: {"header": Theirs.CLEAR},
    Theirs.CLEAR: {"starttls": Theirs.HANDSHAKE},
    Theirs.HANDSHAKE: {"secured": Theirs.SECURED},
    Theirs.SECURED: {"header": Theirs.OFFERED},
    Theirs.OFFERED: {
        "auth": Theirs.OFFERED,
        "certified": Theirs.CERTIFIED,
        "result": Theirs.OFFERED,
        "verify": Theirs.OFFERED,
        "stanza": Theirs.OFFERED,
    },
    Theirs.CERTIFIED: {"header": Theirs.OPEN},
    Theirs.OPEN: {
        "result": Theirs.OPEN,
        "verify": Theirs.OPEN,
        "stanza": Theirs.OPEN,
        "enable": Theirs.OPEN,
        "r": Theirs.OPEN,
    },
}
"""What may come in each state, and the state that follows.  A stanza needs a pair that is proven besides."""


class Ours(enum.Enum):
    """How far a stream has come that we opened."""

    CALLED = "called"
    GREETED = "greeted"
    ASKED_FOR_TLS = "asked for TLS"
    HANDSHAKE = "in the TLS handshake"
    SECURED = "secured"
    GREETED_AGAIN = "greeted in TLS"
    CERTIFYING = "showing a certificate"
    CERTIFIED = "certified"
    WELCOMED = "welcomed"
    PROVING = "proving by dialback"
    VERIFYING = "asking about a key"
    ENABLING = "asking for confirmations"
    OPEN = "open"
    DONE = "done"


CALLING: Mapping[Ours, Mapping[str, Ours]] = {
    Ours.CALLED: {"header": Ours.GREETED},
    Ours.GREETED: {"features": Ours.ASKED_FOR_TLS},
    Ours.ASKED_FOR_TLS: {"proceed": Ours.HANDSHAKE},
    Ours.HANDSHAKE: {"secured": Ours.SECURED},
    Ours.SECURED: {"header": Ours.GREETED_AGAIN},
    Ours.GREETED_AGAIN: {"features": Ours.CERTIFYING},
    Ours.CERTIFYING: {"success": Ours.CERTIFIED, "sasl failure": Ours.PROVING, "instead": Ours.PROVING},
    Ours.CERTIFIED: {"header": Ours.WELCOMED},
    Ours.WELCOMED: {"features": Ours.OPEN},
    Ours.PROVING: {"result": Ours.OPEN},
    Ours.VERIFYING: {"verify": Ours.DONE},
    Ours.ENABLING: {"enabled": Ours.OPEN, "failed": Ours.OPEN},
    Ours.OPEN: {"a": Ours.OPEN, "r": Ours.OPEN, "features": Ours.OPEN},
    Ours.DONE: {},
}
"""The same for ours.  ``instead``: no mechanism is offered that shows a certificate."""

EVENTS: Mapping[tuple[str, str], str] = {
    (xml.TLS, "starttls"): "starttls",
    (xml.TLS, "proceed"): "proceed",
    (xml.TLS, "failure"): "tls failure",
    (xml.STREAMS, "features"): "features",
    (xml.SASL, "auth"): "auth",
    (xml.SASL, "success"): "success",
    (xml.SASL, "failure"): "sasl failure",
    (xml.DIALBACK, "result"): "result",
    (xml.DIALBACK, "verify"): "verify",
    (xml.STREAM_MANAGEMENT, "enable"): "enable",
    (xml.STREAM_MANAGEMENT, "enabled"): "enabled",
    (xml.STREAM_MANAGEMENT, "failed"): "failed",
    (xml.STREAM_MANAGEMENT, "r"): "r",
    (xml.STREAM_MANAGEMENT, "a"): "a",
    **{(xml.CLIENT, name): "stanza" for name in ("message", "presence", "iq")},
}


def event_of(element: Stanza) -> str:
    """What happens by this element, in the words of the tables."""
    return EVENTS.get((element.ns, element.name), "unknown")
