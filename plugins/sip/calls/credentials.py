"""Digest as a client gives it: the answer to a trunk's challenge (RFC 3261 section 22.2, RFC 7616, RFC 8760).  Pure."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex

from ..sign_in.digest import Algorithm
from ..syntax.grammar import MalformedSip, Params
from ..syntax.headers import Credentials
from ..syntax.message import Request, Response

ASKED_BY = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
MAX_CHALLENGES = 10
"""Challenges of one response that are looked at."""


class Account:
    """A name and a password at another server, and its latest challenge: the next request brings the answer along."""

    def __init__(self, username: str, password: str, chance: Callable[[], str] = lambda: token_hex(8)) -> None:
        self._username = username
        self._password = password
        self._chance = chance
        self._challenge: tuple[str, Params, Algorithm] | None = None
        self._count = 0

    def heed(self, response: Response, request: Request) -> bool:
        """Take up the challenge of a 401 or 407.  Whether it is of use to ask again.

        It is not when we have no password, or when this nonce was answered in the request: the password is wrong.
        """
        asks, answers = ASKED_BY[response.status]
        if not self._username:
            return False
        offered = [found for text in response.all(asks)[:MAX_CHALLENGES] if (found := _readable(text)) is not None]
        if not offered:
            return False
        params, algorithm = min(offered, key=lambda one: list(Algorithm).index(one[1]))
        if (params.get("stale") or "").lower() != "true" and params["nonce"] in _answered(request, answers):
            return False
        self._challenge, self._count = (answers, params, algorithm), 0
        return True

    def sign(self, request: Request) -> None:
        """Put the answer to the latest challenge into a request, if there has been one."""
        if self._challenge is None:
            return
        header, asked, algorithm = self._challenge
        self._count += 1
        realm, nonce, uri = asked.get("realm") or "", asked["nonce"], request.uri
        ha1 = algorithm.of(f"{self._username}:{realm}:{self._password}")
        ha2 = algorithm.of(f"{request.method}:{uri}")
        params = Params()
        for name, value in (("username", self._username), ("realm", realm), ("nonce", nonce), ("uri", uri)):
            params = params.with_(name, value, quoted=True)
        if "qop" in asked:
            count, chance = f"{self._count:08x}", self._chance()
            proof = algorithm.of(f"{ha1}:{nonce}:{count}:{chance}:auth:{ha2}")
            params = params.with_("qop", "auth").with_("nc", count).with_("cnonce", chance, quoted=True)
        else:
            proof = algorithm.of(f"{ha1}:{nonce}:{ha2}")
        params = params.with_("response", proof, quoted=True)
        if "algorithm" in asked:
            params = params.with_("algorithm", algorithm.value)
        if "opaque" in asked:
            params = params.with_("opaque", asked["opaque"], quoted=True)
        request.set(header, Credentials("Digest", params))


def _readable(text: str) -> tuple[Params, Algorithm] | None:
    """A challenge that can be answered: Digest, an algorithm we know, and qop=auth or none."""
    try:
        scheme, params = Credentials.parse(text)
    except MalformedSip:
        return None
    named = (params.get("algorithm") or "MD5").lower()
    algorithm = next((one for one in Algorithm if one.lower() == named), None)
    qops = [qop.strip().lower() for qop in (params.get("qop") or "auth").split(",")]
    if scheme.lower() != "digest" or algorithm is None or "auth" not in qops or not params.get("nonce"):
        return None
    return params, algorithm


def _answered(request: Request, header: str) -> list[str]:
    found = []
    for text in request.all(header):
        try:
            found.append(Credentials.parse(text).params.get("nonce") or "")
        except MalformedSip:
            continue
    return found
