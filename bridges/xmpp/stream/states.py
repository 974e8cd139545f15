"""The negotiation of a stream as a table (RFC 6120 section 4.3.7)."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from ..syntax import xml
from ..syntax.stanza import Stanza


class State(enum.Enum):
    """How far the negotiation has come."""

    CONNECTED = "connected"
    CLEAR = "offered TLS"
    HANDSHAKE = "in the TLS handshake"
    SECURED = "secured"
    OFFERED = "offered mechanisms"
    REGISTERING = "asking for an account"
    CHECKING = "being checked"
    CHALLENGED = "challenged"
    CHALLENGED_INLINE = "challenged with wishes"
    ENTERING = "being let in with wishes"
    SIGNED_IN = "signed in"
    UNBOUND = "offered a resource"
    BINDING = "being bound"
    BOUND = "bound"
    ENDED = "ended"


TRANSITIONS: Mapping[State, Mapping[str, State]] = {
    State.CONNECTED: {"header": State.CLEAR},
    State.CLEAR: {"starttls": State.HANDSHAKE},
    State.HANDSHAKE: {"secured": State.SECURED},
    State.SECURED: {"header": State.OFFERED},
    State.OFFERED: {"auth": State.CHECKING, "authenticate": State.CHECKING, "registration": State.REGISTERING},
    State.REGISTERING: {"answered": State.OFFERED},
    State.CHECKING: {
        "challenge": State.CHALLENGED,
        "inline challenge": State.CHALLENGED_INLINE,
        "success": State.SIGNED_IN,
        "inline success": State.ENTERING,
        "failure": State.OFFERED,
    },
    State.CHALLENGED: {"response": State.CHECKING, "abort": State.CHECKING},
    State.CHALLENGED_INLINE: {"inline response": State.CHECKING, "inline abort": State.CHECKING},
    State.ENTERING: {"entered": State.BOUND, "identified": State.UNBOUND},
    State.SIGNED_IN: {"header": State.UNBOUND},
    State.UNBOUND: {"bind": State.BINDING, "resume": State.BINDING},
    State.BINDING: {"bound": State.BOUND, "answered": State.UNBOUND},
    State.BOUND: {"stanza": State.BOUND, "nonza": State.BOUND},
    State.ENDED: {},
}
"""What may happen in each state, and the state that follows.  TLS always comes first."""

WAITING = frozenset({State.HANDSHAKE, State.REGISTERING, State.CHECKING, State.ENTERING, State.BINDING, State.ENDED})
"""States in which nothing the client says is looked at: it is not its turn."""

BEFORE_HEADER = frozenset({State.CONNECTED, State.SECURED, State.SIGNED_IN})
"""States in which a stream begins, or begins again."""

EVENTS: Mapping[tuple[str, str], str] = {
    (xml.TLS, "starttls"): "starttls",
    (xml.SASL, "auth"): "auth",
    (xml.SASL, "response"): "response",
    (xml.SASL, "abort"): "abort",
    (xml.SASL2, "authenticate"): "authenticate",
    (xml.SASL2, "response"): "inline response",
    (xml.SASL2, "abort"): "inline abort",
    (xml.STREAMS, "error"): "error",
    (xml.STREAM_MANAGEMENT, "enable"): "enable",
    (xml.STREAM_MANAGEMENT, "resume"): "resume",
}
"""What a first-level element that is no stanza says."""

STANZAS = frozenset({"message", "presence", "iq"})
RESERVED = frozenset({xml.CLIENT, xml.STREAMS, xml.TLS, xml.SASL, xml.SASL2})
"""Namespaces in which RFC 6120 or XEP-0388 has defined all first-level elements there are."""
BIND = f"{{{xml.BIND}}}bind"


def event_of(element: Stanza) -> str:
    """What happens by this element, in the words of the table."""
    if element.ns == xml.CLIENT and element.name in STANZAS:
        return "bind" if element.name == "iq" and element.type == "set" and element.kids == [BIND] else "stanza"
    reserved = element.ns in RESERVED or element.name in STANZAS
    return EVENTS.get((element.ns, element.name)) or ("unknown" if reserved else "nonza")
