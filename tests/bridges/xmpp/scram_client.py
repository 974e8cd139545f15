"""SCRAM from the client's side, with a hook to say something else than one should."""

from __future__ import annotations

import base64
import hashlib
import hmac

HASHES = {"sha-1": "sha1", "sha-256": "sha256"}


class ScramClient:
    """RFC 5802 section 3, the left column."""

    def __init__(self, password: str = "secret", gs2: str = "n,,", name: str = "alice", algorithm: str = "sha-256"):
        self.password, self.gs2, self.bare, self.hash = password, gs2, f"n={name},r=abc", HASHES[algorithm]

    def first(self) -> bytes:
        return (self.gs2 + self.bare).encode()

    def final(self, server_first: bytes, **say: str) -> bytes:
        fields = dict(f.split("=", 1) for f in server_first.decode().split(","))
        c = say.get("c", base64.b64encode(self.gs2.encode()).decode())
        without_proof = f"c={c},r={say.get('r', fields['r'])}{say.get('extension', '')}"
        salted = hashlib.pbkdf2_hmac(self.hash, self.password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", self.hash)
        message = f"{self.bare},{server_first.decode()},{without_proof}".encode()
        signature = hmac.digest(hashlib.new(self.hash, client_key).digest(), message, self.hash)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        return f"{without_proof},p={say.get('p', proof)}".encode()
