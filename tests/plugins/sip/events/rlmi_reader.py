"""What a list's NOTIFY says, read by a mail program's parser and an XML parser that are not ours."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from xml.etree import ElementTree

from .....plugins.sip.syntax.message import Request

SPACE = "{urn:ietf:params:xml:ns:rlmi}"


@dataclass
class Seen:
    """Each resource's state, and the document of those that have one."""

    uri: str
    version: int
    full: bool
    states: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)


def read(content_type: str, body: bytes) -> Seen:
    """Raises whatever is raised for what is no such body."""
    whole = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    assert whole.get_content_type() == "multipart/related" and not whole.defects and not whole.preamble
    parts = {part["Content-ID"]: part for part in whole.iter_parts()}
    root = parts.pop(whole.get_param("start"))
    assert root.get_content_type() == whole.get_param("type") == "application/rlmi+xml"
    top = ElementTree.fromstring(_bytes(root))
    assert top.tag == f"{SPACE}list"
    seen = Seen(
        top.get("uri", ""), int(top.get("version", "")), {"true": True, "false": False}[top.get("fullState", "")]
    )
    for resource in top:
        uri = resource.get("uri", "")
        instance = resource.find(f"{SPACE}instance")
        seen.states[uri] = "" if instance is None else instance.get("state", "")
        seen.names[uri] = resource.findtext(f"{SPACE}name", "")
        if instance is not None:
            seen.ids[uri] = instance.get("id", "")
            if cid := instance.get("cid"):
                seen.documents[uri] = _bytes(parts.pop(f"<{cid}>")).decode()
    assert not parts, "every part belongs to a resource"
    return seen


def of(notify: Request) -> Seen:
    """The body of a NOTIFY, deflated or not."""
    coded = notify.first("Content-Encoding")
    assert coded in (None, "deflate")
    return read(notify.first("Content-Type") or "", zlib.decompress(notify.body) if coded else notify.body)


def _bytes(part: object) -> bytes:
    content = part.get_payload(decode=True)  # type: ignore[attr-defined]
    assert isinstance(content, bytes)
    return content
