"""Digest authentication as a server gives it: challenges, credentials and nonces (RFC 7616, RFC 8760).

Without qop it is that of RFC 2069.  Pure: no socket, no clock, no accounts; ``now`` and the stored
H(user:realm:password) come in, verdicts go out.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from string import hexdigits
from typing import NamedTuple

from ..syntax.grammar import MalformedSip, made_of, unquote
from ..syntax.uri import SipUri

MAX_CREDENTIALS = 4096
"""Characters of one Authorization header value."""
NONCE_LIFE = 300.0
"""Seconds a nonce is good for; afterwards the client is told it is stale and gets a new one."""
MAX_NONCES = 50_000
"""Nonces in use whose counts are remembered; beyond that the oldest are forgotten, and are stale."""
CHANCE, PROOF = 4, 14
"""Bytes of chance and of the keyed hash in a nonce: short, for a challenge over UDP is no longer than the request."""
WINDOW = 64
"""How far behind the highest nonce count a late request may be, over UDP or after a lost packet."""


PAIR = re.compile(
    r'(?s)[ \t]*+(?:([^\s=,"]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^\s",]++))[ \t]*+(?:,(?!\s*\Z)|\Z)|(.+))'
)
"""One name=value of the list, or (last group) whatever is none.  Nothing is tried twice, so it is linear."""

REQUIRED = frozenset(("username", "realm", "nonce", "uri", "response"))


class Algorithm(enum.StrEnum):
    """The hash of a challenge; the strongest first.  SHA-512-256 is not offered: liblinphone fails on it."""

    SHA_256 = "SHA-256"
    MD5 = "MD5"

    def of(self, text: str) -> str:
        """H(text), in hexadecimal digits."""
        hash_ = hashlib.sha256 if self is Algorithm.SHA_256 else hashlib.md5
        return hash_(text.encode("utf-8", "surrogateescape")).hexdigest()


class Verdict(enum.Enum):
    """What credentials are worth."""

    RIGHT = "right"
    WRONG = "wrong"
    """Somebody who does not know the password, or a nonce that is not ours."""
    STALE = "stale"
    """The password is right, the nonce is too old or was forgotten: ask again with stale=true."""
    REPLAYED = "replayed"
    """The same nonce count was here before: somebody repeats what they overheard."""


class Credentials(NamedTuple):
    """One Authorization header of the scheme Digest (RFC 7616 section 3.4)."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str = ""
    cnonce: str = ""
    nc: str = ""

    @classmethod
    def parse(cls, value: str) -> Credentials | None:
        """Read a header's value; None for another scheme, or where a part that must be there is missing."""
        scheme, _, rest = value.strip().partition(" ")
        if scheme.lower() != "digest" or len(rest) > MAX_CREDENTIALS:
            return None
        found: dict[str, str] = {}
        pairs = PAIR.findall(rest)
        for name, quoted, bare, junk in pairs:
            if junk:
                return None
            found[name.lower()] = unquote(f'"{quoted}"') if "\\" in quoted else quoted or bare
        if len(found) < len(pairs) or not found.keys() >= REQUIRED:
            return None
        get = found.get
        return cls(
            found["username"],
            found["realm"],
            found["nonce"],
            found["uri"],
            found["response"],
            get("algorithm", "MD5"),
            get("qop", ""),
            get("cnonce", ""),
            get("nc", ""),
        )

    @property
    def known_algorithm(self) -> Algorithm | None:
        """The algorithm, if it is one we offer."""
        return _ALGORITHMS.get(self.algorithm.upper())

    def expected(self, algorithm: Algorithm, ha1: str, method: str) -> str:
        """The response somebody who knows ``ha1`` gives; without qop as RFC 2069 had it."""
        ha2 = algorithm.of(f"{method}:{self.uri}")
        if self.qop:
            return algorithm.of(f"{ha1}:{self.nonce}:{self.nc}:{self.cnonce}:{self.qop}:{ha2}")
        return algorithm.of(f"{ha1}:{self.nonce}:{ha2}")


_ALGORITHMS = {algorithm.value: algorithm for algorithm in Algorithm}


def chosen(values: Iterable[str], realm: str, offered: Iterable[Algorithm]) -> Credentials | None:
    """The credentials for this realm with the strongest algorithm we offer; other schemes and realms are ignored."""
    ours = [c for v in values if (c := Credentials.parse(v)) is not None and c.realm.lower() == realm.lower()]
    for algorithm in offered:
        for credentials in ours:
            if credentials.known_algorithm is algorithm:
                return credentials
    return None


def malformed(credentials: Credentials) -> str:
    """What is wrong with the form of these credentials (the reason of a 400), or nothing."""
    if credentials.qop not in ("", "auth"):
        return f"qop {credentials.qop[:20]} is not offered"
    if credentials.qop and not (credentials.cnonce and len(credentials.nc) == 8 and made_of(credentials.nc, hexdigits)):
        return "qop=auth needs cnonce and an nc of eight digits"
    return ""


