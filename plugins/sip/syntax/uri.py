"""The SIP URI of RFC 3261 section 19.1, and any other URI kept whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv6Address

from .grammar import (
    ALPHANUM,
    NO_PARAMS,
    UNRESERVED,
    MalformedSip,
    Params,
    escape,
    made_of,
    number,
    remembered,
    unescape,
)

USER = UNRESERVED + "&=+$,;?/"
PASSWORD = UNRESERVED + "&=+$,"
PARAMETER = UNRESERVED + "[]/:&+$"
HEADER = UNRESERVED + "[]/?:+$"
SCHEME = ALPHANUM + "+-."
HOST = ALPHANUM + "-._"
OPAQUE = UNRESERVED + ";/?:@&=+$,%#[]"

MAX_PORT = 65535

DECISIVE = ("user", "ttl", "method", "maddr", "transport")
"""Parameters that make two URIs differ when only one has them; any other is ignored.

So a public GRUU equals its address of record (RFC 5627 section 5.4): ask for ``gr`` before comparing."""


@dataclass(frozen=True, slots=True, eq=False)
class SipUri:
    """A SIP or SIPS URI, its parts unescaped; a URI of another scheme has only ``scheme`` and ``opaque``.

    Equality is RFC 3261 section 19.1.4, so it is not transitive: parameters that only one side has are ignored.
    """

    scheme: str
    user: str
    host: str
    port: int | None = None
    params: Params = NO_PARAMS
    password: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    opaque: str = ""
    _text: str = field(default="", init=False, repr=False)
    """As it is printed, once that was asked for: most are printed often."""

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Raises MalformedSip."""
        return _uri(text)

    @property
    def is_sip(self) -> bool:
        """Whether the scheme is sip or sips."""
        return self.scheme == "sip" or self.scheme == "sips"

    def __str__(self) -> str:
        if not self._text:
            object.__setattr__(self, "_text", self._printed())
        return self._text

    def _printed(self) -> str:
        if not self.is_sip:
            return f"{self.scheme}:{self.opaque}"
        password = f":{escape(self.password, PASSWORD)}" if self.password else ""
        user = f"{escape(self.user, USER)}{password}@" if self.user else ""
        port = "" if self.port is None else f":{self.port}"
        params = "".join(
            f";{escape(name, PARAMETER)}={escape(value, PARAMETER)}" if value else f";{escape(name, PARAMETER)}"
            for name, value in self.params.items()
        )
        headers = "&".join(f"{escape(name, HEADER)}={escape(value, HEADER)}" for name, value in self.headers)
        return f"{self.scheme}:{user}{self.host}{port}{params}{'?' if headers else ''}{headers}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SipUri) or self._sure() != other._sure() or self.password != other.password:
            return False
        if any((name in self.params) != (name in other.params) for name in DECISIVE):
            return False
        theirs = {name.lower(): value.lower() for name, value in other.params.items()}
        if any(value.lower() != theirs.get(name.lower(), value.lower()) for name, value in self.params.items()):
            return False
        return self._headers() == other._headers()

    def __hash__(self) -> int:
        return hash(self._sure())

    def _sure(self) -> tuple[object, ...]:
        """What must be equal in any case."""
        return self.scheme, self.user, self.host.lower(), self.port, self.opaque

    def _headers(self) -> list[tuple[str, str]]:
        return sorted((name.lower(), value) for name, value in self.headers)


@remembered
def _uri(text: str) -> SipUri:
    scheme, colon, rest = text.partition(":")
    if not colon or not made_of(scheme, SCHEME) or not scheme[0].isalpha() or not rest:
        raise MalformedSip("not a URI")
    scheme = scheme.lower()
    if scheme != "sip" and scheme != "sips":
        if not made_of(rest, OPAQUE):
            raise MalformedSip("a URI with characters that belong in no URI")
        return SipUri(scheme, "", "", opaque=rest)
    userinfo, at, rest = rest.rpartition("@")
    user, _, password = userinfo.partition(":")
    if at and not made_of(user, USER + "%"):
        raise MalformedSip("a SIP URI with an improper user part")
    if password and not made_of(password, PASSWORD + "%"):
        raise MalformedSip("a SIP URI with an improper password")
    rest, _, headers = rest.partition("?")
    hostport, semicolon, params = rest.partition(";")
    host, port = host_and_port(hostport)
    return SipUri(
        scheme,
        unescape(user),
        host,
        port,
        Params.of(_params(params)) if semicolon else NO_PARAMS,
        unescape(password),
        tuple(_headers(headers)) if headers else (),
    )


@remembered
def host_and_port(text: str) -> tuple[str, int | None]:
    """``host[:port]``: a name, an IPv4 address, or an IPv6 address in brackets (kept).  Raises MalformedSip."""
    if text.startswith("["):
        host, bracket, port = text.partition("]")
        # COMPAT: the grammar of RFC 3261 allows three colons where two are meant (RFC 5118 section 4.10).
        host = host.replace(":::", "::", 1)
        try:
            IPv6Address(host[1:] if "%" not in host else "")
        except AddressValueError:
            raise MalformedSip("not an IPv6 address") from None
        host += bracket
        if not bracket or (port and port[0] != ":"):
            raise MalformedSip("an IPv6 address whose bracket is not closed")
        return host, number(port[1:], MAX_PORT, "the port") if port else None
    host, colon, port = text.partition(":")
    if not made_of(host, HOST):
        raise MalformedSip("not the name of a host")
    return host, number(port, MAX_PORT, "the port") if colon else None


def _params(text: str) -> list[tuple[str, str, bool]]:
    triples: list[tuple[str, str, bool]] = []
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if not made_of(name, PARAMETER + "%") or (equals and not made_of(value, PARAMETER + "%")):
            raise MalformedSip("a SIP URI with an improper parameter")
        triples.append((unescape(name), unescape(value), False))
    return triples


def _headers(text: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if not equals or not made_of(name, HEADER + "%") or (value and not made_of(value, HEADER + "%")):
            raise MalformedSip("a SIP URI with an improper header")
        pairs.append((unescape(name), unescape(value)))
    return pairs
