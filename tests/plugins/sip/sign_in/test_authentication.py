"""Authentication without a network: what is asked of whom, and that the unknown cost as much as the known."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from .....core.identity import Identity
from .....plugins.sip.errors import Refusal
from .....plugins.sip.sign_in import authentication
from .....plugins.sip.sign_in.authentication import Authentication
from .....plugins.sip.sign_in.digest import Algorithm, Credentials, Nonces
from .....plugins.sip.syntax.grammar import Params
from .....plugins.sip.syntax.message import Request
from .....plugins.sip.transport.flow import Flow
from ....people import ALICE, BOB
from ..events.test_subscription import a_flow
from ..phone import written

HOME = "sip:example.test"


@dataclass
class Accounts:
    """Alice and Bob have passwords; what was asked of the accounts is kept."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    wait: float = 0.0

    async def digest_ha1(self, who: Identity, algorithm: str) -> str:
        self.asked.append(("ha1", algorithm))
        password = "secret" if who in (ALICE, BOB) else "\0nobody knows"
        return Algorithm(algorithm).of(f"{who.user}:{who.domain}:{password}")

    def limited(self, address: str, who: Identity | None) -> float:
        self.asked.append(("limited", address))
        return self.wait

    def failed(self, address: str, who: Identity | None) -> None:
        self.asked.append(("failed", address))

    def succeeded(self, address: str, who: Identity) -> None:
        self.asked.append(("succeeded", address))


class Door:
    """An authentication, and a person who knocks."""

    def __init__(self, **options: object) -> None:
        self.now = 1000.0
        self.accounts = Accounts()
        self.nonces = Nonces()
        self.authenticate = Authentication(
            self.accounts,  # type: ignore[arg-type]
            lambda domain: domain == "example.test",
            lambda: self.now,
            nonces=self.nonces,
            **options,  # type: ignore[arg-type]
        )

    async def knock(self, request: Request, flow: Flow | None = None) -> Identity | Refusal:
        try:
            return await self.authenticate(request, flow or a_flow())
        except Refusal as refusal:
            return refusal


def register(who: Identity = ALICE, agent: str = "phone", call: str = "c") -> Request:
    return Request(
        "REGISTER",
        HOME,
        [
            ("Via", "SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1"),
            ("From", f"<sip:{who}>;tag=a"),
            ("To", f"<sip:{who}>"),
            ("Call-ID", call),
            ("CSeq", "1 REGISTER"),
            ("User-Agent", agent),
        ],
    )


def signed(request: Request, nonce: str, *, user: str = "alice", password: str = "secret", **other: str) -> Request:
    algorithm = Algorithm(other.pop("algorithm", "SHA-256"))
    asked = Credentials(user, "example.test", nonce, request.uri, "", algorithm, "auth", "c0ffee", "00000001")
    asked = asked._replace(**other)
    ha1 = algorithm.of(f"{user}:example.test:{password}")
    request.add("Authorization", written(asked._replace(response=asked.expected(algorithm, ha1, request.method))))
    return request


def offered(refusal: Identity | Refusal) -> list[str]:
    assert isinstance(refusal, Refusal) and refusal.status == 401
    return [Params.parse(str(v).partition(" ")[2], ",")["algorithm"] for name, v in refusal.headers]


async def test_who_signs_is_who_sent_it() -> None:
    door, flow = Door(), a_flow()
    assert await door.knock(signed(register(), door.nonces.issue(1000.0)), flow) == ALICE
    assert flow.identity == ALICE
    assert ("succeeded", "192.0.2.1") in door.accounts.asked


async def test_credentials_may_stand_in_either_header_and_beside_others() -> None:
    door = Door()
    request = signed(register(), door.nonces.issue(1000.0))
    request.add("Proxy-Authorization", request.first("Authorization") or "")
    request.set("Authorization", "Basic YWxpY2U6c2VjcmV0")
    request.add("Authorization", 'NTLM realm="example.test"')
    assert await door.knock(request) == ALICE


