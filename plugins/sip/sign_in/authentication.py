"""Who sent a request: digest, on every one or once on a connection that is one person's, and nobody for another."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..errors import Refusal
from ..syntax.message import Request
from ..transaction.reply import slim
from ..translate import identity_of
from ..transport.flow import Flow
from .digest import Algorithm, Credentials, Nonces, Verdict, challenge, chosen, malformed, same_resource

if TYPE_CHECKING:
    from ....core.accounts import Accounts

log = logging.getLogger(__name__)

MAX_CHALLENGED = 10_000
"""Calls challenged and not yet answered that are remembered, to see who cannot answer."""
MAX_CREDENTIALS = 8
"""Authorization headers of one request."""


PROOF = "proof"
"""Under which name a flow keeps its Proof."""


class Proof(NamedTuple):
    """Who proved to be themselves on a flow, and by which key: when that changes, the proof is worth nothing."""

    who: Identity
    algorithm: Algorithm
    ha1: str


SHARED = Proof(Identity("", ""), Algorithm.MD5, "")
"""The proof of a flow on which more than one person, or another proxy, has spoken: nobody's."""


class Authentication:
    """Challenges and checks.  An unknown person is challenged, computed and refused exactly as a known one.

    RFC 8760 wants the strongest challenge first, and some clients fail on any but the one they know: those named in
    ``md5_only`` (by how their User-Agent begins), and whoever comes back with the same Call-ID and no answer, are
    offered MD5 alone, where policy knows MD5 at all.
    """

    def __init__(
        self,
        accounts: Accounts,
        ours: Callable[[str], bool],
        clock: Callable[[], float],
        *,
        digest_md5: bool = True,
        md5_only: Sequence[str] = (),
        nonces: Nonces | None = None,
        by_certificate: Callable[[Flow], bool] = lambda flow: False,
    ) -> None:
        """``by_certificate`` says where the people whom a certificate names need no password."""
        self._accounts = accounts
        self._ours = ours
        self._clock = clock
        self._known = tuple(Algorithm) if digest_md5 else (Algorithm.SHA_256,)
        self._md5_only = tuple(begins.lower() for begins in md5_only) if digest_md5 else ()
        self._nonces = nonces or Nonces()
        self._by_certificate = by_certificate
        self._challenged: OrderedDict[str, None] = OrderedDict()

    async def __call__(self, request: Request, flow: Flow) -> Identity:
        """The person who sent this, who is also the one in From.  Raises Refusal, BadAddress, MalformedSip."""
        sender = identity_of(request.from_)
        if not self._ours(sender.domain):
            raise Refusal(403, "this domain is not served here")
        if await self._proved(request, flow, sender) or await self._certified(request, flow, sender):
            return sender
        credentials = self._credentials(request, sender.domain)
        if credentials is None:
            raise self._challenge(request, flow, sender.domain, comes_back=True)
        who = await self._verified(credentials, request, flow, sender.domain)
        flow.identity = flow.identity or who
        if who != sender:
            log.warning("%s used the From of %s, by %r", who, sender, flow)
            raise Refusal(403, "From is somebody else")
        return who

    async def _verified(self, credentials: Credentials, request: Request, flow: Flow, realm: str) -> Identity:
        if fault := malformed(credentials):
            raise Refusal(400, fault)
        if not same_resource(credentials.uri, request.uri):
            raise Refusal(400, "the uri of the credentials is not the Request-URI")
        who = _claimed(credentials.username, realm)
        place = flow.remote.host
        if wait := self._accounts.limited(place, who):
            raise Refusal(503, "", ("Retry-After", math.ceil(wait)))
        algorithm = credentials.known_algorithm or Algorithm.MD5
        ha1 = await self._accounts.digest_ha1(who, algorithm.value)
        holder = str(who) if credentials.qop else f"{who} by {flow.id}"
        verdict = self._nonces.verdict(credentials, request.method, ha1, holder, self._clock())
        if verdict is Verdict.RIGHT:
            self._challenged.pop(request.call_id, None)
            self._accounts.succeeded(place, who)
            _prove(flow, request, Proof(who, algorithm, ha1))
            return who
        if verdict is Verdict.WRONG:
            self._accounts.failed(place, who)
            log.info("%s from %s was refused: wrong password or unknown", request.method, flow.remote)
        elif verdict is Verdict.REPLAYED and flow.first_time("replay"):
            log.warning("a nonce count was repeated, by %r", flow)
        raise self._challenge(request, flow, realm, stale=verdict is not Verdict.WRONG)

    async def _proved(self, request: Request, flow: Flow, sender: Identity) -> bool:
        """Whether the flow itself says who sent this: encrypted, without a proxy on the way, and proved before.

        Credentials that come nevertheless are not looked at.
        """
        proof = flow.attributes.get(PROOF)
        if not isinstance(proof, Proof) or proof.who != sender or len(request.via) != 1:
            return False
        return await self._accounts.digest_ha1(sender, proof.algorithm.value) == proof.ha1

    async def _certified(self, request: Request, flow: Flow, sender: Identity) -> bool:
        """Whether the flow's certificate names the sender (RFC 5922 section 7.1), who still has an account.

        Of what came by a proxy it says nothing: then the certificate is the proxy's.
        """
        if sender not in flow.certified.people or len(request.via) != 1 or not self._by_certificate(flow):
            return False
        if not await self._accounts.exists(sender):
            return False
        flow.identity = flow.identity or sender
        return True

    def _credentials(self, request: Request, realm: str) -> Credentials | None:
        values = request.all("Authorization") + request.all("Proxy-Authorization")
        return chosen(values[:MAX_CREDENTIALS], realm, self._known)

    def _challenge(
        self, request: Request, flow: Flow, realm: str, *, stale: bool = False, comes_back: bool = False
    ) -> Refusal:
        nonce = self._nonces.issue(self._clock())
        offered = self._offered(request, comes_back)
        challenges = [("WWW-Authenticate", challenge(realm, nonce, a, stale=stale)) for a in offered]
        # a stranger's UDP address is sent no more than it sent: where two challenges are too long, one must do
        if not flow.reliable and flow.identity is None:
            response = slim(request.reply(401, headers=challenges), flow.allowance)
            if len(bytes(response)) > flow.allowance:
                del challenges[:-1]
        return Refusal(401, "", *challenges)

    def _offered(self, request: Request, comes_back: bool) -> Sequence[Algorithm]:
        client = (request.first("User-Agent") or "").lower()
        if self._md5_only and client.startswith(self._md5_only):
            return (Algorithm.MD5,)
        if not comes_back:
            return self._known
        before = request.call_id in self._challenged
        self._challenged[request.call_id] = None
        self._challenged.move_to_end(request.call_id)
        if len(self._challenged) > MAX_CHALLENGED:
            self._challenged.popitem(last=False)
        return (Algorithm.MD5,) if before and Algorithm.MD5 in self._known else self._known


def _prove(flow: Flow, request: Request, proof: Proof) -> None:
    """Keep a proof, where the flow is one person's own: their device is its other end, and nobody else speaks on it.

    Who comes by a proxy has more than one Via; who comes by what hides that has company sooner or later.
    """
    before = flow.attributes.get(PROOF)
    if before is SHARED or not flow.secure:
        return
    alone = before is None or (isinstance(before, Proof) and before.who == proof.who)
    flow.attributes[PROOF] = proof if alone and len(request.via) == 1 else SHARED


def _claimed(username: str, realm: str) -> Identity:
    """Whom a username means; what is no name is nobody, and is treated like nobody."""
    try:
        return Identity.parse(f"{username}@{realm}" if "@" not in username else username)
    except BadAddress:
        return Identity("", realm)
