"""Who sends an XCAP request: the digest of SIP over HTTP, with the same accounts and limits (RFC 7616)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from ....core.errors import BadAddress
from ....core.identity import Identity
from ....web.problems import Problem
from ..sign_in.digest import Algorithm, Nonces, Verdict, challenge, chosen, malformed

if TYPE_CHECKING:
    from ....core.accounts import Accounts

log = logging.getLogger(__name__)

MAX_CREDENTIALS = 8
"""Authorization headers of one request that are looked at."""


class NotProven(Exception):
    """A 401 with these challenges."""

    def __init__(self, challenges: list[str]) -> None:
        super().__init__("not signed in")
        self.challenges = challenges


class WebSignIn:
    """Challenges and checks; unknown people are challenged, computed and refused like known ones."""

    def __init__(
        self, accounts: Accounts, clock: Callable[[], float], *, digest_md5: bool, exempt: Callable[[str], bool]
    ) -> None:
        """``exempt`` tells addresses that many people come from: there each person's failures count alone."""
        self._accounts = accounts
        self._clock = clock
        self._exempt = exempt
        self._offered = tuple(Algorithm) if digest_md5 else (Algorithm.SHA_256,)
        self._nonces = Nonces()

    async def __call__(self, request: web.Request, realm: str) -> Identity:
        """Raises NotProven, and Problem for what is malformed or comes too often."""
        values = request.headers.getall("Authorization", [])
        credentials = chosen(values[:MAX_CREDENTIALS], realm, self._offered)
        if credentials is None:
            raise self._challenge(realm)
        if fault := malformed(credentials):
            raise Problem("malformed", fault)
        if credentials.uri not in (request.raw_path, f"{request.scheme}://{request.host}{request.raw_path}"):
            raise Problem("malformed", "the uri of the credentials is not the address of the request")
        who = _claimed(credentials.username, realm)
        place = request.remote or ""
        place = str(who) if self._exempt(place) else place
        if wait := self._accounts.limited(place, who):
            raise Problem("too-many", retry_after=wait)
        algorithm = credentials.known_algorithm or Algorithm.MD5
        ha1 = await self._accounts.digest_ha1(who, algorithm.value)
        verdict = self._nonces.verdict(credentials, request.method, ha1, str(who), self._clock())
        if verdict is Verdict.RIGHT:
            self._accounts.succeeded(place, who)
            return who
        if verdict is Verdict.WRONG:
            self._accounts.failed(place, who)
            log.info("an XCAP request from %s was refused: wrong password or unknown", request.remote)
        raise self._challenge(realm, stale=verdict is not Verdict.WRONG)

    def _challenge(self, realm: str, *, stale: bool = False) -> NotProven:
        nonce = self._nonces.issue(self._clock())
        return NotProven([challenge(realm, nonce, algorithm, stale=stale) for algorithm in self._offered])


def _claimed(username: str, realm: str) -> Identity:
    """Whom a username means, with or without the scheme and the domain; what is no name is nobody."""
    name = username.removeprefix("sip:")
    try:
        return Identity.parse(name if "@" in name else f"{name}@{realm}")
    except BadAddress:
        return Identity("", realm)
