"""The keep-alive of phones over UDP: a STUN binding request and its answer (RFC 5626 section 3.5.2).  Pure."""

from __future__ import annotations

import struct
from ipaddress import ip_address

from .flow import Address

HEAD = 20
"""Bytes of a STUN message's header."""
MAX_REQUEST = 548
"""Bytes of a request that is looked at: more fits no datagram that passes everywhere (RFC 5389 section 7.1)."""
COOKIE = 0x2112A442
BINDING_REQUEST, BINDING_RESPONSE = 0x0001, 0x0101
XOR_MAPPED_ADDRESS = 0x0020
IPV4, IPV6 = 1, 2


def answer(data: bytes, sender: Address) -> bytes | None:
    """What a binding request is answered with: where it came from.  None for anything else.

    A SIP message never begins with a byte below 4, and STUN always does.
    """
    if not HEAD <= len(data) <= MAX_REQUEST:
        return None
    kind, length, cookie = struct.unpack_from(">HHI", data)
    if (kind, cookie) != (BINDING_REQUEST, COOKIE) or length != len(data) - HEAD or length % 4:
        return None
    address = ip_address(sender.host.partition("%")[0])
    mask = data[4:HEAD]  # cookie and transaction id; of it, an IPv4 address uses the cookie alone
    crossed = bytes(one ^ other for one, other in zip(address.packed, mask, strict=False))
    family = IPV4 if address.version == 4 else IPV6
    mapped = struct.pack(">BBH", 0, family, sender.port ^ COOKIE >> 16) + crossed
    attribute = struct.pack(">HH", XOR_MAPPED_ADDRESS, len(mapped)) + mapped
    return struct.pack(">HH", BINDING_RESPONSE, len(attribute)) + data[4:HEAD] + attribute
