"""Numbers as people dial them, and as they are meant: tel URIs, digits in SIP URIs, normalisation to E.164.

Pure: no socket, no clock, no directory.  Patterns are a small language that matches in one pass, not regular
expressions: what is dialled comes from outside, and so may be as hostile as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import digits
from typing import NamedTuple

from ..syntax.grammar import MalformedSip, made_of, unescape
from ..syntax.uri import SipUri

MAX_NUMBER = 32
"""Characters of a number as it is dialled."""
MAX_E164 = 15
"""Digits of an international number: ITU-T E.164."""
MAX_PATTERN = 64
"""Characters of a pattern."""

SEPARATORS = "-.()"
"""What stands in a tel URI for the eye alone (RFC 3966 section 5.1.1)."""
DIALLED = digits + "+*#"
"""What a number has besides: the international sign, and the keys of a telephone."""
CLASSES = {"X": digits, "Z": digits[1:], "N": digits[2:]}
ALL, MORE = "*", "."


class Dialled(NamedTuple):
    """A number as somebody dialled it, without what is for the eye alone.

    ``context`` is the phone-context of RFC 3966 section 5.1.5, ``extension`` what is dialled once somebody answers.
    """

    number: str
    context: str = ""
    extension: str = ""

    @property
    def is_global(self) -> bool:
        """Whether it means the same everywhere."""
        return self.number.startswith("+")


def dialled(uri: SipUri) -> Dialled | None:
    """The number that a tel URI, or the user part of a SIP URI, stands for; None when it is no number.

    RFC 3966; RFC 3261 section 19.1.6 says how the one looks in the other, whether or not ``user=phone`` says so.
    """
    if uri.scheme == "tel":
        try:
            return _subscriber(unescape(uri.opaque))
        except MalformedSip:
            return None
    return _subscriber(uri.user) if uri.is_sip and uri.user else None


def written(text: str) -> Dialled | None:
    """A number as people write it: blanks, dashes, slashes and brackets do not count, nor the ``(0)`` behind a +49."""
    text = text.strip().removeprefix("tel:")
    if text.startswith("+"):
        text = text.replace("(0)", "", 1)
    return _subscriber("".join(c for c in text if c not in " /\u00a0"))


def _subscriber(text: str) -> Dialled | None:
    number, *params = text.split(";")
    number = number.translate({ord(c): None for c in SEPARATORS})
    if not made_of(number, DIALLED) or len(number) > MAX_NUMBER or "+" in number[1:] or number == "+":
        return None
    if number[0] == "+" and (not made_of(number[1:], digits) or len(number) > MAX_E164 + 1):
        return None
    named = {name.lower(): value for name, _, value in (param.partition("=") for param in params)}
    extension = named.get("ext", "").translate({ord(c): None for c in SEPARATORS})
    if extension and (not made_of(extension, digits) or len(extension) > MAX_NUMBER):
        return None
    return Dialled(number, named.get("phone-context", "").lower(), extension)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which numbers are meant.

    A digit, ``+``, ``#`` and ``*`` stand for themselves, ``X`` for any digit, ``Z`` for 1 to 9, ``N`` for 2 to 9,
    ``[1-35]`` for one of these.  At the end, ``.`` stands for one or more further digits and ``*`` for any number of
    them, none too.
    """

    text: str
    places: tuple[str, ...]
    end: str = ""

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Raises ValueError with what is wrong, to be read after the option's name."""
        if not 0 < len(text) <= MAX_PATTERN:
            raise ValueError(f"must be a pattern of 1 to {MAX_PATTERN} characters")
        end = text[-1] if text[-1] in (ALL, MORE) else ""
        body, places = text[: len(text) - len(end)], []
        while body:
            if body[0] == "[":
                inside, bracket, body = body[1:].partition("]")
                if not bracket:
                    raise ValueError(f'has "{text}", whose bracket is not closed')
                places.append(_one_of(inside, text))
            elif body[0] in CLASSES or body[0] in DIALLED:
                places.append(CLASSES.get(body[0], body[0]))
                body = body[1:]
            else:
                raise ValueError(
                    f'has "{body[0]}" in "{text}", which no pattern has: digits, +, *, #, X (any), Z (1-9), N (2-9), '
                    "[1-35], and at the end * (any more) or . (at least one more)"
                )
        return cls(text, tuple(places), end)

    def matches(self, number: str) -> bool:
        """Whether a number is one of those meant; takes as long as the number."""
        rest = number[len(self.places) :]
        if len(number) < len(self.places) or any(c not in place for c, place in zip(number, self.places, strict=False)):
            return False
        if not self.end:
            return not rest
        return made_of(rest, digits) or (self.end == ALL and not rest)


def _one_of(inside: str, text: str) -> str:
    found = ""
    while inside:
        span, inside = (inside[:3], inside[3:]) if inside[1:2] == "-" else (inside[0] * 3, inside[1:])
        if len(span) < 3 or span[0] not in digits or span[2] not in digits or span[0] > span[2]:
            raise ValueError(f'has "{text}", where the brackets are not of digits, as in [1-35]')
        found += digits[int(span[0]) : int(span[2]) + 1]
    if not found:
        raise ValueError(f'has "{text}", where the brackets are not of digits, as in [1-35]')
    return found


@dataclass(frozen=True, slots=True)
class Translation:
    """A normalisation rule: which numbers, how many of their first characters go, and what comes in their place."""

    pattern: Pattern
    remove: int
    add: str

    def applied(self, number: str) -> str:
        """The number as the rule has it."""
        return self.add + number[self.remove :]


@dataclass(frozen=True, slots=True)
class DialPlan:
    """What numbers mean here: the first rule that fits a number makes it what it is, and no other."""

    rules: Sequence[Translation] = ()
    contexts: frozenset[str] = frozenset()
    """The phone-contexts whose local numbers are ours: our domains, and the beginning of our numbers as ``+4930``."""

    def normalised(self, number: Dialled) -> str:
        """The number in E.164, or as it is when no rule fits it; nothing for one of a context that is not ours.

        A context is never put before a number: RFC 3966 section 5.1.5 says that this need not give a valid one.
        """
        if number.is_global:
            return number.number
        if number.context and number.context not in self.contexts:
            return ""
        for rule in self.rules:
            if rule.pattern.matches(number.number):
                return rule.applied(number.number)
        return number.number


def plan_of(rules: Iterable[tuple[str, int, str]], contexts: Iterable[str] = ()) -> DialPlan:
    """The plan of (pattern, how many to remove, what to add), in their order.  Raises ValueError."""
    made = []
    for text, remove, add in rules:
        pattern = Pattern.parse(text)
        if remove > len(pattern.places) + (pattern.end == MORE):
            raise ValueError(f"is {remove}, which is more than {text} has for certain")
        if add and _subscriber(add) is None and add != "+":
            raise ValueError(f'has "{add}", which no number begins with')
        made.append(Translation(pattern, remove, add))
    return DialPlan(tuple(made), frozenset(context.lower() for context in contexts))