def challenge(realm: str, nonce: str, algorithm: Algorithm, *, stale: bool = False) -> str:
    """The value of one WWW-Authenticate header (RFC 7616 section 3.3)."""
    quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
    end = ", stale=true" if stale else ""
    return f'Digest realm="{quoted}", nonce="{nonce}", algorithm={algorithm}, qop="auth"{end}'


def same_resource(uri: str, request_uri: str) -> bool:
    """Whether the digest covers the request's target (RFC 7616 section 3.4.6).

    Parameters may differ: proxies and clients add and drop ``;transport``.  User and host may not.
    """
    if uri == request_uri:
        return True
    try:
        one, other = SipUri.parse(uri), SipUri.parse(request_uri)
    except MalformedSip:
        return False
    return one.is_sip and (one.user, one.host.lower()) == (other.user, other.host.lower())


@dataclass(slots=True)
class _Spent:
    """When a nonce was issued, and which of its counts have been used, by whom."""

    issued: int
    holder: str
    highest: int = 0
    seen: int = field(default=0)

    def spend(self, count: int) -> bool:
        ahead = count - self.highest
        if ahead > 0:
            self.seen = ((self.seen << min(ahead, WINDOW)) | 1) & ((1 << WINDOW) - 1)
            self.highest = count
            return True
        if -ahead >= WINDOW or self.seen >> -ahead & 1:
            return False
        self.seen |= 1 << -ahead
        return True


class Nonces:
    """Nonces that carry their own proof: time, chance, a keyed hash of both.  Nothing is kept of those nobody used."""

    def __init__(self, secret: bytes = b"", life: float = NONCE_LIFE, since: float = 0.0) -> None:
        """With a ``secret`` that outlives the process, nonces from before ``since`` are stale and not wrong: a client
        that comes back after a restart is not told that its password is."""
        self._secret = secret or secrets.token_bytes(32)
        self._life = life
        self._spent: OrderedDict[str, _Spent] = OrderedDict()
        self._forgotten = _milliseconds(since)

    def issue(self, now: float) -> str:
        """A new nonce.  ``now`` is any clock's seconds, the same clock's throughout."""
        stamp = _milliseconds(now).to_bytes(6, "big") + secrets.token_bytes(CHANCE)
        return base64.urlsafe_b64encode(stamp + self._proof(stamp)).decode()

    def verdict(self, credentials: Credentials, method: str, ha1: str, holder: str, now: float) -> Verdict:
        """Judge credentials against the stored H(user:realm:password).

        ``holder`` is who sends them: a nonce belongs to the first one who uses it.  The response is judged before the
        nonce: only somebody who knows the password learns that it is merely stale.
        """
        algorithm = credentials.known_algorithm or Algorithm.MD5
        expected = credentials.expected(algorithm, ha1, method)
        right = hmac.compare_digest(expected.encode(), credentials.response.lower().encode("utf-8", "replace"))
        spent = self._spent.get(credentials.nonce)
        issued = spent.issued if spent is not None else self._issued(credentials.nonce)
        if not right or issued is None:
            return Verdict.WRONG
        if not self._in_time(issued, now):
            return Verdict.STALE
        if spent is None:
            self._forget(now)
            if issued < self._forgotten:
                return Verdict.STALE
            spent = self._spent[credentials.nonce] = _Spent(issued, holder)
        if spent.holder != holder:
            return Verdict.STALE
        # RFC 2069 has no count: such credentials are good as often as their holder sends them, until the nonce is stale
        if not credentials.qop or spent.spend(int(credentials.nc, 16)):
            return Verdict.RIGHT
        return Verdict.REPLAYED

    def _forget(self, now: float) -> None:
        """Drop what nobody can use any more; where there are too many, those used first, which then count as stale."""
        while self._spent:
            issued = next(iter(self._spent.values())).issued
            if self._in_time(issued, now):
                if len(self._spent) < MAX_NONCES:
                    return
                self._forgotten = max(self._forgotten, issued + 1)
            self._spent.popitem(last=False)

    def _in_time(self, issued: int, now: float) -> bool:
        return 0 <= _milliseconds(now) - issued <= self._life * 1000

    def _issued(self, nonce: str) -> int | None:
        try:
            raw = base64.b64decode(nonce.encode("ascii"), b"-_", validate=True)
        except ValueError:
            return None
        stamp, proof = raw[: 6 + CHANCE], raw[6 + CHANCE :]
        if not hmac.compare_digest(self._proof(stamp), proof):
            return None
        return int.from_bytes(stamp[:6], "big")

    def _proof(self, stamp: bytes) -> bytes:
        return hmac.digest(self._secret, stamp, "sha256")[:PROOF]


def _milliseconds(now: float) -> int:
    return int(now * 1000)
