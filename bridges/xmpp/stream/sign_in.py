"""SASL as XMPP carries it (RFC 6120 section 6, XEP-0388): elements in, steps of a mechanism out; tries are counted."""

from __future__ import annotations

from ..syntax import xml
from ..syntax.stanza import Stanza
from . import sasl, wishes
from .hashed_token import NAME, HashedToken
from .limits import MAX_TRIES
from .profiles import SASL, SASL2, Profile
from .sasl import PLAIN, SCRAMS, Known, Mechanism, Plain, SaslError, Step, Success
from .scram import Scram
from .wishes import Wishes

INITIAL = f"{{{xml.SASL2}}}initial-response"


class SignIn:
    """The tries of one stream.  ``tokens`` are the mechanisms for those who show a token."""

    __slots__ = ("_mechanism", "_offered", "_tokens", "profile", "tries", "wishes")

    def __init__(self, offered: tuple[str, ...], tokens: tuple[str, ...] = ()) -> None:
        self._offered = offered
        self._tokens = tokens
        self._mechanism: Mechanism | None = None
        self.tries = 0
        self.profile: Profile = SASL
        """In whose words the client is answered."""
        self.wishes: Wishes | None = None
        """What was wished for with this try; None where nothing can be."""

    def hear(self, element: Stanza, domain: str) -> Step:
        """Begin, go on, or give up.  Raises SaslError."""
        match element.name:
            case "auth":
                self.profile, self.wishes = SASL, None
                self._mechanism = mechanism(self._named(element, self._offered), domain, self._offered)
                return self._stepped(self._current.respond(_content(element)))
            case "authenticate":
                self.profile, self.wishes = SASL2, self._read(element)
                self._mechanism = self._chosen(element, self.wishes, domain)
                return self._stepped(self._current.respond(sasl.decoded(_trimmed(element.tree.findtext(INITIAL)))))
            case "response":
                return self._stepped(self._current.respond(_content(element)))
            case _:
                raise SaslError("aborted")

    def answer(self, known: Known) -> Step:
        """What a step asked.  Raises SaslError."""
        return self._stepped(self._current.answer(known))

    def failed(self) -> bool:
        """This try is over.  Whether it was the last (RFC 6120 section 6.4.5)."""
        self._mechanism = None
        self.tries += 1
        return self.tries >= MAX_TRIES

    def _read(self, element: Stanza) -> Wishes:
        """A token is given only to who says which installation it is (XEP-0484 section 4.1)."""
        wished = wishes.read(element.tree)
        known = wished.token in self._tokens and wished.client
        return wished if known else wished._replace(token="")

    def _chosen(self, element: Stanza, wished: Wishes, domain: str) -> Mechanism:
        if wished.shows_token and element.attrs.get("mechanism") in self._tokens:
            if not wished.client:
                raise SaslError("malformed-request", "a token is shown by an installation with an id")
            return HashedToken(domain, wished.client)
        return mechanism(self._named(element, self._offered), domain, self._offered)

    def _named(self, element: Stanza, offered: tuple[str, ...]) -> str:
        name = element.attrs.get("mechanism", "")
        if name not in offered:
            raise SaslError("invalid-mechanism")
        return name

    def _stepped(self, step: Step) -> Step:
        if isinstance(step, Success):
            self._mechanism = None
        return step

    @property
    def _current(self) -> Mechanism:
        assert self._mechanism is not None
        return self._mechanism


def mechanism(name: str, domain: str, offered: tuple[str, ...] = ()) -> Mechanism:
    """The mechanism of that name, for people of a domain who were offered these.  Raises SaslError."""
    if name in SCRAMS:
        return Scram(name, domain, offered=offered)
    if name == PLAIN:
        return Plain(domain)
    raise SaslError("invalid-mechanism")


TOKENS = (NAME,)
"""Mechanisms for those who show a token."""


def _content(element: Stanza) -> bytes:
    if element.kids:
        raise SaslError("malformed-request", "elements where Base64 should be")
    return sasl.decoded(_trimmed(element.tree.text) if element.ns == xml.SASL2 else element.tree.text)


def _trimmed(text: str | None) -> str:
    """XEP-0388 section 2.2 would rather have no white space, and its examples have it."""
    return (text or "").strip()
