"""Typed views of headers, declared on the message class: parsed once, on demand, and forgotten when changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Self, TypeVar, overload

from .grammar import MalformedSip
from .names import key_of

if TYPE_CHECKING:
    from .message import SipMessage

T = TypeVar("T")


class One(Generic[T]):
    """A typed view of a header that must be there once."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self._name, self._key, self._parse = name, key_of(name), parse

    @overload
    def __get__(self, message: None, owner: type) -> Self: ...
    @overload
    def __get__(self, message: SipMessage, owner: type) -> T: ...
    def __get__(self, message: SipMessage | None, owner: type) -> T | Self:
        if message is None:
            return self
        typed = message._typed
        if self._key not in typed:
            text = message._first(self._key)
            if text is None:
                raise MalformedSip(f"no {self._name}")
            typed[self._key] = self._parse(text)
        value: T = typed[self._key]
        return value


class Maybe(Generic[T]):
    """A typed view of a header that may be absent."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self._key, self._parse = key_of(name), parse

    @overload
    def __get__(self, message: None, owner: type) -> Self: ...
    @overload
    def __get__(self, message: SipMessage, owner: type) -> T | None: ...
    def __get__(self, message: SipMessage | None, owner: type) -> T | Self | None:
        if message is None:
            return self
        typed = message._typed
        if self._key not in typed:
            text = message._first(self._key)
            typed[self._key] = None if text is None else self._parse(text)
        value: T | None = typed[self._key]
        return value


class Many(Generic[T]):
    """A typed view of a header that is a list."""

    def __init__(self, name: str, parse: Callable[[list[str]], T]) -> None:
        self._key, self._parse = key_of(name), parse

    @overload
    def __get__(self, message: None, owner: type) -> Self: ...
    @overload
    def __get__(self, message: SipMessage, owner: type) -> T: ...
    def __get__(self, message: SipMessage | None, owner: type) -> T | Self:
        if message is None:
            return self
        typed = message._typed
        if self._key not in typed:
            typed[self._key] = self._parse(message.all(self._key))
        value: T = typed[self._key]
        return value
