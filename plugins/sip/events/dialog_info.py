"""Documents about a person's calls, application/dialog-info+xml (RFC 4235).  Pure.

COMPAT: always the full state, because Polycom's lamps want nothing else; then a missed version does no harm either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..xml import DECLARATION, escaped

CONTENT_TYPE = "application/dialog-info+xml"
NAMESPACE = "urn:ietf:params:xml:ns:dialog-info"

INITIATOR, RECIPIENT = "initiator", "recipient"

MAX_DIALOGS = 8
"""Calls of one person in a document; a lamp shows one."""
MAX_BODY = 650
"""Bytes of a document about several calls, or with names: with its headers, a NOTIFY fits into a datagram."""
MAX_NAME_SHOWN = 60
"""Characters of the other side's name; a longer one is cut."""
MAX_NATIVE_SHOWN = 128
"""Characters of a Call-ID or a tag; a call with longer ones can be seen, not taken over."""


class Shown(NamedTuple):
    """One call as one watcher sees it.  What they may not know is empty: the other side, and what names the dialog."""

    id: str
    direction: str
    state: str
    call_id: str = ""
    local_tag: str = ""
    remote_tag: str = ""
    remote: str = ""
    """The other side's URI."""
    remote_name: str = ""


def write(entity: str, version: int, calls: Sequence[Shown], *, plain: bool = False) -> bytes:
    """The document.  No call at all means idle.  ``plain``, or when it gets too long: states alone."""
    kept = sorted(calls, key=_urgency)[:MAX_DIALOGS]
    if not plain:
        whole = _document(entity, version, [_dialog(call) for call in kept])
        if len(whole) <= MAX_BODY:
            return whole
        kept = kept[:3]
        whole = _document(entity, version, [_dialog(kept[0]), *map(_state_alone, kept[1:])])
        if len(whole) <= MAX_BODY:
            return whole
    return _document(entity, version, [_state_alone(call) for call in kept[:3]])


URGENCY = ("early", "confirmed", "trying", "terminated")


def _urgency(call: Shown) -> int:
    """What rings comes first: a lamp that shows one call must blink."""
    return URGENCY.index(call.state)


def _document(entity: str, version: int, dialogs: Sequence[str]) -> bytes:
    head = f'<dialog-info xmlns="{NAMESPACE}" version="{version}" state="full" entity="{escaped(entity)}">'
    return "\n".join((DECLARATION, head, *dialogs, "</dialog-info>", "")).encode()


def _dialog(call: Shown) -> str:
    native = ""
    if call.call_id and max(map(len, (call.call_id, call.local_tag, call.remote_tag))) <= MAX_NATIVE_SHOWN:
        names = (("call-id", call.call_id), ("local-tag", call.local_tag), ("remote-tag", call.remote_tag))
        native = "".join(f' {name}="{escaped(value)}"' for name, value in names if value)
    return _element(call, native, _remote(call))


def _remote(call: Shown) -> str:
    if not call.remote:
        return ""
    uri = escaped(call.remote)
    name = f' display="{escaped(call.remote_name[:MAX_NAME_SHOWN])}"' if call.remote_name else ""
    return f'<remote><identity{name}>{uri}</identity><target uri="{uri}"/></remote>'


def _state_alone(call: Shown) -> str:
    return _element(call, "", "")


def _element(call: Shown, native: str, more: str) -> str:
    head = f'<dialog id="{escaped(call.id)}"{native} direction="{call.direction}">'
    return f"{head}<state>{call.state}</state>{more}</dialog>"
