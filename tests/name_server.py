"""A little name server on the loopback, with the records a test gives it (RFC 1035 section 4)."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import Mapping, Sequence

from ..core.dns import Naptr, Srv

TYPES = {"A": 1, "AAAA": 28, "SRV": 33, "NAPTR": 35}
NO_SUCH_NAME = 3


class NameServer(asyncio.DatagramProtocol):
    """``zone`` says what it knows: (type, name) to records."""

    def __init__(self, zone: Mapping[tuple[str, str], Sequence[object]], ttl: int = 60) -> None:
        self.zone, self.ttl = dict(zone), ttl
        self.asked: list[tuple[str, str]] = []
        self.port = 0

    def serves_xmpp(self, port: int, *domains: str) -> None:
        """The servers of these domains are on this machine, at this port (RFC 6120 section 3.2.1)."""
        self.zone["A", "localhost"] = ["127.0.0.1"]
        for domain in domains:
            self.zone["SRV", f"_xmpp-server._tcp.{domain}"] = [Srv(0, 0, port, "localhost")]

    async def open(self) -> str:
        """Serve; returns where, as aiodns wants it."""
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self.transport.get_extra_info("sockname")[1]
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        self.transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        number = struct.unpack(">H", data[at + 1 : at + 3])[0]
        kind = next((kind for kind, value in TYPES.items() if value == number), "?")
        name = ".".join(labels).lower()
        self.asked.append((kind, name))
        records = self.zone.get((kind, name), ())
        known = any(name == other for _, other in self.zone)
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | (0 if known else NO_SUCH_NAME), 1, len(records), 0, 0)
        answers = [
            struct.pack(">HHHIH", 0xC00C, number, 1, self.ttl, len(written)) + written
            for written in map(_written, records)
        ]
        self.transport.sendto(head + data[12 : at + 5] + b"".join(answers), addr)


def _written(record: object) -> bytes:
    match record:
        case str():
            return ipaddress.ip_address(record).packed
        case Srv(priority, weight, port, target):
            return struct.pack(">HHH", priority, weight, port) + _name(target)
        case Naptr(order, preference, flags, service, replacement):
            texts = b"".join(bytes([len(text)]) + text.encode() for text in (flags, service, ""))
            return struct.pack(">HH", order, preference) + texts + _name(replacement)
    raise TypeError(record)


def _name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split(".") if label) + b"\0"
