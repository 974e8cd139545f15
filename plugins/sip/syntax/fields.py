"""What requests and responses have in common: headers in their order, typed views of them, and a body."""

from __future__ import annotations

from collections.abc import Callable, Iterable, KeysView
from typing import ClassVar, Generic, Self, TypeAlias, TypeVar, overload

from .grammar import CONTROLS, TOKEN, MalformedSip, made_of, seconds, split
from .headers import STAR, CSeq, NameAddr, Star, Term, Via, media_type
from .names import KEYS, LIST_KEYS, SHORT, key_of

MAX_FORWARDS = 255
NONE: frozenset[str] = frozenset()
T = TypeVar("T")
Value: TypeAlias = object
"""What can be written into a header: whatever prints itself as the header's text."""


class _View:
    """A header's typed view.  Its value is kept in the message's own dictionary, where Python looks first."""

    def __init__(self, name: str) -> None:
        self._name, self._key, self._attribute = name, key_of(name), ""

    def __set_name__(self, owner: type[SipMessage], attribute: str) -> None:
        self._attribute = owner.views[self._key] = attribute


class One(_View, Generic[T]):
    """A typed view of a header that must be there once."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        super().__init__(name)
        self._parse = parse

    @overload
    def __get__(self, message: None, owner: type) -> Self: ...
    @overload
    def __get__(self, message: SipMessage, owner: type) -> T: ...
    def __get__(self, message: SipMessage | None, owner: type) -> T | Self:
        if message is None:
            return self
        text = message._firsts.get(self._key)
        if text is None:
            raise MalformedSip(f"no {self._name}")
        value = message.__dict__[self._attribute] = self._parse(text)
        return value


class Maybe(_View, Generic[T]):
    """A typed view of a header that may be absent."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        super().__init__(name)
        self._parse = parse

    @overload
    def __get__(self, message: None, owner: type) -> Self: ...
    @overload
    def __get__(self, message: SipMessage, owner: type) -> T | None: ...
    def __get__(self, message: SipMessage | None, owner: type) -> T | Self | None:
        if message is None:
            return self
        text = message._firsts.get(self._key)
        value = message.__dict__[self._attribute] = None if text is None else self._parse(text)
        return value


class Many(_View, Generic[T]):
    """A typed view of a header that is a list."""

    def __init__(self, name: str, parse: Callable[[list[str]], T]) -> None:
        super().__init__(name)
        self._parse = parse

    @overload
    def __get__(self, message: None, owner: type) -> Self: ...
    @overload
    def __get__(self, message: SipMessage, owner: type) -> T: ...
    def __get__(self, message: SipMessage | None, owner: type) -> T | Self:
        if message is None:
            return self
        value = message.__dict__[self._attribute] = self._parse(message._all(self._key))
        return value


def _contacts(texts: list[str]) -> list[NameAddr] | Star:
    if "*" in texts:
        if len(texts) > 1:
            raise MalformedSip("Contact: * beside other contacts")
        return STAR
    return [NameAddr.parse(text) for text in texts]


def _max_forwards(text: str) -> int:
    """RFC 3261 section 20.22; what is greater than 255 counts as 255 (RFC 4475 section 3.1.2.4)."""
    return min(seconds(text), MAX_FORWARDS)