@pytest.mark.parametrize("user", ["bob", "nobody", "a b", "bob@example.test", "x" * 2000])
async def test_everybody_else_is_asked_again_with_the_same_work_and_the_same_words(user: str) -> None:
    known, unknown = Door(), Door()
    right = await known.knock(signed(register(), known.nonces.issue(1000.0), password="guess"))
    wrong = await unknown.knock(signed(register(), unknown.nonces.issue(1000.0), user=user, password="guess"))
    assert offered(right) == offered(wrong) == ["SHA-256", "MD5"]
    assert known.accounts.asked == unknown.accounts.asked


async def test_signing_as_oneself_with_the_from_of_another() -> None:
    door = Door()
    refusal = await door.knock(signed(register(BOB), door.nonces.issue(1000.0)))
    assert isinstance(refusal, Refusal) and refusal.status == 403


async def test_other_domains_have_no_realm_here() -> None:
    door = Door()
    refusal = await door.knock(register(Identity("alice", "elsewhere.test")))
    assert isinstance(refusal, Refusal) and refusal.status == 403 and door.accounts.asked == []


async def test_a_request_for_another_target_or_method_is_not_covered() -> None:
    door = Door()
    other = signed(register(), door.nonces.issue(1000.0), uri="sip:other.test")
    refusal = await door.knock(other)
    assert isinstance(refusal, Refusal) and refusal.status == 400
    moved = signed(register(), door.nonces.issue(1000.0))
    moved.method = "MESSAGE"
    assert offered(await door.knock(moved))


async def test_after_too_many_failures_even_the_right_answer_waits() -> None:
    door = Door()
    door.accounts.wait = 3.2
    refusal = await door.knock(signed(register(), door.nonces.issue(1000.0)))
    assert isinstance(refusal, Refusal) and refusal.status == 503 and refusal.headers == (("Retry-After", 4),)


async def test_stale_and_replayed_nonces_say_so() -> None:
    door = Door()
    nonce = door.nonces.issue(1000.0)
    assert await door.knock(signed(register(), nonce)) == ALICE
    replayed = await door.knock(signed(register(), nonce))
    door.now += 1000
    stale = await door.knock(signed(register(), nonce, nc="00000002"))
    for refusal in (replayed, stale):
        assert offered(refusal) and "stale=true" in str(refusal.headers)  # type: ignore[union-attr]
    assert ("failed", "192.0.2.1") not in door.accounts.asked, "they know the password"


async def test_a_nonce_without_qop_is_good_on_one_flow() -> None:
    door, flow = Door(), a_flow()
    nonce = door.nonces.issue(1000.0)

    def old() -> Request:
        return signed(register(), nonce, algorithm="MD5", qop="", cnonce="", nc="")

    assert await door.knock(old(), flow) == await door.knock(old(), flow) == ALICE
    elsewhere = a_flow()
    elsewhere.id = "another"
    assert "stale=true" in str((await door.knock(old(), elsewhere)).headers)  # type: ignore[union-attr]


async def test_who_is_offered_what() -> None:
    door = Door(md5_only=["baresip", "Purple"])
    assert offered(await door.knock(register(agent="Purple/2.14.12", call="1"))) == ["MD5"]
    assert offered(await door.knock(register(agent="not baresip", call="2"))) == ["SHA-256", "MD5"]
    assert offered(await door.knock(register(call="2"))) == ["MD5"], "it came back and could not answer"
    assert await door.knock(signed(register(call="2"), door.nonces.issue(1000.0))) == ALICE
    assert offered(await door.knock(register(call="2"))) == ["SHA-256", "MD5"], "it could after all"


async def test_policy_without_md5_offers_and_takes_none() -> None:
    door = Door(digest_md5=False, md5_only=["baresip"])
    for _ in range(3):
        assert offered(await door.knock(register(agent="baresip"))) == ["SHA-256"]
    assert offered(await door.knock(signed(register(), door.nonces.issue(1000.0), algorithm="MD5"))) == ["SHA-256"]
    assert ("ha1", "MD5") not in door.accounts.asked


