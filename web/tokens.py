"""Viewer tokens: a signed statement who is looking, good until a moment, short enough for an address.

he1.<key id>.<claim, base64url>.<HMAC-SHA-256, base64url>
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import NamedTuple

import msgspec

from ..core.errors import BadAddress
from ..core.identity import Identity

VERSION = "he1"
MAX_TOKEN = 4096
"""Characters of a token; an address may have 2047 bytes."""
PURPOSE = b"viewer tokens of the web pages, 1"


class Claim(msgspec.Struct, forbid_unknown_fields=True):
    """What a token says: the watcher, and when it ends (seconds since 1970)."""

    sub: str
    exp: int


class Viewer(NamedTuple):
    """Who is looking: None for anybody, and until when that is proven."""

    identity: Identity | None
    expires: float


ANYBODY = Viewer(None, float("inf"))


def key_of(secret: bytes) -> bytes:
    """The key that signs tokens, derived from the server's own secret."""
    return hmac.digest(secret, PURPOSE, "sha256")


def sign_token(key: bytes, watcher: Identity, expires: datetime) -> str:
    """A token that lets whoever has it look with the watcher's eyes until ``expires``."""
    claim = msgspec.json.encode(Claim(str(watcher), int(expires.timestamp())))
    signed = f"{VERSION}.{_key_id(key)}.{_text(claim)}"
    return f"{signed}.{_text(hmac.digest(key, signed.encode(), 'sha256'))}"


def verify(key: bytes, token: str, now: datetime) -> Viewer | None:
    """Who the token proves to be looking; None when it is not ours, was changed, or has ended."""
    signed, _, mac = token.rpartition(".")
    parts = signed.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3 or not token.isascii() or parts[0] != VERSION:
        return None
    if not hmac.compare_digest(_text(hmac.digest(key, signed.encode(), "sha256")), mac):
        return None
    try:
        claim = msgspec.json.decode(_bytes(parts[2]), type=Claim)
        watcher = Identity.parse(claim.sub)
    except (binascii.Error, ValueError, msgspec.DecodeError, BadAddress):
        return None
    return Viewer(watcher, claim.exp) if claim.exp > now.timestamp() else None


def _key_id(key: bytes) -> str:
    """Tells keys apart without telling them."""
    return hashlib.sha256(key).hexdigest()[:8]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
