"""The options of XMPP for the web: the table ``[xmpp.web]``."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from ..upload.options import UploadOptions

Port = Annotated[int, Meta(ge=0, le=65535)]


class WebOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """XMPP over WebSocket, the documents that say where it is, and files that people share."""

    websocket: bool = True
    """Whether clients in browsers may sign in at /xmpp-websocket."""
    port: Port | None = None
    """A port of XMPP's own for the web, always with TLS, besides those of the web server, [web]."""
    public_url: str = ""
    """How browsers reach it, such as "https://chat.example.org"; empty for the web server's public_url."""
    origins: list[str] = []
    """Web pages of other hosts that may sign in, such as "https://www.example.org"; "*" for all."""
    proxies: list[str] = []
    """Addresses of reverse proxies that speak TLS for us and say in X-Forwarded-For whom they let in."""
    upload: UploadOptions = UploadOptions()
    """Files that people share by HTTP."""

    def __post_init__(self) -> None:
        for proxy in self.proxies:
            try:
                ipaddress.ip_address(proxy)
            except ValueError:
                raise ValueError(f'proxies: "{proxy}" is no IP address') from None
        for origin in self.origins:
            parts = urlsplit(origin)
            if origin != "*" and not (parts.scheme in ("http", "https") and parts.netloc and parts.path in ("", "/")):
                raise ValueError(f'origins: "{origin}" is no origin such as "https://www.example.org"')
        parts = urlsplit(self.public_url)
        if self.public_url and not (parts.scheme in ("http", "https") and parts.netloc):
            raise ValueError(f'public_url: "{self.public_url}" is no address such as "https://chat.example.org"')
