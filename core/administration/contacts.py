"""Deeds about contact lists: what stands on them, and who may see whom without being asked."""

from __future__ import annotations

import msgspec

from ..contacts import Contact
from ..errors import BadRequest, NotFound
from ..front_end import FrontEnd
from ..identity import Identity
from .addresses import existing, named


class Entry(msgspec.Struct, frozen=True):
    """One entry of a contact list.  ``sees`` and ``seen`` are about presence; ``asking`` waits for an answer."""

    address: str
    name: str
    groups: list[str]
    sees: bool
    seen: bool
    asked: bool
    asking: bool
    approved: bool
    listed: bool


async def contacts(front_end: FrontEnd, who: str) -> list[Entry]:
    """Somebody's contact list, and who has asked to see them and waits for an answer."""
    owner = await existing(front_end, who)
    listed = list(await front_end.contacts.of(owner))
    asking = [c for c in await front_end.contacts.questions(owner) if c.address not in {one.address for one in listed}]
    return [_entry(contact) for contact in sorted([*listed, *asking], key=lambda c: c.address)]


async def put_contact(
    front_end: FrontEnd,
    who: str,
    address: str,
    name: str | None = None,
    groups: list[str] | None = None,
    mutual: bool = False,
) -> Entry:
    """Put an address on somebody's list and ask to see it; ``mutual``: on both lists, and both see each other.

    What is not given stays as it is on the list.
    """
    owner, other = await _two(front_end, who, address)
    if mutual:
        await existing(front_end, str(other))
        await _put(front_end, other, owner, None, None)
    await _put(front_end, owner, other, name, groups)
    if mutual:
        await front_end.contacts.grant(owner, other)
        await front_end.contacts.grant(other, owner)
        await front_end.contacts.ask(other, owner)
    await front_end.contacts.ask(owner, other)
    return await _found(front_end, owner, other)


async def remove_contact(front_end: FrontEnd, who: str, address: str) -> None:
    """Take an address off somebody's list; neither sees the other then."""
    await front_end.contacts.remove(*await _two(front_end, who, address))


async def grant(front_end: FrontEnd, who: str, address: str) -> Entry | None:
    """Let an address see somebody: the answer to its question, or a yes before it has asked."""
    owner, other = await _two(front_end, who, address)
    await front_end.contacts.grant(owner, other)
    found = await front_end.contacts.get(owner, other)
    return _entry(found) if found else None


async def revoke(front_end: FrontEnd, who: str, address: str) -> None:
    """Let an address see somebody no more."""
    await front_end.contacts.revoke(*await _two(front_end, who, address))


async def _put(
    front_end: FrontEnd, owner: Identity, other: Identity, name: str | None, groups: list[str] | None
) -> None:
    before = await front_end.contacts.get(owner, other)
    listed = before is not None and before.listed
    if name is None:
        person = await front_end.accounts.person(other)
        name = before.name if before is not None and listed else person.name if person is not None else ""
    kept = before.groups if before is not None and listed else ()
    await front_end.contacts.put(owner, other, name=name, groups=kept if groups is None else tuple(groups))


async def _two(front_end: FrontEnd, who: str, address: str) -> tuple[Identity, Identity]:
    owner, other = await existing(front_end, who), named(front_end, address)
    if owner == other:
        raise BadRequest(f"{owner} is no contact of their own")
    return owner, other


async def _found(front_end: FrontEnd, owner: Identity, other: Identity) -> Entry:
    found = await front_end.contacts.get(owner, other)
    if found is None:
        raise NotFound(f"{other} is not on the list of {owner}")
    return _entry(found)


def _entry(contact: Contact) -> Entry:
    return Entry(
        str(contact.address),
        contact.name,
        list(contact.groups),
        contact.sees,
        contact.seen,
        contact.asked,
        contact.asking,
        contact.approved,
        contact.listed,
    )
