"""XCAP on the web server: GET, PUT and DELETE of documents and their parts (RFC 4825 sections 7 and 8)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakValueDictionary

from aiohttp import web

from ....core.errors import BadAddress, BadRequest, NotAllowed, Refused, TooLarge
from ....core.identity import Identity
from ....web.answers import matches
from ....web.problems import Problem
from ....web.site import site_of
from ....web.tokens import ANYBODY
from ..events.watching import PresencePackage
from ..sign_in.registration import Start
from ..translate import identity_of
from ..xml import MalformedXml, parsed
from . import faults, nodes, published
from .contact_list import ContactList, PutOnList
from .faults import Fault, cannot_keep
from .hard_state import HardState
from .presence_rules import PresenceRules
from .selectors import Address, Node, address_of, node_of
from .sign_in import NotProven, WebSignIn
from .usage import Usage, reread, written

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

ROOT = "/xcap"
ELEMENT, ATTRIBUTE, NAMESPACE = "application/xcap-el+xml", "application/xcap-att+xml", "application/xcap-ns+xml"
METHODS = ("GET", "HEAD", "PUT", "DELETE")
PRIVATE = {"Cache-Control": "private, no-cache"}


class Target(NamedTuple):
    """What a request is about, found."""

    owner: Identity
    usage: Usage
    node: Node | None

    @property
    def content_type(self) -> str:
        """Of the document, or of a part of it."""
        if self.node is None:
            return self.usage.content_type
        return NAMESPACE if self.node.namespaces else ATTRIBUTE if self.node.attribute else ELEMENT


class XcapService:
    """People read and change what is theirs, and nobody else's."""

    def __init__(self, front_end: FrontEnd, put_on_list: PutOnList) -> None:
        self._front_end = front_end
        self.hard_state = HardState(front_end)
        rules = PresenceRules(front_end)
        self._usages: Mapping[tuple[str, str], Usage] = {
            ("resource-lists", "index"): ContactList(front_end, put_on_list),
            ("rls-services", "index"): published.Services(front_end),
            ("pres-rules", "index"): rules,
            ("org.openmobilealliance.pres-rules", "pres-rules"): rules,
            ("pidf-manipulation", "index"): self.hard_state,
        }
        self._locks: WeakValueDictionary[Identity, asyncio.Lock] = WeakValueDictionary()
        self._site = site_of(front_end)
        self._sign_in = WebSignIn(
            front_end.accounts,
            lambda: front_end.clock().timestamp(),
            digest_md5=front_end.settings.digest_md5,
            exempt=self._site.keeper.exempt,
        )

    def routes(self) -> Sequence[web.RouteDef]:
        """Everything below the root."""
        return [web.route("*", ROOT + "/{document:.*}", self.answer)]

    async def answer(self, request: web.Request) -> web.Response:
        """One request, whatever comes of it."""
        try:
            return await self._answer(request)
        except NotProven as why:
            self._site.admit(request, ANYBODY)
            answer = web.Response(status=401)
            for challenge in why.challenges:
                answer.headers.add("WWW-Authenticate", challenge)
            return answer
        except PreconditionFailed:
            return web.Response(status=412)
        except Fault as why:
            return web.Response(status=409, body=why.document, headers={"Content-Type": faults.CONTENT_TYPE})

    # ---- inside

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method not in METHODS:
            raise web.HTTPMethodNotAllowed(request.method, METHODS)
        address = address_of(request.raw_path.removeprefix(ROOT))
        if address is None:
            raise Problem("not-found")
        if not address.owner:
            return self._everybodys(request, address)
        target = await self._target(request, address)
        if request.method in ("GET", "HEAD"):
            return await self._get(request, target)
        lock = self._locks.get(target.owner)
        if lock is None:
            lock = self._locks[target.owner] = asyncio.Lock()
        async with lock:
            change = self._put if request.method == "PUT" else self._delete
            try:
                return await change(request, target)
            except (TooLarge, NotAllowed, Refused) as why:
                raise cannot_keep(str(why)) from None

    def _everybodys(self, request: web.Request, address: Address) -> web.Response:
        if (address.usage, address.document, address.node) != (published.CAPABILITIES, "index", ""):
            raise Problem("not-found")
        if request.method not in ("GET", "HEAD"):
            raise web.HTTPMethodNotAllowed(request.method, ("GET", "HEAD"))
        spaces = [usage.namespace for usage in self._usages.values()]
        content = published.capabilities([auid for auid, _ in self._usages], spaces)
        return web.Response(body=content, headers={"Content-Type": published.CAPS_TYPE})

    async def _target(self, request: web.Request, address: Address) -> Target:
        """Raises Problem, NotProven."""
        try:
            owner = identity_of(address.owner) if ":" in address.owner else Identity.parse(address.owner)
        except BadAddress:
            raise Problem("not-found") from None
        if not self._front_end.ours(owner.domain):
            raise Problem("not-found")
        if await self._sign_in(request, owner.domain) != owner:
            raise Problem("refused", "this is somebody else's")
        usage = self._usages.get((address.usage, address.document))
        if usage is None:
            raise Problem("not-found")
        try:
            node = node_of(address.node, usage.namespace, address.query) if address.node else None
        except BadRequest as why:
            raise Problem("malformed", str(why)) from None
        return Target(owner, usage, node)

    async def _get(self, request: web.Request, target: Target) -> web.Response:
        document = await target.usage.document(target.owner)
        if document is None:
            raise Problem("not-found")
        etag = etag_of(document)
        if (seen := request.headers.get("If-None-Match")) is not None and matches(seen, etag):
            return web.Response(status=304, headers={"ETag": etag, **PRIVATE})
        content = document
        if target.node is not None:
            part = nodes.get(reread(document), target.node)
            if part is None:
                raise Problem("not-found")
            content = part.encode()
        return web.Response(body=content, headers={"Content-Type": target.content_type, "ETag": etag, **PRIVATE})

    async def _put(self, request: web.Request, target: Target) -> web.Response:
        if request.content_type != target.content_type:
            raise Problem("wrong-type", f"this is written as {target.content_type}")
        before = await target.usage.document(target.owner)
        body = await request.read()
        if target.node is None:
            _check_conditions(request, before, exists=before is not None)
            root, new = _whole(body), before is None
        else:
            if before is None:
                raise faults.no_parent("there is no document")
            root = reread(before)
            _check_conditions(request, before, exists=nodes.get(root, target.node) is not None)
            root, new = nodes.put(root, target.node, body)
            root = reread(written(root))
        await target.usage.write(target.owner, root)
        after = await target.usage.document(target.owner)
        log.info("%s wrote %s", target.owner, type(target.usage).__name__)
        return web.Response(status=201 if new else 200, headers={"ETag": etag_of(after or b"")})

    async def _delete(self, request: web.Request, target: Target) -> web.Response:
        before = await target.usage.document(target.owner)
        if before is None:
            raise Problem("not-found")
        root = reread(before)
        exists = target.node is None or nodes.get(root, target.node) is not None
        _check_conditions(request, before, exists=exists)
        if target.node is None:
            await target.usage.remove(target.owner)
            return web.Response(status=200)
        if not nodes.delete(root, target.node):
            raise Problem("not-found")
        await target.usage.write(target.owner, root)
        after = await target.usage.document(target.owner)
        return web.Response(status=200, headers={"ETag": etag_of(after or b"")})


