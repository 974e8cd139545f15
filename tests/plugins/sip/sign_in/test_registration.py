"""REGISTER, as phones use it and as attackers do."""

from __future__ import annotations

import asyncio

import pytest

from .....core.presence import Availability
from .....plugins.sip.sign_in.digest import Algorithm
from .....plugins.sip.syntax.grammar import Params
from .....plugins.sip.syntax.message import Request, Response
from ....people import ALICE, BOB
from ..conftest import Exchange
from ..phone import PATIENCE, Phone

HOME = "sip:example.test"


def contacts(response: Response) -> list[str]:
    return response.all("Contact")


async def until(true: object) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # type: ignore[operator]
            await asyncio.sleep(0.01)


def algorithms(response: Response) -> list[str]:
    return [Params.parse(v.partition(" ")[2], ",")["algorithm"] for v in response.all("WWW-Authenticate")]


# ---- signing in


@pytest.mark.parametrize("algorithm", [Algorithm.SHA_256, Algorithm.MD5])
async def test_a_phone_signs_in_and_is_there(exchange: Exchange, algorithm: Algorithm) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    phone.algorithm = algorithm
    response = await phone.register(300)
    assert response.status == 200 and contacts(response) == [f"{phone.contact};expires=300"]
    assert response.first("Date") is not None
    binding = exchange.front_end.registrar.of(ALICE)[0]
    assert binding.client == "phone" and binding.endpoint.instance.startswith("contact-")
    await until(lambda: exchange.front_end.presence.of(ALICE).availability is Availability.AVAILABLE)


async def test_the_wrong_password_and_an_unknown_person_get_the_same_answer(exchange: Exchange) -> None:
    answers = []
    for name in ("alice", "nobody"):
        phone = await exchange.phone(ALICE._replace(user=name), registered=False, password="guess")
        first = await phone.exchange(phone.request("REGISTER", HOME, to=phone.uri))
        second = await phone.register()
        answers.append((first.status, second.status, algorithms(first), algorithms(second)))
        assert "stale" not in (second.first("WWW-Authenticate") or "")
    assert answers[0] == answers[1] == (401, 401, ["SHA-256", "MD5"], ["SHA-256", "MD5"])
    assert exchange.front_end.registrar.of(ALICE) == []


async def test_clients_that_know_only_md5_are_offered_md5_alone(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False, agent="baresip v1.0.0 (x86_64/linux)")
    assert algorithms(await phone.exchange(phone.request("REGISTER", HOME, to=phone.uri))) == ["MD5"]
    silent = await exchange.phone(ALICE, registered=False)
    asked = [await silent.exchange(silent.request("REGISTER", HOME, to=silent.uri, call="same")) for _ in range(2)]
    assert [algorithms(response) for response in asked] == [["SHA-256", "MD5"], ["MD5"]]


async def test_too_many_wrong_passwords_have_to_wait(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False, password="guess")
    statuses = [(await phone.register()).status for _ in range(7)]
    assert statuses[0] == 401 and statuses[-1] == 503
    exchange.clock.turn(seconds=10)
    phone.password = "correct horse"
    assert (await phone.register()).status == 200


async def test_an_old_nonce_is_stale_and_a_replay_is_refused(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    challenge = await phone.exchange(phone.request("REGISTER", HOME, to=phone.uri))
    signed = phone.signing(phone.request("REGISTER", HOME, to=phone.uri), challenge)
    assert (await phone.exchange(signed)).status == 200
    replayed = phone.request("REGISTER", HOME, to=phone.uri, headers=[("Authorization", signed.first("Authorization"))])
    assert (await phone.exchange(replayed)).status == 401
    exchange.clock.turn(minutes=10)
    again = await phone.exchange(phone.signing(phone.request("REGISTER", HOME, to=phone.uri), challenge))
    assert again.status == 401 and "stale=true" in (again.first("WWW-Authenticate") or "")


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"uri": "sip:other.test"}, 400), ({"qop": "auth-int"}, 400), ({"nc": "1"}, 400), ({"realm": "other"}, 401)],
)
async def test_credentials_that_do_not_fit(exchange: Exchange, changed: dict[str, str], status: int) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    challenge = await phone.exchange(phone.request("REGISTER", HOME, to=phone.uri))
    signed = phone.signing(phone.request("REGISTER", HOME, to=phone.uri), challenge, **changed)
    assert (await phone.exchange(signed)).status == status


