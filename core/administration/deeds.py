"""The table of deeds: what an administrator can ask for, by which HTTP method and path, with which arguments."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from ..errors import BadRequest
from ..front_end import FrontEnd
from . import calling, contacts, conversations, federation, moving, people, phoning, server

LIVE = True
"""Marks a deed that needs the running server; the others work on the database as well."""


@dataclass(frozen=True)
class Deed:
    """One thing to ask for.  The arguments are those of the function after ``front_end``, checked by their types."""

    method: str
    path: str
    function: Callable[..., Awaitable[Any]]
    live: bool = False

    @property
    def name(self) -> str:
        """What commands call it."""
        return self.function.__name__

    @cached_property
    def arguments(self) -> type[msgspec.Struct]:
        """The arguments as a struct."""
        hints = typing.get_type_hints(self.function, include_extras=True)
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        for name, parameter in list(inspect.signature(self.function).parameters.items())[1:]:
            default = parameter.default
            fields.append((name, hints[name]) if default is parameter.empty else (name, hints[name], default))
        return msgspec.defstruct(self.name, fields, forbid_unknown_fields=True, kw_only=True)

    def checked(self, given: Mapping[str, Any], *, texts: bool = False) -> dict[str, Any]:
        """The arguments in their types; ``texts`` reads numbers and truths written as text.  Raises BadRequest."""
        try:
            return msgspec.structs.asdict(msgspec.convert(given, self.arguments, strict=not texts))
        except msgspec.ValidationError as wrong:
            raise BadRequest(str(wrong).replace("Object", "the request").replace("`", '"')) from None

    @property
    def in_path(self) -> list[str]:
        """The arguments that stand in the path."""
        return re.findall(r"{(\w+)}", self.path)


DEEDS: dict[str, Deed] = {
    deed.name: deed
    for deed in (
        Deed("GET", "/version", server.version, LIVE),
        Deed("GET", "/who", server.who, LIVE),
        Deed("GET", "/why/{who}", server.why, LIVE),
        Deed("GET", "/plugins", server.plugins, LIVE),
        Deed("POST", "/reload", server.reload, LIVE),
        Deed("POST", "/stop", server.stop, LIVE),
        Deed("GET", "/conversations", conversations.conversations, LIVE),
        Deed("POST", "/conversations/{conversation}/participants", conversations.add_participant, LIVE),
        Deed("DELETE", "/conversations/{conversation}/participants/{who}", conversations.remove_participant, LIVE),
        Deed("DELETE", "/conversations/{conversation}", conversations.end_conversation, LIVE),
        Deed("GET", "/calls", phoning.calls, LIVE),
        Deed("DELETE", "/calls/{call}", phoning.end_call, LIVE),
        Deed("GET", "/records", conversations.records),
        Deed("GET", "/records/{conversation}", conversations.record),
        Deed("GET", "/people", people.people),
        Deed("POST", "/people", people.add_person),
        Deed("GET", "/people/{who}", people.person),
        Deed("PATCH", "/people/{who}", people.change_person),
        Deed("PUT", "/people/{who}/password", people.set_password),
        Deed("DELETE", "/people/{who}", people.remove_person),
        Deed("POST", "/people/import", moving.import_people),
        Deed("GET", "/people/{who}/contacts", contacts.contacts),
        Deed("PUT", "/people/{who}/contacts/{address}", contacts.put_contact),
        Deed("DELETE", "/people/{who}/contacts/{address}", contacts.remove_contact),
        Deed("POST", "/people/{who}/contacts/{address}/grant", contacts.grant),
        Deed("POST", "/people/{who}/contacts/{address}/revoke", contacts.revoke),
        Deed("GET", "/people/{who}/forwarding", calling.forwarding),
        Deed("PATCH", "/people/{who}/forwarding", calling.set_forwarding),
        Deed("DELETE", "/people/{who}/forwarding", calling.clear_forwarding),
        Deed("GET", "/why-call", calling.why_call, LIVE),
        Deed("GET", "/trunks", calling.trunks, LIVE),
        Deed("GET", "/federation", federation.federation, LIVE),
        Deed("GET", "/export", moving.export),
    )
}


async def perform(front_end: FrontEnd, name: str, /, **given: Any) -> Any:
    """Do one deed here and now.  Raises HereaboutsError."""
    deed = DEEDS[name]
    return await deed.function(front_end, **deed.checked(given))
