"""What we write while a stream is negotiated (RFC 6120 sections 4 to 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..syntax import xml
from ..syntax.jid import quoted
from . import sasl
from .limits import AFTER_SIGN_IN, ANSWER_TIME, BEFORE_SIGN_IN, IDLE_TIME
from .management import FEATURE
from .states import State

LANG = "en"
"""The language of our error texts."""
PROCEED = xml.element("proceed", {"xmlns": xml.TLS})
BIND_FEATURES = (xml.CARBONS, xml.CLIENT_STATE, xml.STREAM_MANAGEMENT)
"""What may be on for a resource from the beginning (XEP-0386 section 3.1)."""
REGISTRATION = xml.element("register", {"xmlns": xml.REGISTER_FEATURE})
"""XEP-0077 section 8."""
TLS_FAILURE = xml.element("failure", {"xmlns": xml.TLS})


@dataclass(frozen=True, slots=True)
class Offer:
    """What this server offers to those who connect."""

    ours: Callable[[str], bool]
    """Whether a domain is one of ours."""
    domain: str
    """The one to answer for where none of ours was asked for."""
    mechanisms: tuple[str, ...] = (*sasl.SCRAMS, sasl.PLAIN)
    """Those offered through TLS, best first."""
    tokens: tuple[str, ...] = ()
    """Those for who shows a token (XEP-0484)."""
    registration: bool = False
    """Whether who has no account may ask for one (XEP-0077)."""
    max_stanza: int = AFTER_SIGN_IN.stanza
    features: bytes = b""
    """Stream features after sign-in, besides those of the stream itself."""
    capabilities: Callable[[], bytes] = bytes
    """What the server can do, as one more of them (XEP-0115 section 6.3)."""
    idle_time: float = IDLE_TIME
    answer_time: float = ANSWER_TIME


def clear_features(offer: Offer) -> bytes:
    """RFC 6120 section 5.4.1: TLS, and nothing else before."""
    return xml.element("stream:features", None, xml.element("starttls", {"xmlns": xml.TLS}, xml.element("required")))


def sasl_features(offer: Offer) -> bytes:
    """RFC 6120 section 6.4.1, XEP-0388 section 2.1, XEP-0478 section 3.1."""
    mechanisms = xml.element("mechanisms", {"xmlns": xml.SASL}, _mechanisms(offer.mechanisms))
    more = _limits(BEFORE_SIGN_IN.stanza, None) + (REGISTRATION if offer.registration else b"")
    return xml.element("stream:features", None, mechanisms + _authentication(offer) + more)


def bind_features(offer: Offer) -> bytes:
    """RFC 6120 section 7.4; RFC 3921's session, which is none and which old clients look for."""
    session = xml.element("session", {"xmlns": xml.SESSION}, xml.element("optional"))
    return xml.element(
        "stream:features", None, xml.element("bind", {"xmlns": xml.BIND}) + session + _last_features(offer)
    )


def bound_features(offer: Offer) -> bytes:
    """What is left to ask for where the resource was bound together with the sign-in (XEP-0388 section 2.6.1)."""
    return xml.element("stream:features", None, _last_features(offer))


def managed_features(offer: Offer) -> bytes:
    """The same where stream management is on already: some clients ask for whatever they are offered."""
    return bound_features(offer).replace(FEATURE, b"")


FEATURES: Mapping[State, Callable[[Offer], bytes]] = {
    State.CLEAR: clear_features,
    State.OFFERED: sasl_features,
    State.UNBOUND: bind_features,
    State.BOUND: bound_features,
}
"""What is offered when a header came, or a success was told that nothing is restarted after."""


def _last_features(offer: Offer) -> bytes:
    return _limits(offer.max_stanza, offer.idle_time) + FEATURE + offer.features + offer.capabilities()


def _mechanisms(names: tuple[str, ...]) -> str:
    return "".join(f"<mechanism>{xml.text(name)}</mechanism>" for name in names)


def _authentication(offer: Offer) -> bytes:
    """XEP-0388 section 2.1, with what can be wished for together with the sign-in (XEP-0386, XEP-0198, XEP-0484)."""
    features = b"".join(xml.element("feature", {"var": feature}) for feature in BIND_FEATURES)
    inline = xml.element("bind", {"xmlns": xml.BIND2}, xml.element("inline", None, features)) + FEATURE
    if offer.tokens:
        inline += xml.element("fast", {"xmlns": xml.FAST}, _mechanisms(offer.tokens))
    inner = _mechanisms(offer.mechanisms).encode() + xml.element("inline", None, inline)
    return xml.element("authentication", {"xmlns": xml.SASL2}, inner)


def _limits(stanza: int, idle: float | None) -> bytes:
    inner = f"<max-bytes>{stanza}</max-bytes>" + (f"<idle-seconds>{idle:.0f}</idle-seconds>" if idle else "")
    return xml.element("limits", {"xmlns": xml.LIMITS}, inner)


def bound(id: str | None, full_jid: str) -> bytes:
    """RFC 6120 section 7.6.1."""
    jid = xml.element("jid", None, xml.text(full_jid))
    return xml.element("iq", {"type": "result", "id": id}, xml.element("bind", {"xmlns": xml.BIND}, jid))


def ping(domain: str, full_jid: str, id: str) -> bytes:
    """XEP-0199 section 4.1: are you still there?"""
    head = f"<iq type='get' id='{id}' from='{xml.attr(domain)}' to='"
    return head.encode() + quoted(full_jid) + f"'><ping xmlns='{xml.PING}'/></iq>".encode()
