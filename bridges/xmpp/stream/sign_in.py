"""SASL as XMPP carries it (RFC 6120 section 6): elements in, steps of a mechanism out; tries are counted."""

from __future__ import annotations

from ....core.credentials import ScramKey
from ..syntax.stanza import Stanza
from . import sasl
from .limits import MAX_TRIES
from .sasl import Mechanism, SaslError, Step, Success


class SignIn:
    """The tries of one stream."""

    __slots__ = ("_mechanism", "_offered", "tries")

    def __init__(self, offered: tuple[str, ...]) -> None:
        self._offered = offered
        self._mechanism: Mechanism | None = None
        self.tries = 0

    def hear(self, element: Stanza, domain: str) -> Step:
        """``<auth/>``, ``<response/>`` or ``<abort/>``.  Raises SaslError."""
        match element.name:
            case "auth":
                name = element.attrs.get("mechanism", "")
                if name not in self._offered:
                    raise SaslError("invalid-mechanism")
                self._mechanism = sasl.mechanism(name, domain)
                return self._stepped(self._current.respond(self._content(element)))
            case "response":
                return self._stepped(self._current.respond(self._content(element)))
            case _:
                raise SaslError("aborted")

    def answer(self, known: ScramKey | bool) -> Step:
        """What a step asked.  Raises SaslError."""
        return self._stepped(self._current.answer(known))

    def failed(self) -> bool:
        """This try is over.  Whether it was the last (RFC 6120 section 6.4.5)."""
        self._mechanism = None
        self.tries += 1
        return self.tries >= MAX_TRIES

    def _stepped(self, step: Step) -> Step:
        if isinstance(step, Success):
            self._mechanism = None
        return step

    @property
    def _current(self) -> Mechanism:
        assert self._mechanism is not None
        return self._mechanism

    def _content(self, element: Stanza) -> bytes:
        if element.kids:
            raise SaslError("malformed-request", "elements where Base64 should be")
        return sasl.decoded(element.tree.text)
