"""The names of RFC 3261 section 25 as character sets and linear scanners.  No regular expressions, no sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from string import ascii_letters, digits, hexdigits
from typing import TYPE_CHECKING, TypeVar

from ....core.errors import HereaboutsError

if TYPE_CHECKING:
    from .message import Request

ALPHANUM = ascii_letters + digits
UNRESERVED = ALPHANUM + "-_.!~*'()"
TOKEN = ALPHANUM + "-.!%*_+`'~"
LWS = " \t"

REMEMBERED = 4096
MAX_REMEMBERED_LENGTH = 256
T = TypeVar("T")

MAX_SECONDS = 2**32 - 1

CONTROLS = bytes([*range(0x20), 0x7F])
"""What never stands in a header value, and only as CR LF between headers."""


class MalformedSip(HereaboutsError):
    """Bytes that are no SIP message, or a header that breaks its grammar.

    ``request`` is what could be read of it, when that is enough to answer; ``status`` is the answer; ``length`` the
    length of the body behind it, when that can be trusted.
    """

    def __init__(
        self, reason: str, request: Request | None = None, status: int = 400, length: int | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.request = request
        self.status = status
        self.length = length


def remembered(read: Callable[[str], T]) -> Callable[[str], T]:
    """A reader that remembers what it read last, because clients say the same things again and again.

    What it returns must be immutable.  Long texts are not remembered, so the memory has a bound.
    """
    known = lru_cache(REMEMBERED)(read)

    def reading(text: str) -> T:
        return known(text) if len(text) <= MAX_REMEMBERED_LENGTH else read(text)

    return reading


def made_of(text: str, alphabet: str) -> bool:
    """Whether the text is not empty and has characters of the alphabet only."""
    return bool(text) and not text.strip(alphabet)


def number(text: str, limit: int, what: str) -> int:
    """A decimal number up to the limit.  Digits only, so no sign, no blank, no other script's digits."""
    if text.isdecimal() and len(text) < 9 and text.isascii() and (found := int(text)) <= limit:
        return found
    if not made_of(text, digits):
        raise MalformedSip(f"{what} is not a number")
    significant = text.lstrip("0")
    if len(significant) > len(str(limit)) or int(significant or "0") > limit:
        raise MalformedSip(f"{what} is greater than {limit}")
    return int(significant or "0")


def seconds(text: str) -> int:
    """A lease as Expires has it.  What is beyond 32 bits counts as MAX_SECONDS (RFC 4475 section 3.1.2.4)."""
    if text.isdecimal() and len(text) < 9 and text.isascii():
        return int(text)
    if not made_of(text, digits):
        raise MalformedSip("not a number of seconds")
    significant = text.lstrip("0")
    return min(int(significant or "0"), MAX_SECONDS) if len(significant) <= len(str(MAX_SECONDS)) else MAX_SECONDS


def unescape(text: str) -> str:
    """Percent escapes to characters, once; octets that are no UTF-8 survive as surrogates."""
    if "%" not in text:
        return text
    first, *parts = text.split("%")
    octets = bytearray(first, "utf-8", "surrogateescape")
    for part in parts:
        if len(part) < 2 or part[:2].strip(hexdigits):
            raise MalformedSip("a percent sign without two hexadecimal digits")
        octets.append(int(part[:2], 16))
        octets += part[2:].encode("utf-8", "surrogateescape")
    return octets.decode("utf-8", "surrogateescape")


def escape(text: str, alphabet: str) -> str:
    """Characters outside the alphabet to percent escapes."""
    if not text.strip(alphabet):
        return text
    octets = text.encode("utf-8", "surrogateescape")
    return "".join(c if (c := chr(octet)) in alphabet else f"%{octet:02X}" for octet in octets)


