"""The options of external services: a table ``[xmpp.services.NAME]`` for each."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ....core.options import Secret

STANDARD_PORTS = {"stun": 3478, "turn": 3478, "stuns": 5349, "turns": 5349}
"""RFC 8489 section 18.6, RFC 8656 section 23."""


class ExternalService(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service that clients are told of, such as a TURN server for calls."""

    type: Literal["stun", "stuns", "turn", "turns"]
    """What it is; with an s at the end, over TLS."""
    host: Annotated[str, Meta(min_length=1, max_length=253)]
    """Its name or address, as clients reach it."""
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    """Its port, where it is not the usual one: 3478, or 5349 over TLS."""
    transport: Literal["udp", "tcp"] | None = None
    """How it is reached; udp unless you say otherwise, tcp over TLS."""
    name: Annotated[str, Meta(max_length=100)] = ""
    """What people may be shown."""
    secret: Secret = ""
    """What the TURN server shares with us ("static-auth-secret" of coturn): each person gets a password for a while."""
    good_for_hours: Annotated[int, Meta(ge=1, le=168)] = 12
    """How long such a password is good for."""
    username: str = ""
    """A name that is the same for everybody, where there is no secret."""
    password: Secret = ""
    """Its password; everybody who signs in is told it."""

    def __post_init__(self) -> None:
        if self.secret and (self.username or self.password):
            raise ValueError("secret, or username and password, but not both")
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together")

    @property
    def at_port(self) -> int:
        """The port, whether it was said or not."""
        return self.port or STANDARD_PORTS[self.type]

    @property
    def by(self) -> str:
        """The transport, whether it was said or not."""
        return self.transport or ("tcp" if self.type.endswith("s") else "udp")
