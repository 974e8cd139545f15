"""Entity capabilities (XEP-0115): what a presence says of its client's features, by a hash of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import NamedTuple
from xml.etree.ElementTree import Element

from .syntax import xml
from .syntax.stanza import Stanza

CAPS = f"{{{xml.CAPS}}}c"
IDENTITY = f"{{{xml.DISCO_INFO}}}identity"
FEATURE = f"{{{xml.DISCO_INFO}}}feature"
FORM = f"{{{xml.DATA_FORM}}}x"
FIELD = f"{{{xml.DATA_FORM}}}field"
VALUE = f"{{{xml.DATA_FORM}}}value"

MAX_NAME = 1024
"""Characters of a node or a hash; a longer one is none."""
HASHES = {"sha-1": hashlib.sha1, "sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


class Caps(NamedTuple):
    """The ``<c/>`` of a presence; ``hash`` is empty in the oldest form of it, whose ``ver`` is no hash."""

    node: str
    ver: str
    hash: str

    @property
    def query_node(self) -> str:
        """What is asked for, to learn of the features (section 6.2)."""
        return f"{self.node}#{self.ver}"


def of(presence: Stanza) -> Caps | None:
    """The capabilities that a presence names, if it does."""
    found = presence.child(CAPS)
    if found is None:
        return None
    node, ver, hash = (found.get(name, "") for name in ("node", "ver", "hash"))
    if not node or not ver or max(len(node), len(ver), len(hash)) > MAX_NAME:
        return None
    return Caps(node, ver, hash)


def features(query: Element) -> list[str]:
    """The features in an answer to disco#info."""
    return [feature.get("var", "") for feature in query.findall(FEATURE)]


def verified(caps: Caps, query: Element) -> bool:
    """Whether the hash is that of this answer (section 5.4), so that it is the same for every client."""
    made = verification(query, caps.hash)
    return made is not None and made == caps.ver


def verification(query: Element, hash: str) -> str | None:
    """The hash of an answer to disco#info (section 5.1); None for one that is ill-formed, or a hash we do not know."""
    algorithm = HASHES.get(hash)
    identities = [_identity(identity) for identity in query.findall(IDENTITY)]
    listed = features(query)
    forms = [form for form in map(_form, query.findall(FORM)) if form is not None]
    types = [type for type, _ in forms]
    if algorithm is None or any(len(set(parts)) != len(parts) for parts in (identities, listed, types)):
        return None
    text = "".join(["/".join(identity) + "<" for identity in _sorted(identities)])
    text += "".join([feature + "<" for feature in sorted(listed, key=str.encode)])
    text += "".join([inner for _, inner in sorted(forms, key=lambda form: form[0].encode())])
    return base64.b64encode(algorithm(text.encode("utf-8", "surrogatepass")).digest()).decode()


def _identity(identity: Element) -> tuple[str, str, str, str]:
    lang = identity.get(f"{{{xml.XML}}}lang", "")
    return identity.get("category", ""), identity.get("type", ""), lang, identity.get("name", "")


def _sorted(identities: Iterable[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    return sorted(identities, key=lambda identity: tuple(part.encode() for part in identity))


def _form(form: Element) -> tuple[str, str] | None:
    """A form's type, and its text in the hash; None for one that does not count."""
    fields = {field.get("var", ""): field for field in form.findall(FIELD)}
    kind = fields.pop("FORM_TYPE", None)
    if kind is None or kind.get("type") != "hidden":
        return None
    type = kind.findtext(VALUE) or ""
    text = type + "<"
    for name in sorted(fields, key=str.encode):
        values = sorted((value.text or "" for value in fields[name].findall(VALUE)), key=str.encode)
        text += "".join([part + "<" for part in (name, *values)])
    return type, text
