"""A TLS connection holds a few KiB, not a quarter of a megabyte."""

from __future__ import annotations

import asyncio
import ssl
from asyncio import sslproto

import pytest

from ...core import tls_memory
from ...core.tls_memory import TLS_READ, small_tls_buffers


def test_connections_from_now_on_hold_little(monkeypatch):
    monkeypatch.setattr(sslproto.SSLProtocol, "max_size", 256 * 1024)
    small_tls_buffers()
    assert sslproto.SSLProtocol.max_size == TLS_READ <= 16 * 1024


@pytest.mark.parametrize("kind", ["gone", "different"])
def test_a_python_without_that_buffer_is_left_alone(monkeypatch, kind):
    class Different:
        max_size = "plenty"

    if kind == "gone":
        del Different.max_size
    monkeypatch.setattr(tls_memory.sslproto, "SSLProtocol", Different)
    small_tls_buffers()
    assert getattr(Different, "max_size", "plenty") == "plenty"


async def test_what_is_longer_than_the_buffer_still_comes_whole(front_end):
    small_tls_buffers()
    got = asyncio.get_running_loop().create_future()

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.set_result(await reader.readexactly(10 * TLS_READ))
        writer.close()

    server = await asyncio.start_server(heard, "127.0.0.1", 0, ssl=front_end.certificate())
    port = server.sockets[0].getsockname()[1]
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=_trusting())
    writer.write(bytes(range(256)) * (10 * TLS_READ // 256))
    assert await asyncio.wait_for(got, 20) == bytes(range(256)) * (10 * TLS_READ // 256)
    writer.close()
    server.close()


def _trusting():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
