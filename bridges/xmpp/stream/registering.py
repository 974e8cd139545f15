"""Asking for an account before sign-in (XEP-0077 section 3.1), as far as the stream has to know of it."""

from __future__ import annotations

from ..syntax import xml
from ..syntax.stanza import Stanza
from . import deeds

QUERY = f"{{{xml.REGISTER}}}query"
USERNAME, PASSWORD = f"{{{xml.REGISTER}}}username", f"{{{xml.REGISTER}}}password"
REMOVE = f"{{{xml.REGISTER}}}remove"
INSTRUCTIONS = "Choose a name and a password."


class NotRegistered(Exception):
    """There will be no account: an error type (RFC 6120 section 8.3.2), a condition, and why."""

    def __init__(self, type: str, condition: str, text: str) -> None:
        super().__init__(text)
        self.error = type, condition, text


def is_about(element: Stanza) -> bool:
    """Whether a stanza asks for an account, or how to ask for one."""
    return element.name == "iq" and element.type in ("get", "set") and element.kids == [QUERY]


def taken(element: Stanza, domain: str) -> bytes | deeds.Register:
    """What is to be answered at once; or who wants to be somebody here."""
    id = element.attrs.get("id")
    if element.type == "get":
        fields = xml.element("username") + xml.element("password")
        inner = xml.element("instructions", None, INSTRUCTIONS) + fields
        query = xml.element("query", {"xmlns": xml.REGISTER}, inner)
        return xml.element("iq", {"type": "result", "id": id, "from": domain}, query)
    query_ = element.tree[0]
    if query_.find(REMOVE) is not None:
        return refusal(id, domain, "wait", "unexpected-request", "sign in to remove your account")
    username, password = query_.findtext(USERNAME) or "", query_.findtext(PASSWORD) or ""
    if not username or not password:
        return refusal(id, domain, "modify", "not-acceptable", "a name and a password are needed")
    return deeds.Register(id, domain, username, password)


def done(asked: deeds.Register) -> bytes:
    """The account is there."""
    return xml.element("iq", {"type": "result", "id": asked.id, "from": asked.domain})


def refusal(id: str | None, domain: str, type: str, condition: str, text: str) -> bytes:
    """There will be none."""
    return xml.error_to("iq", {"id": id, "from": domain}, type, condition, text)
