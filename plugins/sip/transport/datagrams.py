"""A UDP port under asyncio, and the addresses heard on it: RFC 3261 section 18."""

from __future__ import annotations

import asyncio
import socket
from itertools import islice
from typing import cast

from ..syntax.grammar import MalformedSip
from ..syntax.message import parse
from . import stun
from .connection import Reception
from .flow import Address, Flow
from .limits import ADDRESS_FORGOTTEN_AFTER, MAX_BEFORE_SIGN_IN, MAX_DATAGRAM, UDP_CREDIT
from .overload import Bucket, Rates, network_of
from .sockets import address_of, local_to

RECEIVE_BUFFER = 4 * 1024 * 1024
"""Bytes that the system is asked to keep while we are busy; it gives less where its own limit says so."""


class Peer:
    """One address on the other side of a UDP port: the wire of its flow."""

    __slots__ = ("_credit", "_owed", "_port", "_rate", "address", "flow", "heard")

    def __init__(self, port: UdpPort, address: tuple[str, int], now: float) -> None:
        self._port = port
        self._rate: Bucket | None = None
        self._credit = 0
        self._owed = 0
        self.address = address
        self.heard = now
        remote = address_of(address)
        self.flow = port.reception.opened(self, "UDP", remote, local_to(remote, port.local))

    def may_send(self, size: int, now: float) -> bool:
        """Take a datagram into account; False when it is one too many."""
        self.heard = now
        if not self.flow.known:
            self._credit = min(self._credit + size, UDP_CREDIT)
            return size <= MAX_BEFORE_SIGN_IN and self._port.rates.take(network_of(self.flow.remote.host), now)
        if self._rate is None:
            self._rate = Bucket(self._port.reception.limits.rate, self._port.reception.limits.burst, now)
        if self._rate.take(now):
            return True
        self._owed -= 1
        return self._owed >= 0

    @property
    def allowance(self) -> int:
        """Before sign-in, what came from there and was not answered yet."""
        return MAX_DATAGRAM if self.flow.known else self._credit

    def write(self, data: bytes) -> None:
        """Send a datagram, or drop it: UDP loses some anyway, and the timers know."""
        if len(data) > self.allowance:
            return
        self._credit -= len(data)
        self._port.send(data, self.address)

    def expect(self) -> None:
        """One more answer from there is free."""
        self._owed = max(0, self._owed) + 1

    def close(self) -> None:
        """Forget the address."""
        self._port.forget(self)


class UdpPort(asyncio.DatagramProtocol):
    """A UDP port and the addresses heard on it."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        limits = reception.limits
        self.rates = Rates(limits.udp_per_network, limits.udp_burst_per_network)
        self._peers: dict[tuple[str, int], Peer] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop's are no subclasses
        self._family = transport.get_extra_info("socket").family
        self.local = address_of(transport.get_extra_info("sockname"))
        wire = transport.get_extra_info("socket")
        if wire is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One datagram is one message, or a keep-alive; of those, STUN is answered to who has signed in."""
        now = self.reception.clock()
        peer = self._peers.get(addr) or self._met(addr, now)
        if not peer.may_send(len(data), now) or not data.strip(b"\r\n\0"):
            return
        if data[0] < 4:
            if peer.flow.known and (mapped := stun.answer(data, peer.flow.remote)) is not None:
                self.send(mapped, peer.address)
            return
        try:
            message = parse(data)
        except MalformedSip as malformed:
            self.reception.malformed(malformed, peer.flow)
        else:
            self.reception.received(message, peer.flow)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error tells neither which address nor anything the timers do not tell."""

    def reaches(self, remote: Address) -> bool:
        """Whether addresses of this kind can be sent to from here."""
        return self._family == socket.AF_INET6 or ":" not in remote.host

    def flow_to(self, remote: Address) -> Flow:
        """The flow to an address, whether anything was heard from it or not: it is we who begin."""
        address: tuple[str, int] = remote
        if self._family == socket.AF_INET6:  # as the system calls it when something comes from there
            host = remote.host if ":" in remote.host else f"::ffff:{remote.host}"
            address = (host, remote.port, 0, 0)  # type: ignore[assignment]
        peer = self._peers.get(address) or self._met(address, self.reception.clock())
        peer.flow.called = True
        return peer.flow

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        """Send a datagram."""
        self._transport.sendto(data, address)

    def forget(self, peer: Peer) -> None:
        """This address is no flow any more."""
        if self._peers.pop(peer.address, None) is not None:
            peer.flow.closed = True
            self.reception.closed(peer.flow)

    def close(self) -> None:
        """Close the port."""
        for peer in list(self._peers.values()):
            peer.flow.close("the server is stopping")
        self._transport.close()

    def _met(self, address: tuple[str, int], now: float) -> Peer:
        self._look_after_the_oldest(now)
        if len(self._peers) >= self.reception.limits.max_flows:
            self._make_room()
        peer = self._peers[address] = Peer(self, address, now)
        return peer

    def _look_after_the_oldest(self, now: float) -> None:
        """For each that comes two are looked at, in turn: so all are, before there are twice as many."""
        for peer in list(islice(self._peers.values(), 2)):
            limits = self.reception.limits
            patience = ADDRESS_FORGOTTEN_AFTER if peer.flow.known else limits.stranger_forgotten_after
            if now - peer.heard > patience:
                peer.flow.close("silent")
            else:
                self._peers[peer.address] = self._peers.pop(peer.address)

    def _make_room(self) -> None:
        """Strangers go first, whoever was silent longest before the others."""
        strangers = [peer for peer in self._peers.values() if not peer.flow.known]
        for peer in strangers:
            peer.flow.close("forgotten")
        if not strangers:
            min(self._peers.values(), key=lambda peer: peer.heard).flow.close("forgotten")
