"""Documents about a person's calls, application/dialog-info+xml (RFC 4235).  Pure.

COMPAT: always the full state, because Polycom's lamps want nothing else; then a missed version does no harm either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lxml import etree

from ..xml import DECLARATION, MalformedXml, document, escaped, local_name, text_of

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
MAX_DIALOGS_READ = 100
"""Calls of one person in a document that another server sends."""
MAX_ID_READ = 256
"""Characters of a call's name, or of a Call-ID or tag, in such a document."""
MAX_VERSION = 2**32
"""Below it are the versions of such documents."""


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


# ---- reading


class Told(NamedTuple):
    """What a document says: all there is (``full``), or only what has changed since the version before."""

    version: int
    full: bool
    dialogs: Sequence[Shown]


STATES = {
    "trying": "trying",
    "proceeding": "trying",
    "early": "early",
    "confirmed": "confirmed",
    "terminated": "terminated",
}
"""The states of RFC 4235 section 3.7.1 in our words: proceeding is trying, heard by somebody on the way."""


def read(body: bytes) -> Told:
    """What another server says of somebody's calls.  Raises MalformedXml.

    A state that nobody knows is taken for the one that says least; a dialog of another namespace is passed over.
    """
    root = document(body, f"{{{NAMESPACE}}}dialog-info")
    said = root.get("version") or ""
    if not (said.isascii() and said.isdecimal() and len(said) < 16 and int(said) < MAX_VERSION):
        raise MalformedXml("the version is no number")
    if root.get("state") not in ("full", "partial"):
        raise MalformedXml("the document is neither full nor partial")
    dialogs = [element for element in root if element.tag == f"{{{NAMESPACE}}}dialog"]
    if len(dialogs) > MAX_DIALOGS_READ:
        raise MalformedXml(f"more than {MAX_DIALOGS_READ} dialogs")
    return Told(int(said), root.get("state") == "full", tuple(map(_read, dialogs)))


def _read(element: etree._Element) -> Shown:
    parts = {local_name(part): part for part in element if part.tag.startswith(f"{{{NAMESPACE}}}")}
    id, state = element.get("id") or "", text_of(parts.get("state"))
    names = [element.get(name) or "" for name in ("call-id", "local-tag", "remote-tag")]
    if not id or not state or max(map(len, (id, *names))) > MAX_ID_READ:
        raise MalformedXml("a dialog without an id or a state, or with names that are too long")
    direction = RECIPIENT if element.get("direction") == RECIPIENT else INITIATOR
    return Shown(id, direction, STATES.get(state, "trying"), *names)
