"""GRUUs: addresses that mean one instance of a person, wherever it is registered (RFC 5627)."""

from __future__ import annotations

import hmac
import secrets
from base64 import b32decode, b32encode
from collections.abc import Iterable
from hashlib import blake2b

from ....core.identity import Endpoint
from ..syntax.grammar import Params
from ..syntax.uri import SipUri
from ..translate import identity_of, sip_uri

NONCE, LIFE, PROOF = 9, 8, 8
"""Bytes of a temporary GRUU: chance, what it means in cipher, and the keyed hash over both; 40 characters together."""
PREFIX = "tgruu."
"""How the user part of a temporary GRUU begins."""
MARK = "gr"


class Gruus:
    """Public ones say who and which instance.  Temporary ones say nothing to anybody but us (section 3.1.2).

    A temporary one is no row of a table: in it is, enciphered, to which life of a registration it belongs, that is
    to which Call-ID (section 4.2).  So any number of them may be given out, and all end together.
    """

    def __init__(self, secret: bytes) -> None:
        self._cipher = hmac.digest(secret, b"cipher of temporary GRUUs", "sha256")
        self._proof = hmac.digest(secret, b"proof of temporary GRUUs", "sha256")
        self._lives: dict[bytes, Endpoint] = {}
        self._of: dict[Endpoint, frozenset[bytes]] = {}

    def alive(self, endpoint: Endpoint, call_ids: Iterable[str]) -> None:
        """These are the Call-IDs under which the endpoint is registered now; temporary GRUUs of others are void."""
        lives = frozenset(self._life(endpoint, call_id) for call_id in call_ids)
        for over in self._of.pop(endpoint, frozenset()) - lives:
            del self._lives[over]
        if lives:
            self._of[endpoint] = lives
            self._lives |= dict.fromkeys(lives, endpoint)

    def public(self, endpoint: Endpoint, scheme: str = "sip") -> SipUri:
        """The one that stays the same."""
        who = sip_uri(endpoint.identity)
        return SipUri(scheme, who.user, who.host, params=Params.of([(MARK, endpoint.instance, False)]))

    def temporary(self, endpoint: Endpoint, call_id: str, scheme: str = "sip") -> SipUri:
        """A new one."""
        nonce = secrets.token_bytes(NONCE)
        told = nonce + self._crossed(self._life(endpoint, call_id), nonce)
        token = b32encode(told + self._signed(told)).decode().lower()
        return SipUri(scheme, PREFIX + token, sip_uri(endpoint.identity).host, params=Params.of([(MARK, "", False)]))

    def resolve(self, uri: SipUri) -> Endpoint | None:
        """Which endpoint a GRUU means, registered or not; None for one that is nobody's or is void.

        Raises BadAddress for what is no address of a person.
        """
        if MARK not in uri.params:
            return None
        instance = uri.params[MARK]
        if instance:
            return Endpoint(identity_of(uri), instance)
        endpoint = self._lives.get(self._read(uri.user))
        return endpoint if endpoint is not None and sip_uri(endpoint.identity).host == uri.host.lower() else None

    # ---- inside

    def _read(self, user: str) -> bytes:
        try:
            told = b32decode(user.lower().removeprefix(PREFIX).upper())
        except ValueError:
            return b""
        told, proof = told[: NONCE + LIFE], told[NONCE + LIFE :]
        if not user.lower().startswith(PREFIX) or not hmac.compare_digest(proof, self._signed(told)):
            return b""
        return self._crossed(told[NONCE:], told[:NONCE])

    def _life(self, endpoint: Endpoint, call_id: str) -> bytes:
        text = f"{endpoint.identity}\0{endpoint.instance}\0{call_id}".encode("utf-8", "surrogateescape")
        return blake2b(text, key=self._cipher, digest_size=LIFE).digest()

    def _crossed(self, text: bytes, nonce: bytes) -> bytes:
        """Enciphered, or deciphered: one block of a keystream that no nonce begins twice."""
        stream = blake2b(nonce, key=self._cipher, digest_size=LIFE, person=b"keystream").digest()
        return bytes(one ^ other for one, other in zip(text, stream, strict=True))

    def _signed(self, told: bytes) -> bytes:
        return blake2b(told, key=self._proof, digest_size=PROOF).digest()


def is_gruu(uri: SipUri) -> bool:
    """Whether it means one instance (section 3.1: the parameter ``gr``)."""
    return uri.is_sip and MARK in uri.params
