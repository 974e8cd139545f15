"""How a component proves that it knows the secret (XEP-0114 section 3)."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def stream_id() -> str:
    """What nobody can guess before the stream is open (RFC 6120 section 4.7.3)."""
    return secrets.token_hex(16)


def proof(stream: str, secret: str) -> str:
    """SHA-1 over the stream's id and the secret, in lower-case hexadecimal digits."""
    return hashlib.sha1(f"{stream}{secret}".encode()).hexdigest()


def proves(said: str, stream: str, secret: str) -> bool:
    """Whether this is that proof; takes as long for a wrong one as for a right one."""
    return hmac.compare_digest(said.strip().encode(), proof(stream, secret).encode())
