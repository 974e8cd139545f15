"""A client that has things done: it fills in forms and reads what comes back."""

from __future__ import annotations

from typing import NamedTuple
from xml.etree.ElementTree import Element

from .....bridges.xmpp.forms import FORM, Answers, Field, form, read
from .....bridges.xmpp.syntax import xml
from ..house import Client

COMMANDS = "http://jabber.org/protocol/commands"
ADMIN = "http://jabber.org/protocol/admin"
SERVER = "example.test"


class Reply(NamedTuple):
    """What came back: the status, the session, what can be done next, a note, and the form."""

    status: str
    session: str
    default: str
    actions: tuple[str, ...]
    note: str
    form: Element | None

    @property
    def values(self) -> Answers:
        assert self.form is not None
        return read(self.form)


async def command(
    client: Client, node: str, action: str = "", session: str = "", lang: str = "", **values: str | list[str]
) -> Reply | tuple[str, str, str]:
    """One step; for an error its type, its condition and the condition of XEP-0050."""
    fields = [Field(k.replace("__", "-"), values=(v,) if isinstance(v, str) else tuple(v)) for k, v in values.items()]
    attrs = {"xmlns": COMMANDS, "node": node, "action": action or None, "sessionid": session or None}
    written = form(fields, type="submit") if values else b""
    asked = xml.element("command", {**attrs, "xml:lang": lang or None}, written)
    answer = await client.ask(asked.decode(), SERVER, "set")
    if answer.get("type") == "error":
        error = answer.find("{jabber:client}error")
        assert error is not None
        names = [kid.tag.partition("}")[2] for kid in error if not kid.tag.endswith("}text")]
        return error.get("type", ""), names[0], names[1] if len(names) > 1 else ""
    return _reply(answer[0], node)


def _reply(told: Element, node: str) -> Reply:
    assert told.tag == f"{{{COMMANDS}}}command" and told.get("node") == node
    actions = told.find(f"{{{COMMANDS}}}actions")
    return Reply(
        told.get("status", ""),
        told.get("sessionid", ""),
        actions.get("execute", "") if actions is not None else "",
        tuple(one.tag.partition("}")[2] for one in actions) if actions is not None else (),
        told.findtext(f"{{{COMMANDS}}}note") or "",
        told.find(FORM),
    )


async def done(client: Client, node: str, **values: str | list[str]) -> Reply:
    """A command of one form, from the beginning to its end."""
    begun = await command(client, f"{ADMIN}#{node}")
    assert isinstance(begun, Reply), begun
    if not values:
        return begun
    ended = await command(client, f"{ADMIN}#{node}", session=begun.session, **values)
    assert isinstance(ended, Reply), ended
    assert ended.status == "completed"
    return ended


async def refused(client: Client, node: str, **values: str | list[str]) -> tuple[str, str, str]:
    """The same, where it fails."""
    begun = await command(client, f"{ADMIN}#{node}")
    assert isinstance(begun, Reply), begun
    ended = await command(client, f"{ADMIN}#{node}", session=begun.session, **values)
    assert isinstance(ended, tuple), ended
    return ended
