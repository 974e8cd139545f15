"""resource-lists: the contact list as an XCAP document (RFC 4826).  A list is a group, an entry a contact."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lxml import etree

from ....core.contacts import MAX_CONTACTS, Contact, check_names
from ....core.errors import BadAddress, HereaboutsError
from ....core.identity import Identity
from ..resource_lists import CONTENT_TYPE, MAX_ADDRESS, NAMESPACE
from ..translate import identity_of, sip_uri
from ..xml import local_name, text_of
from .faults import Fault, cannot_keep, invalid, not_unique
from .usage import Drawer, Element, check, reread, written

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

UNGROUPED = "contacts"
"""The list of contacts that are in no group."""
REFERENCES = ("entry-ref", "external")
"""What points at lists elsewhere; a contact list has its contacts in it."""
PutOnList = Callable[[Identity, Identity, str], Awaitable[None]]
"""(owner, who, name): put on the list and ask, in the one way there is."""


EMPTY = f'<resource-lists xmlns="{NAMESPACE}"/>'.encode()


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


@dataclass(slots=True)
class Wanted:
    """A contact as a document has it: every name it is given, and the lists it stands in."""

    names: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)

    def name(self, now: str) -> str:
        """Where two entries differ, the one that is not what it is now is the change."""
        return next(iter(sorted(self.names - {now})), now) if self.names else now

    def groups(self, now: tuple[str, ...]) -> tuple[str, ...]:
        """The order in which they are now, as far as they stay."""
        named = {name for name in self.lists if name and (name != UNGROUPED or UNGROUPED in now)}
        return tuple([group for group in now if group in named] + sorted(named - set(now)))


def read(root: Element, owner: Identity) -> Mapping[Identity, Wanted]:
    """What a document says.  Raises Fault."""
    check(root.tag == _tag("resource-lists"), "the root must be resource-lists")
    found: dict[Identity, Wanted] = {}
    _read_lists(root, found, owner)
    if len(found) > MAX_CONTACTS:
        raise cannot_keep(f"a contact list has no more than {MAX_CONTACTS} entries")
    return found


def _read_lists(around: Element, found: dict[Identity, Wanted], owner: Identity) -> None:
    names: set[str] = set()
    for name in (element.get("name") or "" for element in around.iterfind(_tag("list"))):
        if name in names:
            raise not_unique(f'list[@name="{name}"]', "two lists have one name")
        names.add(name)
        _check_name("", (name,) if name else ())
    for element in around:
        kind = local_name(element) if element.tag.startswith(f"{{{NAMESPACE}}}") else ""
        if kind in REFERENCES:
            raise cannot_keep("references to lists elsewhere are not followed")
        if kind == "list":
            _read_entries(element, found, owner)
            _read_lists(element, found, owner)
        elif kind and around.tag == _tag("resource-lists"):
            raise invalid(f"{kind} cannot stand there")
        elif kind not in ("", "entry", "display-name"):
            raise invalid(f"there is no {kind}")


def _read_entries(listed: Element, found: dict[Identity, Wanted], owner: Identity) -> None:
    here: set[str] = set()
    for entry in listed.iterfind(_tag("entry")):
        uri = entry.get("uri") or ""
        check(uri, "an entry needs a uri")
        if uri in here:
            raise not_unique(f'entry[@uri="{uri}"]', "a list has an address twice")
        here.add(uri)
        person = person_of(uri)
        if person == owner:
            raise cannot_keep("nobody is a contact of their own")
        wanted = found.setdefault(person, Wanted())
        shown = entry.find(_tag("display-name"))
        wanted.names.add(text_of(shown))
        _check_name(text_of(shown), ())
        wanted.lists.add(listed.get("name") or "")


def person_of(uri: str) -> Identity:
    """Whose address an entry has.  Raises Fault."""
    try:
        if len(uri) > MAX_ADDRESS:
            raise BadAddress("too long")
        return identity_of(uri)
    except BadAddress as why:
        raise cannot_keep(f"{uri[:80]} is nobody's address: {why}") from None


def _check_name(name: str, groups: tuple[str, ...]) -> None:
    try:
        check_names(name, groups)
    except HereaboutsError as why:
        raise cannot_keep(str(why)) from None


def reconcile(root: Element, contacts: Sequence[Contact]) -> bool:
    """Make a document that was written once say what is true now; whether it did not."""
    waiting = {(contact.address, group): contact for contact in contacts for group in (contact.groups or ("",))}
    now = {contact.address: contact for contact in contacts}
    changed = False
    for entry in list(root.iter(_tag("entry"))):
        contact = _contact_of(entry, now)
        if contact is None or not _belongs(contact, entry):
            _list_of(entry).remove(entry)
            changed = True
            continue
        group = _list_of(entry).get("name") or ""
        waiting.pop((contact.address, group), None)
        waiting.pop((contact.address, ""), None)
        changed = _name(entry, contact.name) or changed
    for (_, group), contact in sorted(waiting.items()):
        _append(root, contact, group)
    return changed or bool(waiting)


def _list_of(entry: Element) -> Element:
    listed = entry.getparent()
    assert listed is not None, "an entry stands in a list"
    return listed


def _contact_of(entry: Element, now: Mapping[Identity, Contact]) -> Contact | None:
    try:
        return now.get(identity_of(entry.get("uri") or ""))
    except BadAddress:
        return None


def _belongs(contact: Contact, entry: Element) -> bool:
    group = _list_of(entry).get("name") or ""
    return group in contact.groups or (not contact.groups and group in ("", UNGROUPED))


def _name(entry: Element, name: str) -> bool:
    shown = entry.find(_tag("display-name"))
    if text_of(shown) == name:
        return False
    if shown is None:
        shown = etree.Element(_tag("display-name"))
        entry.insert(0, shown)
    if name:
        shown.text = name
    else:
        entry.remove(shown)
    return True


def _append(root: Element, contact: Contact, group: str) -> None:
    name = group or UNGROUPED
    listed = next((element for element in root.iter(_tag("list")) if element.get("name") == name), None)
    if listed is None:
        listed = etree.SubElement(root, _tag("list"), name=name)
    entry = etree.SubElement(listed, _tag("entry"), uri=str(sip_uri(contact.address)))
    _name(entry, contact.name)


class ContactList:
    """The usage.  What was written is kept as it was, with empty lists and other people's extensions, as far as it is
    still true."""

    content_type = CONTENT_TYPE
    namespace = NAMESPACE

    def __init__(self, front_end: FrontEnd, put_on_list: PutOnList) -> None:
        self._contacts = front_end.contacts
        self._put_on_list = put_on_list
        self._drawer = Drawer(front_end.store, "resource-lists")

    async def document(self, owner: Identity) -> bytes:
        """There is always one: the contact list."""
        kept = await self._drawer.read(owner)
        root = reread(kept or EMPTY)
        if not reconcile(root, await self._contacts.of(owner)) and kept:
            return kept
        if not kept:
            etree.indent(root)
        return written(root)

    async def write(self, owner: Identity, root: Element) -> None:
        """Whoever is new is asked for permission; whoever is missing is off the list, and sees the owner no more."""
        wanted = read(root, owner)
        await self._drawer.keep(owner, root)
        for contact in await self._contacts.of(owner):
            if contact.address not in wanted:
                await self._contacts.remove(owner, contact.address)
        for address, want in wanted.items():
            before = await self._contacts.get(owner, address)
            if before is None or not before.listed:
                await self._put_on_list(owner, address, want.name(""))
                before = await self._contacts.get(owner, address)
            name = want.name(before.name if before else "")
            groups = want.groups(before.groups if before else ())
            if before is None or (before.name, before.groups) != (name, groups):
                await self._contacts.put(owner, address, name=name, groups=groups)

    async def remove(self, owner: Identity) -> None:
        """Not at once: one slip, and everybody would be gone for every client."""
        raise Fault("cannot-delete", "a contact list is emptied entry by entry")
