"""Header values as small frozen types, each with ``parse`` and ``str``."""

from __future__ import annotations

from enum import Enum
from string import digits
from typing import Final, NamedTuple

from .grammar import (
    LWS,
    NO_PARAMS,
    TOKEN,
    MalformedSip,
    Params,
    end_of_quoted,
    made_of,
    number,
    quote,
    remembered,
    seconds,
    unquote,
)
from .uri import HOST, SipUri, host_and_port

MAX_CSEQ = 2**31 - 1
"""RFC 3261 section 8.1.1.5."""
# fmt: off
METHODS = frozenset((
    "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER",
    "SUBSCRIBE", "UPDATE",
))
# fmt: on
"""Those that need no look at their letters."""
DEFAULT_EXPIRES = 3600
"""What a malformed ``expires`` of a Contact counts as: RFC 3261 section 20.10."""


class Star(Enum):
    """``Contact: *``."""

    STAR = "*"


STAR: Final = Star.STAR


class CSeq(NamedTuple):
    """RFC 3261 section 20.16."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Raises MalformedSip."""
        count, _, method = text.partition(" ")
        if method in METHODS:
            return cls(number(count, MAX_CSEQ, "the number of CSeq"), method)
        method = method.strip(LWS)
        if not made_of(method, TOKEN):
            raise MalformedSip("a CSeq without a method")
        return cls(number(count, MAX_CSEQ, "the number of CSeq"), method)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


class Term(NamedTuple):
    """A word with parameters: Content-Type, Event, Subscription-State, Accept, Content-Disposition, Reason."""

    value: str
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Term:
        """Raises MalformedSip.  A media type loses the blanks round its slash."""
        value, semicolon, params = text.partition(";")
        value = "/".join(part.strip(LWS) for part in value.split("/"))
        if not made_of(value, TOKEN + "/"):
            raise MalformedSip("a header without its word")
        return cls(value, Params.parse(params) if semicolon else NO_PARAMS)

    def __str__(self) -> str:
        return f"{self.value}{self.params}"


@remembered
def media_type(text: str) -> Term:
    """Content-Type of RFC 3261 section 20.15, in lower case, because it is compared without case."""
    term = Term.parse(text)
    if term.value.count("/") != 1 or term.value[0] == "/" or term.value[-1] == "/":
        raise MalformedSip("a Content-Type that is no type/subtype")
    return Term(term.value.lower(), term.params)


class NameAddr(NamedTuple):
    """An address as used in Contact, From, To, Route, Record-Route, Refer-To: RFC 3261 section 20.10."""

    uri: SipUri
    display: str = ""
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Raises MalformedSip."""
        return _name_addr(text)

    @property
    def tag(self) -> str:
        """The tag of a From or To, "" when it has none."""
        return self.params.get("tag") or ""

    @property
    def expires(self) -> int | None:
        """The lease a Contact asks for or has, None when it does not say."""
        value = self.params.get("expires")
        return None if value is None else seconds(value) if made_of(value, digits) else DEFAULT_EXPIRES

    def __str__(self) -> str:
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{self.params}"


@remembered
def _name_addr(text: str) -> NameAddr:
    address, ending, tag = text.partition(">;tag=")
    if ending and made_of(tag, TOKEN):  # a new tag behind an address that was read before
        uri, display, _ = _name_addr(address + ">")
        return NameAddr(uri, display, Params.of((("tag", tag, False),)))
    text = text.strip(LWS)
    display = ""
    rest = text
    if text.startswith('"'):
        end = end_of_quoted(text, 0)
        display, rest = unquote(text[:end]), text[end:].lstrip(LWS)
        if not rest.startswith("<"):
            raise MalformedSip("a display name without an address in angle brackets")
    before, bracket, rest = rest.partition("<")
    if not bracket:
        address, semicolon, params = text.partition(";")
        if "?" in address or "," in address:
            raise MalformedSip("an address that needs angle brackets has none")
        return NameAddr(SipUri.parse(address.rstrip(LWS)), "", Params.parse(params) if semicolon else NO_PARAMS)
    if before:
        display = before.strip(LWS)
        if any(character in display for character in '",;:@<>'):
            raise MalformedSip("a display name that needs quotation marks has none")
    address, bracket, params = rest.partition(">")
    params = params.strip(LWS)
    if not bracket or (params and params[0] != ";"):
        raise MalformedSip("an address in angle brackets that does not end properly")
    return NameAddr(SipUri.parse(address), display, Params.parse(params) if params else NO_PARAMS)


class Via(NamedTuple):
    """RFC 3261 section 20.42."""

    transport: str
    host: str
    port: int | None = None
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Via:
        """Raises MalformedSip."""
        protocol, semicolon, params = text.partition(";")
        return cls(*_sent(protocol), Params.parse(params) if semicolon else NO_PARAMS)

    @property
    def branch(self) -> str:
        """ "" when it has none, as in RFC 2543."""
        return self.params.get("branch") or ""

    @property
    def sent_by(self) -> str:
        """Host and port as one text, for comparing."""
        return f"{self.host.lower()}:{self.port}" if self.port is not None else self.host.lower()

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {self.host}{port}{self.params}"


@remembered
def _sent(protocol: str) -> tuple[str, str, int | None]:
    """Transport, host and port: what a Via says before its parameters."""
    if protocol[:8] == "SIP/2.0/":
        transport, _, by = protocol[8:].partition(" ")
    else:
        transport, by = _spread(protocol)
    if not made_of(transport, TOKEN):
        raise MalformedSip("a Via without a proper transport")
    by = by.strip(LWS)
    if " " in by:
        host, colon, port = by.rpartition(":")
        by = f"{host.rstrip(LWS)}{colon}{port.lstrip(LWS)}"
    return transport.upper(), *host_and_port(by)


def _spread(protocol: str) -> tuple[str, str]:
    """A sent-protocol with blanks between its parts: its transport, and what follows."""
    name, slash, rest = protocol.partition("/")
    version, another, rest = rest.partition("/")
    if name.strip(LWS).upper() != "SIP" or version.strip(LWS) != "2.0" or not (slash and another):
        raise MalformedSip("a Via that does not begin with SIP/2.0 and a transport")
    transport, _, by = rest.strip(LWS).partition(" ")
    return transport, by


class Credentials(NamedTuple):
    """A challenge or its answer, as in WWW-Authenticate and Authorization: RFC 3261 sections 20.7 and 20.44."""

    scheme: str
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Raises MalformedSip.  What is no name=value list (RFC 7235's token68) gives no parameters."""
        scheme, _, rest = text.strip(LWS).partition(" ")
        if not made_of(scheme, TOKEN):
            raise MalformedSip("credentials without a scheme")
        rest = rest.strip(LWS)
        if not rest or made_of(rest, HOST + "~+/="):
            return cls(scheme)
        return cls(scheme, Params.parse(rest, ","))

    def __str__(self) -> str:
        return f"{self.scheme} {', '.join(self.params.printed())}"