async def test_only_so_many_calls_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "MAX_CHALLENGED", 2)
    door = Door()
    for call in "abc":
        await door.knock(register(call=call))
    assert offered(await door.knock(register(call="a"))) == ["SHA-256", "MD5"]
    assert offered(await door.knock(register(call="c"))) == ["MD5"]


async def test_a_stranger_over_udp_is_challenged_once_where_twice_is_too_long() -> None:
    door, flow = Door(), a_flow("UDP")
    flow._wire = SimpleNamespace(allowance=300)  # type: ignore[assignment]
    assert offered(await door.knock(register(call="1"), flow)) == ["MD5"]
    flow._wire = SimpleNamespace(allowance=2000)  # type: ignore[assignment]
    assert offered(await door.knock(register(call="2"), flow)) == ["SHA-256", "MD5"]


# ---- a connection that is one person's


async def proved(door: Door, transport: str = "TLS") -> Flow:
    flow = a_flow(transport)
    assert await door.knock(signed(register(), door.nonces.issue(1000.0)), flow) == ALICE
    door.accounts.asked.clear()
    return flow


@pytest.mark.parametrize("transport", ["TLS", "WSS"])
async def test_an_encrypted_connection_proves_its_person_once(transport: str) -> None:
    door = Door()
    flow = await proved(door, transport)
    assert await door.knock(register(), flow) == ALICE
    assert await door.knock(signed(register(), "what was never issued", password="guess"), flow) == ALICE
    assert [what for what, _ in door.accounts.asked] == ["ha1", "ha1"], "what they bring is not even counted"


@pytest.mark.parametrize("transport", ["TCP", "UDP", "WS"])
async def test_without_encryption_every_request_is_proved(transport: str) -> None:
    door = Door()
    flow = await proved(door, transport)
    assert offered(await door.knock(register(), flow))


async def test_in_somebody_elses_name_it_is_challenged() -> None:
    door = Door()
    flow = await proved(door)
    assert offered(await door.knock(register(BOB), flow))
    refusal = await door.knock(signed(register(BOB), door.nonces.issue(1000.0)), flow)
    assert isinstance(refusal, Refusal) and refusal.status == 403


async def test_what_came_through_a_proxy_is_proved_each_time() -> None:
    door = Door()
    flow, request = await proved(door), register()
    request.add("Via", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK2")
    assert offered(await door.knock(request, flow))
    assert await door.knock(signed(request, door.nonces.issue(1000.0)), flow) == ALICE
    assert offered(await door.knock(register(), flow)), "nor is it believed without the proxy from now on"


async def test_a_connection_that_two_people_use_proves_neither() -> None:
    door = Door()
    flow = await proved(door)
    assert await door.knock(signed(register(BOB), door.nonces.issue(1000.0), user="bob"), flow) == BOB
    assert offered(await door.knock(register(), flow))
    assert await door.knock(signed(register(), door.nonces.issue(1000.0)), flow) == ALICE
    assert offered(await door.knock(register(), flow))
    assert offered(await door.knock(register(BOB), flow))


async def test_another_password_ends_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door()
    flow = await proved(door)

    async def changed(who: Identity, algorithm: str) -> str:
        return Algorithm(algorithm).of(f"{who.user}:{who.domain}:new")

    monkeypatch.setattr(door.accounts, "digest_ha1", changed)
    assert offered(await door.knock(register(), flow))
    assert await door.knock(signed(register(), door.nonces.issue(1000.0), password="new"), flow) == ALICE
    assert await door.knock(register(), flow) == ALICE


async def test_a_wrong_password_proves_nothing() -> None:
    door, flow = Door(), a_flow("TLS")
    assert offered(await door.knock(signed(register(), door.nonces.issue(1000.0), password="guess"), flow))
    assert offered(await door.knock(register(), flow))