async def test_nobody_registers_somebody_else(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    headers = [("Contact", phone.contact)]
    assert (await phone.ask("REGISTER", HOME, to=f"sip:{BOB}", headers=headers)).status == 403
    spoofed = await phone.ask("REGISTER", HOME, to=f"sip:{BOB}", sender=f"sip:{BOB}", headers=headers)
    assert spoofed.status == 403
    elsewhere = await phone.ask("REGISTER", "sip:other.test", to="sip:x@other.test", sender="sip:x@other.test")
    assert elsewhere.status == 403
    assert exchange.front_end.registrar.of(BOB) == []


# ---- leases


@pytest.mark.parametrize(("asked", "given"), [(60, 60), (3600, 3600), (100000, 3600)])
async def test_a_lease_is_no_longer_than_allowed(exchange: Exchange, asked: int, given: int) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    assert f"expires={given}" in contacts(await phone.register(asked))[0]


async def test_a_lease_that_is_too_short_is_refused(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    response = await phone.register(10)
    assert (response.status, response.first("Min-Expires")) == (423, "60")
    assert exchange.front_end.registrar.of(ALICE) == []


async def test_signing_out(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE)
    await until(lambda: exchange.front_end.presence.of(ALICE).availability.here)
    response = await phone.register(0)
    assert response.status == 200 and contacts(response) == []
    assert exchange.front_end.registrar.of(ALICE) == []
    await until(lambda: not exchange.front_end.presence.of(ALICE).availability.here)


async def test_a_star_signs_out_everywhere_and_only_with_expires_0(exchange: Exchange) -> None:
    desk, mobile = (
        await exchange.phone(ALICE, instance="urn:uuid:1"),
        await exchange.phone(ALICE, instance="urn:uuid:2"),
    )
    star = [("Contact", "*"), ("Expires", 0)]
    for wrong in ([("Contact", "*")], [("Contact", "*"), ("Expires", 60)], [("Contact", f"*, {desk.contact}")]):
        assert (await mobile.ask("REGISTER", HOME, to=mobile.uri, headers=wrong)).status == 400
    assert len(exchange.front_end.registrar.of(ALICE)) == 2
    assert (await mobile.ask("REGISTER", HOME, to=mobile.uri, headers=star)).status == 200
    assert exchange.front_end.registrar.of(ALICE) == []


async def test_a_question_without_contacts_lists_what_there_is(exchange: Exchange) -> None:
    desk, mobile = (
        await exchange.phone(ALICE, instance="urn:uuid:1"),
        await exchange.phone(ALICE, instance="urn:uuid:2"),
    )
    listed = contacts(await desk.ask("REGISTER", HOME, to=desk.uri))
    assert len(listed) == 2 and desk.contact in listed[0] and mobile.contact in listed[1]


async def test_a_register_that_was_overtaken_changes_nothing(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    headers = [("Contact", phone.contact), ("Expires", 600)]
    for cseq, status in ((50, 200), (51, 200)):
        assert (await signed_with(phone, cseq, headers)).status == status
    assert (await signed_with(phone, 40, [("Contact", phone.contact), ("Expires", 0)])).status == 400
    assert len(exchange.front_end.registrar.of(ALICE)) == 1


async def signed_with(phone: Phone, cseq: int, headers: list[tuple[str, object]]) -> Response:
    request = phone.request("REGISTER", HOME, to=phone.uri, call="one", headers=headers)
    request = phone.signing(request, await phone.exchange(request))
    request.set("CSeq", f"{cseq} REGISTER")
    return await phone.exchange(request)


async def test_too_many_contacts_and_unknown_extensions(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    many = ", ".join(f"<sip:alice@127.0.0.1:{port}>" for port in range(1000, 1011))
    assert (await phone.ask("REGISTER", HOME, to=phone.uri, headers=[("Contact", many)])).status == 403
    required = await phone.ask("REGISTER", HOME, to=phone.uri, headers=[("Require", "nosuchext, outbound")])
    assert (required.status, required.all("Unsupported")) == (420, ["nosuchext"])
    other = await phone.ask("REGISTER", HOME, to=phone.uri, headers=[("Contact", "<mailto:alice@example.test>")])
    assert other.status == 400


# ---- flows


async def test_a_phone_that_comes_back_by_another_connection_replaces_itself(exchange: Exchange) -> None:
    old = await exchange.phone(ALICE, instance="urn:uuid:1")
    new = await exchange.phone(ALICE, instance="urn:uuid:1")
    assert [b.endpoint.instance for b in exchange.front_end.registrar.of(ALICE)] == ["urn:uuid:1"]
    await old.close()
    bob = await exchange.phone(BOB)
    assert (await bob.say(new.uri, "to the new one")).status == 200
    await new.text("to the new one")


async def test_a_phone_whose_connection_breaks_is_gone_and_then_unknown(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE)
    await until(lambda: exchange.front_end.presence.of(ALICE).availability.here)
    await phone.close()
    await until(lambda: exchange.front_end.registrar.of(ALICE) == [])
    assert exchange.front_end.presence.of(ALICE).availability.here, "a short break is no change"
    exchange.clock.turn(seconds=30)
    await until(lambda: exchange.front_end.presence.of(ALICE).availability is Availability.UNKNOWN)


async def test_the_eleventh_place_is_refused(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    ten = ", ".join(f"<sip:alice@127.0.0.1:{port}>" for port in range(1000, 1010))
    assert (await phone.ask("REGISTER", HOME, to=phone.uri, headers=[("Contact", ten)])).status == 200
    assert (await phone.register()).status == 403


# ---- what is not served


@pytest.mark.parametrize(
    ("method", "status"),
    [("INFO", 405), ("NOTIFY", 405), ("FETCH", 501), ("options", 501)],
)
async def test_other_methods_get_the_right_refusal(exchange: Exchange, method: str, status: int) -> None:
    phone = await exchange.phone(ALICE)
    response = await phone.exchange(phone.request(method, f"sip:{BOB}"))
    assert response.status == status and "MESSAGE" in response.all("Allow")


@pytest.mark.parametrize("method", ["BYE", "INFO", "NOTIFY", "UPDATE"])
async def test_dialogs_that_are_not_ours(exchange: Exchange, method: str) -> None:
    phone = await exchange.phone(ALICE)
    response = await phone.exchange(phone.request(method, f"sip:{BOB}", to=f"<sip:{BOB}>;tag=x"))
    assert response.status == 481


async def test_options_tells_everybody_the_same(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    asked = (HOME, f"sip:{BOB}", "sip:nobody@example.test")
    answers = [await phone.exchange(phone.request("OPTIONS", uri)) for uri in asked]
    assert {response.status for response in answers} == {200}
    assert len({tuple(h for h in r.headers() if h[0] in ("Allow", "Accept", "Supported")) for r in answers}) == 1
    assert {"presence", "presence.winfo"} <= set(answers[0].all("Allow-Events"))
    assert {"gruu", "outbound", "path"} <= set(answers[0].all("Supported"))


async def test_a_request_that_breaks_the_handler_is_a_500_and_harms_nobody(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = await exchange.phone(ALICE)

    async def broken(*_: object) -> Response:
        raise RuntimeError("a fault of ours")

    assert exchange.sip.services is not None
    monkeypatch.setitem(exchange.sip.services.dispatch.methods, "MESSAGE", broken)
    assert (await phone.say(f"sip:{BOB}", "x")).status == 500
    assert (await phone.register()).status == 200
    assert isinstance(phone.request("OPTIONS", HOME), Request)