class SipMessage:
    """Headers in their order and a body.  Content-Length is no header here: it is printed from the body."""

    __slots__ = ("__dict__", "_fields", "_firsts", "_lists", "body", "compact")

    views: ClassVar[dict[str, str]] = {}
    """Under which attribute each header is seen."""

    call_id = One("Call-ID", str)
    cseq = One("CSeq", CSeq.parse)
    from_ = One("From", NameAddr.parse)
    to = One("To", NameAddr.parse)
    via = Many("Via", lambda texts: [Via.parse(text) for text in texts])
    contacts = Many("Contact", _contacts)
    routes = Many("Route", lambda texts: [NameAddr.parse(text) for text in texts])
    record_routes = Many("Record-Route", lambda texts: [NameAddr.parse(text) for text in texts])
    expires = Maybe("Expires", seconds)
    max_forwards = Maybe("Max-Forwards", _max_forwards)
    content_type = Maybe("Content-Type", media_type)
    event = Maybe("Event", Term.parse)
    subscription_state = Maybe("Subscription-State", Term.parse)

    def __init__(self, headers: Iterable[tuple[str, Value]] = (), body: bytes = b"") -> None:
        self._fields: list[tuple[str, str, str]] = []
        self._lists: dict[str, list[str]] = {}
        self._firsts: dict[str, str] = {}
        self.body = body
        self.compact = False
        """Whether it is printed with the short forms of names: RFC 3261 section 7.3.3."""
        for name, value in headers:
            self.add(name, value)

    def first(self, name: str) -> str | None:
        """The text of the header's first value, None when it is absent."""
        key = key_of(name)
        value = self._firsts.get(key)
        return value if value is None or key not in LIST_KEYS else next(iter(self._all(key)), None)

    def all(self, name: str) -> list[str]:
        """The texts of all its values; where the header is a list, comma-separated ones count as several."""
        key = key_of(name)
        return list(self._all(key)) if key in self._firsts else []

    @property
    def present(self) -> KeysView[str]:
        """Which headers are there, by the keys of names.py."""
        return self._firsts.keys()

    def headers(self) -> list[tuple[str, str]]:
        """Every header line, name as written, in order."""
        return [(name, value) for _, name, value in self._fields]

    def lines(self) -> list[tuple[str, str, str]]:
        """The same with the key of each in front: what a message like this one can be prepared from."""
        return list(self._fields)

    def set(self, name: str, value: Value) -> None:
        """Replace the header, where it stands; append it when it is absent."""
        key, text = self._changes(name), str(value)
        at = self._index(key)
        self._fields[at:] = [(key, name, text), *(field for field in self._fields[at:] if field[0] != key)]
        self._firsts[key] = text

    def add(self, name: str, value: Value, *, first: bool = False) -> None:
        """One more line of this header, behind all others, or in front (a Via, a Record-Route)."""
        key, text = self._changes(name), str(value)
        if first:
            self._fields.insert(0, (key, name, text))
            self._firsts[key] = text
        else:
            self._fields.append((key, name, text))
            self._firsts.setdefault(key, text)

    def set_top(self, name: str, value: Value) -> None:
        """Replace the first value of a list that is there; the others stay."""
        key, text = key_of(name), str(value)
        at = self._index(key)
        _, written, old = self._fields[at]
        if "," in old:
            text = ", ".join([text, *split(old, ",")[1:]])
        self._fields[at] = (key, written, text)
        self._firsts[key] = text
        self._lists.pop(key, None)
        typed = self.__dict__.get(self.views.get(key, ""))
        if isinstance(typed, list):
            self.__dict__[self.views[key]] = [value, *typed[1:]]

    def drop(self, name: str) -> None:
        """Without this header."""
        key = self._changes(name)
        if self._firsts.pop(key, None) is not None:
            self._fields = [field for field in self._fields if field[0] != key]

    def repeated(self) -> frozenset[str]:
        """The keys of the headers that stand on more than one line."""
        if len(self._firsts) == len(self._fields):
            return NONE
        keys = [field[0] for field in self._fields]
        return frozenset(key for key in self._firsts if keys.count(key) > 1)

    def _index(self, key: str) -> int:
        for index, field in enumerate(self._fields):
            if field[0] == key:
                return index
        return len(self._fields)

    def _fill(self, fields: list[tuple[str, str, str]]) -> None:
        """Have these headers and no others."""
        self._fields = fields
        self._firsts = {key: value for key, _, value in reversed(fields)}

    def _all(self, key: str) -> list[str]:
        found = self._lists.get(key)
        if found is None:
            if len(self._firsts) == len(self._fields):  # every name stands once, so there is nothing to look for
                first = self._firsts.get(key)
                found = [] if first is None else [first]
            else:
                found = [value for known, _, value in self._fields if known == key]
            if key in LIST_KEYS and found:
                found = [part for value in found if value for part in (split(value, ",") if "," in value else (value,))]
            self._lists[key] = found
        return found

    def _changes(self, name: str) -> str:
        if name not in KEYS and not made_of(name, TOKEN):
            raise ValueError(f"{name!r} is no name of a header")
        key = key_of(name)
        if key == "content-length":
            raise ValueError("Content-Length is counted, not set")
        self.__dict__.pop(self.views.get(key, ""), None)
        self._lists.pop(key, None)
        return key

    def _printed(self, start: str) -> bytes:
        """RFC 3261 section 7.  The second wall against header injection: no control character leaves in a head."""
        lines = [start]
        if self.compact:
            lines += [f"{SHORT.get(key, name)}:{value}" for key, name, value in self._fields]
            lines.append(f"l:{len(self.body)}\r\n\r\n")
        else:
            lines += [f"{name}: {value}" for _, name, value in self._fields]
            lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        head = "\r\n".join(lines).encode("utf-8", "surrogateescape")
        if len(head) - len(head.translate(None, CONTROLS)) != 2 * len(lines) + 2:
            raise ValueError("a control character in a header")
        return head + self.body
