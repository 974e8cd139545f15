"""The rules of a conversation, and how people belong to it, as one column keeps them."""

from __future__ import annotations

import msgspec

from ..charter import PLAIN, Charter
from ..conversation import Conversation
from ..identity import Identity
from ..standing import Standing
from .rows import identity_of, json


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """Addresses as ``str(identity)``."""

    charter: Charter = PLAIN
    silent: list[str] = []
    standings: dict[str, Standing] = {}
    names: dict[str, str] = {}


decoder = msgspec.json.Decoder(Rules)


def kept(c: Conversation) -> str:
    """As it is written."""
    standings = {str(who): standing for who, standing in c.standings.items()}
    names = {str(who): name for who, name in c.names.items()}
    return json.encode(Rules(c.charter, sorted(map(str, c.silent)), standings, names)).decode()


def restore(c: Conversation, rules: str | None) -> Conversation:
    """As it was."""
    if rules is not None:
        read = decoder.decode(rules)
        c.charter, c.silent = read.charter, _people(read.silent)
        c.standings = {identity_of(who): standing for who, standing in read.standings.items()}
        c.names = {identity_of(who): name for who, name in read.names.items()}
    return c


def _people(addresses: list[str]) -> set[Identity]:
    return {identity_of(who) for who in addresses}
