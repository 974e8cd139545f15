"""Message archives (XEP-0313): what was said, read again from the journal; nothing is kept twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ...core.archive import Page, Question
from ...core.conversation import Conversation
from ...core.errors import BadAddress, NotFound
from ...core.identity import Identity
from ...core.message import Message
from ...core.standing import Standing
from ...core.store import Retraction
from . import paging
from .errors import StanzaError, bad_request, item_not_found
from .messages import payload
from .messages.messages import sender_of
from .messages.wordless import tombstone as left_of
from .queries import Place, Query
from .resource import Resource
from .rooms.names import Names
from .rooms.retractions import tombstone
from .rooms.room import Room
from .rooms.rooms import Rooms
from .rooms.stanzas import message as room_message
from .syntax import jid, xml
from .syntax.jid import Jid
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd

QUERY = f"{{{xml.MAM}}}query"
METADATA = f"{{{xml.MAM}}}metadata"
PREFERENCES = f"{{{xml.MAM}}}prefs"
FORM = f"{{{xml.DATA_FORM}}}x"
FIELD = f"{{{xml.DATA_FORM}}}field"
VALUE = f"{{{xml.DATA_FORM}}}value"
PAGE = 50
"""Messages of a page whose size the client leaves to us."""
FIELDS = {
    "with": "jid-single",
    "start": "text-single",
    "end": "text-single",
    "before-id": "text-single",
    "after-id": "text-single",
    "ids": "list-multi",
}
"""What a query may be narrowed by (sections 4.1 and 4.2)."""


class Archives:
    """A person's archive has their talks with one other; each room has its own."""

    def __init__(self, front_end: FrontEnd, rooms: Rooms, names: Names) -> None:
        self._front_end = front_end
        self._rooms = rooms
        self._names = names

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        for place in (Place.ACCOUNT, Place.ROOM):
            yield Query("set", QUERY, place, self.read, xml.MAM)
            yield Query("get", QUERY, place, self.form, f"{xml.MAM}#extended")
            yield Query("get", METADATA, place, self.metadata)
        yield Query("get", PREFERENCES, Place.ACCOUNT, self.preferences)
        yield Query("set", PREFERENCES, Place.ACCOUNT, self.refuse)

    async def read(self, resource: Resource, iq: Stanza) -> bytes:
        """A page of messages, each in a stanza of its own; the answer says where in the archive it lies."""
        query = iq.tree[0]
        conversation = await self._conference(resource, iq)
        wish = paging.read(query)
        page = await self._page(_question(query, wish, resource.identity, conversation))
        gone = await self._front_end.store.retractions([said.id for said in page.messages])
        messages = page.messages[::-1] if query.find(f"{{{xml.MAM}}}flip-page") is not None else page.messages
        resource.session.send_all(
            [await self._result(resource, iq, query.get("queryid"), said, conversation, gone) for said in messages]
        )
        ids = [said.id for said in page.messages]
        told = paging.told(ids[0] if ids else "", ids[-1] if ids else "", page.total)
        return xml.element("fin", {"xmlns": xml.MAM, "complete": "true" if page.complete else None}, told)

    async def form(self, resource: Resource, iq: Stanza) -> bytes:
        """What a query may be narrowed by (section 4.1.5)."""
        fields = [xml.element("field", {"var": name, "type": type}) for name, type in FIELDS.items()]
        value = xml.element("value", None, xml.MAM)
        head = xml.element("field", {"var": "FORM_TYPE", "type": "hidden"}, value)
        inner = xml.element("x", {"xmlns": xml.DATA_FORM, "type": "form"}, head + b"".join(fields))
        return xml.element("query", {"xmlns": xml.MAM}, inner)

    async def metadata(self, resource: Resource, iq: Stanza) -> bytes:
        """The first and the last message of the archive (section 7)."""
        return await self.extent(resource.identity, await self._conference(resource, iq))

    async def extent(self, who: Identity, conversation: Conversation | None = None) -> bytes:
        """The same, of a person's own archive or of a conference as they may read it."""
        ends = []
        for name, last in (("start", False), ("end", True)):
            question = _question(Element("query"), paging.Wish(1, last=last), who, conversation)
            for said in (await self._page(question)).messages:
                ends.append(xml.element(name, {"id": said.id, "timestamp": payload.stamp(said.sent_at)}))
        return xml.element("metadata", {"xmlns": xml.MAM}, b"".join(ends))

    async def preferences(self, resource: Resource, iq: Stanza) -> bytes:
        """Everything is kept, for everybody: records and archives are the server's to keep."""
        lists = xml.element("always") + xml.element("never")
        return xml.element("prefs", {"xmlns": xml.MAM, "default": "always"}, lists)

    async def refuse(self, resource: Resource, iq: Stanza) -> bytes:
        """Nobody chooses otherwise."""
        raise StanzaError("cancel", "not-allowed", "this server keeps all messages")

    # ---- inside

    async def _conference(self, resource: Resource, iq: Stanza) -> Conversation | None:
        """The conference whose archive is asked for; None for the own archive.  Raises StanzaError.

        A conference that has ended is not opened again by somebody who reads.
        """
        if iq.to is None or not self._front_end.is_conference(iq.to.domain):
            return None
        address = iq.to.identity
        found = self._front_end.immcu.roll.by_address.get(address) or await self._front_end.store.last_at(address)
        if found is None or not _may_read(found, resource.identity):
            raise item_not_found()
        return found

    async def _page(self, question: Question) -> Page:
        try:
            return await self._front_end.store.archived(question)
        except NotFound as why:
            raise item_not_found() from why

    async def _result(
        self,
        resource: Resource,
        iq: Stanza,
        query: str | None,
        said: Message,
        conversation: Conversation | None,
        gone: Mapping[str, Retraction],
    ) -> bytes:
        """Section 4.2: a message, forwarded with the time at which it was said."""
        if conversation is None:
            original = await self._talked(resource.identity, said, gone.get(said.id))
        else:
            original = self._said_in_room(self._rooms.shown(conversation), said, resource, gone.get(said.id))
        inside = original.replace(b"<message ", b"<message xmlns='jabber:client' ", 1)
        delay = xml.element("delay", {"xmlns": xml.DELAY, "stamp": payload.stamp(said.sent_at)})
        forwarded = xml.element("forwarded", {"xmlns": xml.FORWARD}, delay + inside)
        result = xml.element("result", {"xmlns": xml.MAM, "queryid": query, "id": said.id}, forwarded)
        attrs = {"from": iq.attrs.get("to") or resource.session.bare, "to": resource.session.jid}
        return xml.element("message", attrs, result)

    async def _talked(self, who: Identity, said: Message, gone: Retraction | None) -> bytes:
        conversation = await self._front_end.immcu.roll.find(said.conversation)
        people = conversation.participants if conversation is not None else []
        other = next((person for person in people if person != said.sender), said.sender)
        to = f"{other}/{said.target}" if said.target else str(other)
        packed = payload.packed_message(said) if gone is None else left_of(said, gone)
        return payload.stanza(sender_of(said), jid.quoted(to), packed)

    def _said_in_room(self, room: Room, said: Message, resource: Resource, gone: Retraction | None) -> bytes:
        nick = room.nick_of(said.sender, self._names.nick_of(said.sender))
        if gone is None:
            return room_message(room, said, nick).to(resource.session.jid_bytes)
        if gone.by == said.sender:
            return room_message(room, said, nick, left=left_of(said, gone)).to(resource.session.jid_bytes)
        by = room.nick_of(gone.by, self._names.nick_of(gone.by))
        return tombstone(room, said, gone, nick, by).to(resource.session.jid_bytes)


