"""Deeds that move data: people in from a table, and everything out as lines."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from .. import csv_people, transfer
from ..front_end import FrontEnd


class Added(msgspec.Struct, frozen=True):
    """How many people a table brought."""

    added: int


async def import_people(front_end: FrontEnd, table: str) -> Added:
    """Add the people of a CSV table, or nobody if it has a mistake."""
    people = csv_people.read(table, front_end.domains)
    return Added(await csv_people.add(people, front_end.accounts, front_end.contacts))


async def export(front_end: FrontEnd) -> AsyncIterator[bytes]:
    """Everything there is, as lines of JSON: people, keys, contact lists, documents, conversations, messages."""
    return transfer.export(front_end.store, front_end.clock())
