"""Keep-alives over UDP: the numbers of RFC 5769, and a phone that sends them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.transport.flow import Address
from .....plugins.sip.transport.stun import MAX_REQUEST, answer
from ..talker import Datagrams, serving, until
from ..wire import request

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
ASKED = bytes.fromhex("000100002112a442") + TRANSACTION


def test_ipv4() -> None:
    """The address, port and mask of RFC 5769 section 2.2."""
    said = answer(ASKED, Address("192.0.2.1", 32853))
    assert said == bytes.fromhex("0101000c2112a442") + TRANSACTION + bytes.fromhex("002000080001a147e112a643")


def test_ipv6() -> None:
    """Those of section 2.3."""
    said = answer(ASKED, Address("2001:db8:1234:5678:11:2233:4455:6677", 32853))
    mapped = bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")
    assert said == bytes.fromhex("010100182112a442") + TRANSACTION + mapped


def test_attributes_are_read_over() -> None:
    software = struct.pack(">HH4s", 0x8022, 4, b"test")
    asked = struct.pack(">HH", 1, len(software)) + ASKED[4:] + software
    assert answer(asked, Address("192.0.2.1", 1)) == answer(ASKED, Address("192.0.2.1", 1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ASKED[:-1],
        ASKED + b"1234",
        b"\x01\x01" + ASKED[2:],
        ASKED[:4] + b"\0\0\0\0" + ASKED[8:],
        struct.pack(">HH", 1, MAX_REQUEST) + ASKED[4:] + b"\0" * MAX_REQUEST,
        struct.pack(">HH", 1, 2) + ASKED[4:] + b"\0\0",
    ],
)
def test_what_is_no_binding_request(data: bytes) -> None:
    assert answer(data, Address("192.0.2.1", 1)) is None


@given(st.binary(max_size=700))
def test_anything(data: bytes) -> None:
    said = answer(data, Address("192.0.2.1", 1))
    assert said is None or len(said) == 32


async def test_who_has_signed_in_is_answered_and_a_stranger_is_not() -> None:
    async with serving() as (user, ports):
        socket = await Datagrams.connect(ports["udp"])
        socket.send(ASKED)
        user.signs_everybody_in()
        assert (await socket.ask(request())).status == 200
        assert socket.waiting == 0, "the answer to a stranger would be longer than the question"
        socket.send(ASKED)
        await until(lambda: socket.waiting == 1)
        said = socket._heard.get_nowait()
        assert said[:2] == b"\x01\x01" and said[8:20] == TRANSACTION
        for junk in (b"\x00\x01", b"\x03" * 40, b"\r\n\r\n", b"\0"):
            socket.send(junk)
        assert (await socket.ask(request(branch="z9hG4bK2", cseq=2))).status == 200 and socket.waiting == 0
        socket.close()