class PreconditionFailed(Exception):
    """A 412: the document is not the one the client knows."""


def xcap_routes(front_end: FrontEnd, start: Start) -> Sequence[web.RouteDef]:
    """What the web server serves under /xcap; what was kept holds from now on."""
    service = XcapService(front_end, PresencePackage(front_end, start).listed)
    start(service.hard_state.restore())
    return service.routes()


def _check_conditions(request: web.Request, document: bytes | None, *, exists: bool) -> None:
    """RFC 4825 section 7.11: the tag is the document's, also where a part is meant."""
    etag = etag_of(document) if document is not None else ""
    wanted, unwanted = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    if wanted is not None and not (document is not None and matches(wanted, etag)):
        raise PreconditionFailed()
    if unwanted is not None and (exists if unwanted.strip() == "*" else bool(etag) and matches(unwanted, etag)):
        raise PreconditionFailed()


def _whole(body: bytes) -> nodes.Element:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("not-utf-8", "the body is not UTF-8") from None
    try:
        return parsed(body)
    except MalformedXml as why:
        raise Fault("not-well-formed", str(why)) from None


def etag_of(document: bytes) -> str:
    """A strong validator: equal documents have equal ones, after a restart too."""
    return f'"{hashlib.sha256(document).hexdigest()[:24]}"'