def _may_read(conversation: Conversation, who: Identity) -> bool:
    """Who was there to the last, and who may come in at any time."""
    return who in conversation.participants or conversation.standing(who).reaches(Standing.MEMBER)


def _question(query: Element, wish: paging.Wish, who: Identity, conversation: Conversation | None) -> Question:
    """A query in the core's words.  Raises StanzaError."""
    fields = _fields(query)
    other = _address(fields.get("with", ()))
    ids = tuple(fields.get("ids", ()))
    before_id, after_id = (next(iter(fields.get(f"{name}-id", ())), "") for name in ("before", "after"))
    times = {}
    for name, key in (("start", "since"), ("end", "until")):
        stamp = next(iter(fields.get(name, ())), "")
        times[key] = payload.moment(stamp) if stamp else None
        if stamp and times[key] is None:
            raise bad_request(f"{name} is no time")
    return Question(
        who,
        room=conversation.address if conversation is not None else None,
        everything=conversation is not None and (conversation.open_door or not conversation.keeps_seats),
        other=other,
        since=times["since"],
        until=times["until"],
        after=wish.after or after_id,
        before=wish.before or before_id,
        ids=ids,
        limit=PAGE if wish.limit is None else wish.limit,
        last=wish.last,
    )


def _fields(query: Element) -> dict[str, Sequence[str]]:
    form = query.find(FORM)
    if form is None:
        return {}
    given = {field.get("var", ""): [(v.text or "").strip() for v in field.iter(VALUE)] for field in form.iter(FIELD)}
    given.pop("FORM_TYPE", None)
    if unknown := given.keys() - FIELDS.keys():
        raise StanzaError("cancel", "feature-not-implemented", f"there is no field {min(unknown)[:80]}")
    return dict(given)


def _address(values: Sequence[str]) -> Identity | None:
    if not values:
        return None
    try:
        address: Jid = jid.parse(values[0])
    except BadAddress:
        raise bad_request("with is no address") from None
    return address.identity
