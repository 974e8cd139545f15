"""How much memory asyncio holds ready for each TLS connection."""

from __future__ import annotations

from asyncio import sslproto

TLS_READ = 4 * 1024
"""Bytes read from one TLS connection at a time.  asyncio's own 256 KiB are made for few and fast ones; ours are many,
and what they say is short."""


def small_tls_buffers() -> None:
    """Let TLS connections that begin from now on hold TLS_READ bytes each.

    There is no official way to say so; where another loop or another Python has no such attribute, nothing changes.
    """
    if isinstance(getattr(sslproto.SSLProtocol, "max_size", None), int):
        sslproto.SSLProtocol.max_size = TLS_READ
