"""Files that people share (XEP-0363): who may, how much, until when; and what is here."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from ....core.errors import BadRequest
from ....core.front_end import secret_of
from ....core.identity import Identity
from .. import disco, forms
from ..errors import StanzaError, bad_request
from ..messages.payload import stamp
from ..queries import Place, Query
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza
from .options import MIB, UploadOptions
from .quota import DAY, Quota
from .shelf import Kept, Shelf
from .slot import Seals, Slot, new_slot

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

NS = "urn:xmpp:http:upload:0"
FOLDER = "shared-files"
PATH = "/upload"
"""Where files are, below the server's address."""
LOOK_EVERY = 3600.0
"""Seconds between two looks for files that are too old."""
MAX_FILES = 200_000
"""Files that are here at once: each takes a little memory."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Uploads:
    """One service for all domains of the server."""

    def __init__(
        self, front_end: FrontEnd, options: UploadOptions, public_url: Callable[[], str], *, local: bool = False
    ) -> None:
        """``public_url``: how browsers reach us, or nothing; it may change while the server starts.

        ``local``: whether all clients are on this machine.
        """
        self._front_end = front_end
        self._options = options
        self._public_url = public_url
        self._local = local
        self.shelf = Shelf(front_end.state / FOLDER)
        self.seals = Seals(hmac.digest(secret_of(front_end.state / "secret"), b"slots of shared files", "sha256"))
        self.quota = Quota(options.per_day_mb * MIB, options.files_per_day, options.total_mb * MIB)
        self.files: dict[str, Kept] = {}
        """All that are here, by id."""

    @property
    def largest(self) -> int:
        """Bytes of the largest file."""
        return self._options.max_file_mb * MIB

    def now(self) -> float:
        """Seconds since 1970."""
        return self._front_end.clock().timestamp()

    def opened(self, sealed: str) -> Slot:
        """The slot in an address.  Raises NotAllowed."""
        return self.seals.opened(sealed, self._front_end.clock())

    # ---- by IQ

    def offered(self) -> bool:
        """Whether files can come: by TLS, as XEP-0363 section 4 demands; between programs of one machine without."""
        url = urlsplit(self._public_url())
        return url.scheme == "https" or (self._local and url.hostname in LOOPBACK)

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", f"{{{NS}}}request", Place.UPLOAD, self.request, NS)
        yield Query("get", disco.INFO, Place.UPLOAD, self.info, xml.DISCO_INFO)
        yield Query("get", disco.ITEMS, Place.UPLOAD, self.items, xml.DISCO_ITEMS)

    async def info(self, resource: Resource, iq: Stanza) -> bytes:
        """What it is, and how large a file may be (section 3)."""
        if disco.node_of(iq):
            raise StanzaError("cancel", "item-not-found")
        most = forms.form([forms.Field("max-file-size", values=(str(self.largest),))], type="result", form_type=NS)
        return disco.info(iq, [("store", "file", "Shared files")], [xml.DISCO_INFO, xml.DISCO_ITEMS, NS], most)

    async def items(self, resource: Resource, iq: Stanza) -> bytes:
        """It has no parts."""
        return disco.items(iq, [])

    async def request(self, resource: Resource, iq: Stanza) -> bytes:
        """Room for a file (section 4): where to put it, and where it will be.  Raises StanzaError (section 6)."""
        asked, now = iq.tree[0], self.now()
        size = asked.get("size", "")
        if not (size.isascii() and size.isdecimal() and len(size) < 16 and int(size) > 0):
            raise bad_request("size is a number of bytes")
        try:
            slot = new_slot(
                asked.get("filename", ""),
                int(size),
                asked.get("content-type", ""),
                str(resource.identity),
                self._front_end.clock(),
            )
        except BadRequest as why:
            raise bad_request(str(why)) from None
        self._check(slot, now)
        self.quota.promise(slot, now)
        place = f"{self._public_url()}{PATH}/{slot.path}"
        put = xml.element("put", {"url": f"{place}?slot={self.seals.signed(slot)}"})
        return xml.element("slot", {"xmlns": NS}, put + xml.element("get", {"url": place}))

    def _check(self, slot: Slot, now: float) -> None:
        if slot.size > self.largest:
            most = xml.element("max-file-size", None, str(self.largest))
            too_large = xml.element("file-too-large", {"xmlns": NS}, most)
            raise StanzaError("modify", "not-acceptable", f"at most {self.largest} bytes", inner=too_large)
        if wait := self.quota.wait(slot.owner, slot.size, now):
            again = stamp(self._front_end.clock() + timedelta(seconds=wait))
            retry = xml.element("retry", {"xmlns": NS, "stamp": again})
            raise StanzaError("wait", "resource-constraint", "that is all for today", inner=retry)
        if not self.quota.has_room(slot.size, now) or len(self.files) >= MAX_FILES:
            raise StanzaError("wait", "resource-constraint", "there is no room for files at the moment")

    # ---- what is here

    async def keep(self, slot: Slot, file: BinaryIO) -> None:
        """A file is whole.  Raises OSError."""
        kept = Kept(slot.id, slot.name, slot.size, slot.type, slot.owner, self.now())
        await asyncio.to_thread(self.shelf.finish, file, kept)
        self.files[kept.id] = kept
        self.quota.came(kept)

    async def forget(self, who: Identity) -> None:
        """Somebody's account is removed, and all that they shared."""
        await self._remove([kept for kept in self.files.values() if kept.owner == str(who)])

    async def tidy(self) -> None:
        """Remove what is too old."""
        before = self.now() - self._options.keep_days * DAY
        old = [kept for kept in self.files.values() if kept.at < before]
        await self._remove(old)
        if old:
            log.info("%d shared files were older than %d days, and are removed", len(old), self._options.keep_days)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Know what is here, and tidy up now and then."""
        self.files = await asyncio.to_thread(self.shelf.found)
        self.quota.found(self.files.values())
        leaving, tidying = self._front_end.accounts.leaving, asyncio.create_task(self._tidy_often())
        leaving.append(self.forget)
        try:
            yield
        finally:
            leaving.remove(self.forget)
            tidying.cancel()

    async def _tidy_often(self) -> None:
        while True:
            try:
                await self.tidy()
            except OSError as why:
                log.error("shared files that are too old could not be removed: %s", why)
            await asyncio.sleep(LOOK_EVERY)

    async def _remove(self, files: list[Kept]) -> None:
        for kept in files:
            if self.files.pop(kept.id, None) is not None:
                self.quota.went(kept)
                await asyncio.to_thread(self.shelf.remove, kept.id)