def quote(text: str) -> str:
    """A quoted-string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def end_of_quoted(text: str, start: int) -> int:
    """The index just behind the quoted-string that starts here."""
    at = start + 1
    while True:
        end = text.find('"', at)
        if end < 0:
            raise MalformedSip("a quotation mark is never closed")
        slash = text.find("\\", at, end)
        if slash < 0:
            return end + 1
        at = slash + 2


def unquote(text: str) -> str:
    """The content of a quoted-string, given with its quotation marks."""
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    kept: list[str] = []
    at = 0
    while (slash := inner.find("\\", at)) >= 0:
        kept += inner[at:slash], inner[slash + 1 : slash + 2]
        at = slash + 2
    return "".join(kept) + inner[at:]


def split(text: str, separator: str) -> list[str]:
    """Cut at a separator that stands outside quotation marks and angle brackets, blanks around the parts removed."""
    if '"' not in text and "<" not in text:
        return [part.strip(LWS) for part in text.split(separator)]
    parts: list[str] = []
    start = at = 0
    cut = quotation = bracket = -1
    while True:
        # Each position is looked for again only when it was passed, so that the whole stays linear.
        cut = text.find(separator, at) if cut < at else cut
        if cut < 0:
            break
        quotation = _next(text, '"', at) if quotation < at else quotation
        bracket = _next(text, "<", at) if bracket < at else bracket
        if quotation < cut and quotation < bracket:
            at = end_of_quoted(text, quotation)
        elif bracket < cut:
            at = _next(text, ">", bracket)
        else:
            parts.append(text[start:cut].strip(LWS))
            start = at = cut + 1
    parts.append(text[start:].strip(LWS))
    return parts


def _next(text: str, character: str, at: int) -> int:
    found = text.find(character, at)
    return len(text) if found < 0 else found


class Params(Mapping[str, str]):
    """The ``;name=value`` list behind a header's value or inside a URI.  A value object: names compare without case.

    A name without a value is there with the value "".  Spelling, order and quotation marks are kept for printing.
    """

    __slots__ = ("_found", "_triples")

    def __init__(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        given = pairs.items() if isinstance(pairs, Mapping) else pairs
        self._triples = tuple((name, value, _must_quote(value)) for name, value in given)
        self._found = {name.lower(): value for name, value, _ in self._triples}
        for name in self._found:
            if not made_of(name, TOKEN):
                raise ValueError(f"{name!r} is no name of a parameter")

    @classmethod
    def of(cls, triples: Iterable[tuple[str, str, bool]]) -> Params:
        """From (name, value, quoted) as read.  RFC 3261 section 7.3.1: no name appears more than once."""
        params = cls.__new__(cls)
        params._triples = triples = tuple(triples)
        params._found = {name.lower(): value for name, value, _ in triples}
        if len(params._found) < len(triples):
            raise MalformedSip("a parameter appears twice")
        return params

    @classmethod
    def parse(cls, text: str, separator: str = ";") -> Params:
        """Generic parameters, with or without the first separator."""
        text = text.strip(LWS)
        if not text:
            return NO_PARAMS
        text = text.removeprefix(separator)
        if '"' in text:
            return cls.of([_parameter(part) for part in split(text, separator)])
        triples: list[tuple[str, str, bool]] = []
        for part in text.split(separator):
            name, _, value = part.partition("=")
            if name and value and not name.strip(TOKEN) and not value.strip(VALUE):
                triples.append((name, value, False))
            else:
                triples.append(_parameter(part.strip(LWS)))
        return cls.of(triples)

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The value without quotation marks, "" when the name has none."""
        value = self._found.get(name)
        return self._found.get(name.lower(), default) if value is None else value

    def __getitem__(self, name: str) -> str:
        return self._found[name.lower()]

    def __contains__(self, name: object) -> bool:
        return name in self._found or (isinstance(name, str) and name.lower() in self._found)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _, _ in self._triples)

    def __len__(self) -> int:
        return len(self._triples)

    def with_(self, name: str, value: str = "", *, quoted: bool | None = None) -> Params:
        """With this one set.  Quoted when asked, or when its value needs it."""
        if not made_of(name, TOKEN):
            raise ValueError(f"{name!r} is no name of a parameter")
        new = (name, value, _must_quote(value) if quoted is None else quoted)
        if name in self:
            return Params.of(new if old[0].lower() == name.lower() else old for old in self._triples)
        return Params.of((*self._triples, new))

    def plus(self, pairs: Mapping[str, str]) -> Params:
        """With all of these set, none of them quoted."""
        params = Params.__new__(Params)
        kept = self._triples
        if not self._found.keys().isdisjoint(pairs):
            kept = tuple([triple for triple in kept if triple[0].lower() not in pairs])
        params._triples = (*kept, *[(name, value, False) for name, value in pairs.items()])
        params._found = {**self._found, **pairs}
        return params

    def without(self, name: str) -> Params:
        """Without this one."""
        return Params.of(triple for triple in self._triples if triple[0].lower() != name.lower())

    def __str__(self) -> str:
        """As it stands behind a header's value, each with its semicolon."""
        return "".join([f";{part}" for part in self.printed()]) if self._triples else ""

    def printed(self) -> list[str]:
        """Each as it is printed, without separators."""
        return [
            f"{name}={quote(value)}" if quoted else f"{name}={value}" if value else name
            for name, value, quoted in self._triples
        ]

    def __repr__(self) -> str:
        return f"Params({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Params) and self._found == other._found

    def __hash__(self) -> int:
        return hash(frozenset(self._found.items()))


VALUE = TOKEN + "[]:/=@&$()"
"""What a value has without quotation marks: token and host of the grammar, and what clients put there besides."""


def _must_quote(value: str) -> bool:
    return bool(value) and bool(value.strip(VALUE))


def _parameter(text: str) -> tuple[str, str, bool]:
    name, equals, value = text.partition("=")
    name, value = name.rstrip(LWS), value.lstrip(LWS)
    if not made_of(name, TOKEN):
        raise MalformedSip("a parameter without a proper name")
    if not equals:
        return name, "", False
    if value[:1] == '"':
        if end_of_quoted(value, 0) != len(value):
            raise MalformedSip("a parameter with something behind its quoted value")
        return name, unquote(value), True
    if not made_of(value, VALUE):
        raise MalformedSip("a parameter without a proper value")
    return name, value, False


NO_PARAMS = Params()
