"""Room for one file, promised to one person: what it is good for, signed, so that it can stand in an address."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
import unicodedata
from datetime import datetime
from urllib.parse import quote

import msgspec

from ....core.errors import BadRequest, NotAllowed

MAX_NAME = 120
"""Characters of a file's name; of longer ones the end stays, which says what kind of file it is."""
MAX_TYPE = 100
"""Characters of a file's content type."""
MAX_SIGNED = 2048
"""Characters of a signed slot."""
GOOD_FOR = 300.0
"""Seconds within which the upload must begin (XEP-0363 section 8 recommends them)."""
ANY_TYPE = "application/octet-stream"

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
"""RFC 6838 section 4.2."""
_ID = re.compile(r"[A-Za-z0-9_-]{24}")
_UNWANTED = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Kinds of characters that a name may not have: what they do to a screen is not what they say."""


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """One file, by an id that nobody guesses."""

    id: str
    name: str
    size: int
    type: str
    """The content type that was announced; nothing if none was."""
    owner: str
    until: float
    """When the promise ends, in seconds since 1970."""

    @property
    def path(self) -> str:
        """Where it is, below the folder of all files."""
        return f"{self.id}/{quote(self.name, safe='')}"


class Seals:
    """Signs slots, and knows its own signatures again."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def signed(self, slot: Slot) -> str:
        """The slot as text that fits in an address."""
        content = msgspec.json.encode(slot)
        return _written(content) + "." + _written(self._mac(content))

    def opened(self, text: str, now: datetime) -> Slot:
        """The slot in it.  Raises NotAllowed when it is not one of ours, or not any more."""
        content, _, mac = text.partition(".")
        try:
            if len(text) > MAX_SIGNED or not hmac.compare_digest(_read(mac), self._mac(_read(content))):
                raise NotAllowed("this address was not given out here")
            slot = msgspec.json.decode(_read(content), type=Slot)
        except (binascii.Error, msgspec.DecodeError, ValueError):
            raise NotAllowed("this address was not given out here") from None
        if slot.until < now.timestamp():
            raise NotAllowed("this address is not valid any more; ask for another")
        return slot

    def _mac(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")


def new_slot(name: str, size: int, type: str, owner: str, now: datetime) -> Slot:
    """Raises BadRequest for what is no file's name, size or type."""
    kind = content_type(type)
    if type and not kind:
        raise BadRequest("that is no content type")
    return Slot(secrets.token_urlsafe(18), file_name(name), size, kind, owner, now.timestamp() + GOOD_FOR)


def file_name(text: str) -> str:
    """A name for an address, of whatever a client calls its file.  Raises BadRequest where nothing is left of it."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", text))[-1]
    name = "".join(c for c in last if unicodedata.category(c) not in _UNWANTED).strip()[-MAX_NAME:]
    if not name.strip("."):
        raise BadRequest("a file has a name")
    return name


def content_type(text: str) -> str:
    """The type itself, without parameters; nothing where there is none (RFC 9110 section 8.3.1)."""
    kind = text[: MAX_TYPE + 1].partition(";")[0].strip().lower()
    return kind if len(kind) <= MAX_TYPE and _TYPE.fullmatch(kind) else ""


def is_id(text: str) -> bool:
    """Whether this can be the id of a file."""
    return _ID.fullmatch(text) is not None


def _written(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _read(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
