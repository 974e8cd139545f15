"""What these tests send: vectors from files, and messages written down in short."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from ....plugins.sip.transport.flow import Address, Flow

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "tests" / "vectors" / "sip"
SHARED = ROOT.parent / "shared"
"""Material that is not ours to copy; tests that want it are skipped where it is not."""


class Vector(NamedTuple):
    """One message and what must happen to it: "accept", "drop", or the status of the answer."""

    name: str
    verdict: str
    data: bytes


def vectors() -> list[Vector]:
    """Every file of tests/vectors/sip."""
    return [read(path) for path in sorted(VECTORS.glob("*.txt"))]


def read(path: Path) -> Vector:
    """One of them, as it is on the wire."""
    _, verdict, text = path.read_bytes().split(b"\n", 2)
    data = re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), text.replace(b"\n", b"\r\n"))
    return Vector(path.stem, verdict.removeprefix(b"# ").decode(), data)


def request(
    method="MESSAGE",
    target="sip:bo@b.example",
    *,
    branch="z9hG4bK1",
    tag="f1",
    to="<sip:bo@b.example>",
    call="c1",
    cseq=1,
    via="SIP/2.0/TLS a.example:5061;rport",
    more=(),
    body=b"",
    length=True,
) -> bytes:
    """A request with all that it must have."""
    lines = [
        f"{method} {target} SIP/2.0",
        f"Via: {via};branch={branch}" if branch else f"Via: {via}",
        "Max-Forwards: 70",
        f"From: <sip:ada@a.example>;tag={tag}",
        f"To: {to}",
        f"Call-ID: {call}",
        f"CSeq: {cseq} {'INVITE' if method == 'CANCEL-OF-INVITE' else method}",
        *more,
    ]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Tape:
    """A wire that keeps what is written to it."""

    def __init__(self, allowance: int = 1 << 30) -> None:
        self.written: list[bytes] = []
        self.allowance = allowance
        self.expected = 0
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def expect(self) -> None:
        self.expected += 1

    def close(self) -> None:
        self.is_closed = True


def flow(transport="TLS", host="192.0.2.1", port=4711) -> Flow:
    """A flow over a tape."""
    return Flow(f"{transport.lower()}1", Tape(), transport, Address(host, port), Address("198.51.100.1", 5061))
