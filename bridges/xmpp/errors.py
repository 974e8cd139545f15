"""What went wrong, in XMPP's words: the one table from the core's errors to stanza errors (RFC 6120 section 8.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...core.errors import (
    Absent,
    BadAddress,
    BadRequest,
    Busy,
    Conflict,
    Gone,
    HereaboutsError,
    NotAllowed,
    NotFound,
    Protected,
    Refused,
    TooLarge,
    Undeliverable,
    WrongPassword,
)
from .stream.session import Session
from .syntax import xml
from .syntax.stanza import Stanza


class Condition(NamedTuple):
    """An error type (what the sender may do about it) and a defined condition."""

    type: str
    name: str


CONDITIONS: Mapping[type[HereaboutsError], Condition] = {
    BadAddress: Condition("modify", "jid-malformed"),
    BadRequest: Condition("modify", "bad-request"),
    Protected: Condition("cancel", "not-allowed"),
    WrongPassword: Condition("auth", "not-authorized"),
    NotAllowed: Condition("auth", "forbidden"),
    Refused: Condition("modify", "policy-violation"),
    NotFound: Condition("cancel", "item-not-found"),
    Absent: Condition("cancel", "service-unavailable"),
    Gone: Condition("cancel", "gone"),
    Conflict: Condition("cancel", "conflict"),
    TooLarge: Condition("modify", "policy-violation"),
    Busy: Condition("wait", "resource-constraint"),
    Undeliverable: Condition("wait", "recipient-unavailable"),
}
"""Each error of the core, and what it is called on a stream; a subclass before the class it refines."""

ANYTHING_ELSE = Condition("cancel", "undefined-condition")

NOBODY: Mapping[type[HereaboutsError], Condition] = {NotFound: Condition("cancel", "service-unavailable")}
"""Where the addressee is a person: nobody, hidden and blocking look like away (RFC 6121 section 8.5)."""

SILENT = frozenset({NotFound, Absent})
"""Errors whose text would tell more than the condition does."""


JOIN = f"{{{xml.MUC}}}x"
JOINING = xml.element("x", {"xmlns": xml.MUC})
"""COMPAT: slixmpp knows by it that somebody was not let into a room (the examples of XEP-0045 section 7.2 have it)."""


class StanzaError(Exception):
    """A stanza is refused for a reason that only XMPP knows; ``inner`` is an application-specific condition."""

    def __init__(self, type: str, condition: str, text: str = "", *, inner: bytes = b"") -> None:
        super().__init__(text or condition)
        self.condition = Condition(type, condition)
        self.text = text
        self.inner = inner


def bad_request(text: str = "") -> StanzaError:
    """The stanza does not make sense."""
    return StanzaError("modify", "bad-request", text)


def service_unavailable() -> StanzaError:
    """Nobody and nothing here to answer that."""
    return StanzaError("cancel", "service-unavailable")


def item_not_found() -> StanzaError:
    """What was asked for is not there."""
    return StanzaError("cancel", "item-not-found")


def condition_of(error: HereaboutsError, special: Mapping[type[HereaboutsError], Condition] = {}) -> Condition:
    """The condition for an error of the core; ``special`` goes before the table."""
    for kind in type(error).__mro__:
        found = special.get(kind) or CONDITIONS.get(kind)
        if found is not None:
            return found
    return ANYTHING_ELSE


def error_answer(
    session: Session,
    stanza: Stanza,
    error: HereaboutsError | StanzaError,
    special: Mapping[type[HereaboutsError], Condition] = {},
    *,
    sender: str | None = None,
) -> bytes:
    """The error stanza that answers ``stanza``, from whom it was for (or ``sender``) to the session that sent it."""
    if isinstance(error, StanzaError):
        condition, text, inner = error.condition, error.text, error.inner
    else:
        condition, inner = condition_of(error, special), b""
        text = "" if type(error) in SILENT else str(error)
        if isinstance(error, Busy):
            text = f"{error}; try again in {error.retry_after} seconds"
    attrs = {"id": stanza.attrs.get("id"), "from": sender or stanza.attrs.get("to"), "to": session.jid}
    # Clients show a person what it was that did not arrive.
    said = stanza.inner if stanza.name == "message" else JOINING if JOIN in stanza.kids else b""
    return xml.error_to(stanza.name, attrs, condition.type, condition.name, text, inner=inner, said=said)
