"""What our Record-Route says of a call: which two ends it joins, sealed, so that nobody else reads or makes one."""

from __future__ import annotations

import base64
import hmac
from hashlib import blake2s, shake_256
from typing import NamedTuple

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..transport.addresses import RECORDED

PARAM = RECORDED
"""The parameter of our Record-Route's URI."""
MAX_TOKEN = 800
"""Characters of a sealed parameter that are looked at."""
PROOF = 12
"""Octets that prove it."""
MARK = 8
"""Octets that name the dialog."""
SEPARATOR = "\n"


class End(NamedTuple):
    """One end of a call: a person's endpoint (by the short name of its instance), or another server."""

    who: Identity | None = None
    place: str = ""
    peer: str = ""
    """``trunk:`` or ``domain:`` and its name, where the end is not registered here."""


class Crossing(NamedTuple):
    """A request inside a call: from which end to which."""

    sender: End
    receiver: End
    by_caller: bool


class Tokens:
    """Sealed with a secret that outlives the process: a BYE finds its way after a restart, when nothing else is known.

    What is sealed is encrypted with a key stream that its own proof chooses, so equal calls have equal tokens and
    nothing has to be counted or kept.  It says neither side more of the other than the call itself does.
    """

    def __init__(self, secret: bytes) -> None:
        self._proving = hmac.digest(secret, b"proof of Record-Route", "sha256")
        self._hiding = hmac.digest(secret, b"stream of Record-Route", "sha256")

    def seal(self, call_id: str, caller_tag: str, caller: End, callee: End) -> str:
        """The token for the Record-Route of one branch."""
        text = SEPARATOR.join([*_written(caller), *_written(callee)])
        plain = _mark(call_id, caller_tag) + text.encode("utf-8", "surrogateescape")
        proof = hmac.digest(self._proving, plain, "sha256")[:PROOF]
        return base64.urlsafe_b64encode(proof + self._stream(proof, plain)).decode().rstrip("=")

    def open(self, token: str, call_id: str, from_tag: str, to_tag: str) -> Crossing | None:
        """Which way a request goes; None for a token that is not ours, or belongs to another call."""
        if len(token) > MAX_TOKEN:
            return None
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        proof, plain = sealed[:PROOF], self._stream(sealed[:PROOF], sealed[PROOF:])
        if not hmac.compare_digest(proof, hmac.digest(self._proving, plain, "sha256")[:PROOF]):
            return None
        parts = plain[MARK:].decode("utf-8", "surrogateescape").split(SEPARATOR)
        caller, callee = _read(*parts[:3]), _read(*parts[3:])
        if plain[:MARK] == _mark(call_id, from_tag):
            return Crossing(caller, callee, True)
        if plain[:MARK] == _mark(call_id, to_tag):
            return Crossing(callee, caller, False)
        return None

    def _stream(self, proof: bytes, octets: bytes) -> bytes:
        stream = shake_256(self._hiding + proof).digest(len(octets))
        return bytes(one ^ other for one, other in zip(octets, stream, strict=True))


def _mark(call_id: str, caller_tag: str) -> bytes:
    return blake2s(f"{call_id}\0{caller_tag}".encode("utf-8", "surrogateescape"), digest_size=MARK).digest()


def _written(end: End) -> tuple[str, str, str]:
    return str(end.who or ""), end.place, end.peer


def _read(who: str, place: str, peer: str) -> End:
    try:
        return End(Identity.parse(who) if who else None, place, peer)
    except BadAddress:
        return End(None, place, peer)
