"""Listening for clients: STARTTLS on one port, TLS from the first byte on another."""

from __future__ import annotations

from .connection import Connection
from .house import House
from .ports import Ports


class Listener(Ports):
    """The ports for clients."""

    def __init__(self, house: House) -> None:
        super().__init__(house, lambda address, direct: Connection(house, address, secure=direct))
