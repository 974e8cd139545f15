"""Several flows of one phone, proxies before us, keep-alives (RFC 5626, RFC 3327, RFC 6223); and q."""

from __future__ import annotations

import asyncio

import pytest

from .....core.identity import Endpoint
from .....plugins.sip.sign_in import registration
from .....plugins.sip.sign_in.registration import MAX_FLOWS_OF_ONE, Registrations
from .....plugins.sip.syntax.headers import NameAddr
from .....plugins.sip.syntax.message import Response
from ....people import ALICE, BOB
from ..conftest import Exchange
from ..phone import Phone
from ..talker import until

HOME = "sip:example.test"
INSTANCE = "urn:uuid:1"
HERE = Endpoint(ALICE, INSTANCE)


async def registered(
    phone: Phone, reg_id: int = 0, *, supported: str = "outbound, path", q: str = "", expires: int = 600, **more: object
) -> Response:
    contact = phone.contact + (f";reg-id={reg_id}" if reg_id else "") + (f";q={q}" if q else "")
    headers = [("Contact", contact), ("Supported", supported), ("Expires", expires), *more.pop("headers", ())]  # type: ignore[misc]
    return await phone.ask("REGISTER", HOME, to=phone.uri, headers=headers, **more)


async def two_flows(exchange: Exchange) -> tuple[Phone, Phone]:
    """One phone with two connections; the second is the newer."""
    first, second = [await exchange.phone(ALICE, instance=INSTANCE, registered=False) for _ in range(2)]
    assert (await registered(first, 1, call="one")).status == 200
    response = await registered(second, 2, call="two")
    assert len(response.all("Contact")) == 2
    return first, second


def registrations(exchange: Exchange) -> Registrations:
    table = exchange.sip.services.registrations  # type: ignore[union-attr]
    assert table is not None
    return table


# ---- flows


async def test_two_flows_are_one_endpoint_and_the_newest_is_used(exchange: Exchange) -> None:
    first, second = await two_flows(exchange)
    assert [binding.endpoint for binding in exchange.front_end.registrar.of(ALICE)] == [HERE]
    bob = await exchange.phone(BOB)
    assert (await bob.say(f"sip:{ALICE}", "once")).status == 200
    await second.text("once")
    assert (await registered(first, 1, call="one")).status == 200, "a renewal does not make the older one the newer"
    await bob.say(f"sip:{ALICE}", "twice")
    await second.text("twice")
    assert first.heard("MESSAGE") == []


async def test_when_the_newest_breaks_the_other_one_is_used(exchange: Exchange) -> None:
    first, second = await two_flows(exchange)
    await second.close()
    await until(lambda: len(registrations(exchange).ways(ALICE)) == 1 and _port(exchange) == first.local)
    assert [binding.endpoint for binding in exchange.front_end.registrar.of(ALICE)] == [HERE]
    bob = await exchange.phone(BOB)
    assert (await bob.say(f"sip:{ALICE}", "by the other way")).status == 200
    await first.text("by the other way")
    await first.close()
    await until(lambda: exchange.front_end.registrar.of(ALICE) == [])


def _port(exchange: Exchange) -> str:
    return str(registrations(exchange).ways(ALICE)[0].flow.remote)


async def test_what_was_under_way_when_a_flow_broke_goes_by_the_other(exchange: Exchange) -> None:
    first, second = await two_flows(exchange)
    second.answers["MESSAGE"] = None
    bob = await exchange.phone(BOB)
    await bob.say(f"sip:{ALICE}", "urgent")
    heard = await second.text("urgent")
    await second.close()
    assert (await first.text("urgent")).call_id == heard.call_id


async def test_a_proxy_that_says_the_flow_failed_is_believed(exchange: Exchange) -> None:
    """430 Flow Failed, RFC 5626 section 5.3.1: the edge proxy has lost the phone."""
    first, second = await two_flows(exchange)
    second.answers["MESSAGE"] = 430
    bob = await exchange.phone(BOB)
    await bob.say(f"sip:{ALICE}", "anybody?")
    await first.text("anybody?")
    assert _port(exchange) == first.local
    first.answers["MESSAGE"] = 430
    await bob.say(f"sip:{ALICE}", "and now?")
    await until(lambda: exchange.front_end.registrar.of(ALICE) == [])


async def test_subscriptions_go_where_the_phone_is(exchange: Exchange) -> None:
    first, second = await two_flows(exchange)
    await second.subscribe(f"sip:{BOB}")
    await second.sees("closed")
    await second.close()
    await until(lambda: _port(exchange) == first.local)
    await exchange.phone(BOB)
    await first.sees("open")


async def test_one_flow_signs_out_and_the_other_stays(exchange: Exchange) -> None:
    first, second = await two_flows(exchange)
    response = await registered(second, 2, call="two", expires=0)
    assert len(response.all("Contact")) == 1 and "reg-id=1" in response.all("Contact")[0]
    assert exchange.front_end.registrar.at(HERE) is not None and _port(exchange) == first.local
    await registered(first, 1, call="one", expires=0)
    assert exchange.front_end.registrar.of(ALICE) == []


async def test_a_star_ends_all_flows(exchange: Exchange) -> None:
    first, _ = await two_flows(exchange)
    response = await first.ask("REGISTER", HOME, to=first.uri, headers=[("Contact", "*"), ("Expires", 0)])
    assert response.status == 200 and response.all("Contact") == []
    assert exchange.front_end.registrar.of(ALICE) == []


async def test_a_phone_that_comes_back_with_the_same_reg_id_replaces_that_flow_alone(exchange: Exchange) -> None:
    first, second = await two_flows(exchange)
    third = await exchange.phone(ALICE, instance=INSTANCE, registered=False)
    response = await registered(third, 2, call="three")
    assert len(response.all("Contact")) == 2 and _port(exchange) == third.local
    await second.close()
    await third.close()
    await until(lambda: _port(exchange) == first.local)


async def test_flows_have_a_bound(exchange: Exchange) -> None:
    phones = [await exchange.phone(ALICE, instance=INSTANCE, registered=False) for _ in range(MAX_FLOWS_OF_ONE + 2)]
    for number, phone in enumerate(phones, 1):
        response = await registered(phone, number, call=f"c{number}")
    assert len(response.all("Contact")) == MAX_FLOWS_OF_ONE
    assert "reg-id=3" in response.all("Contact")[0]


async def test_a_flow_whose_lease_ended_is_not_shown(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await two_flows(exchange)
    table = registrations(exchange)
    place = table._places[HERE]
    object.__setattr__(place.bound[2], "until", asyncio.get_running_loop().time() - 1)
    response = await registered(first, 1, call="one")
    assert [("reg-id=1" in text) for text in response.all("Contact")] == [True]
    await second.close()


# ---- what the phone is told


async def test_who_asks_for_outbound_is_told_that_it_is_done(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, instance=INSTANCE, registered=False)
    response = await registered(phone, 1)
    assert response.all("Require") == ["outbound"] and response.first("Flow-Timer") == "120"
    assert "reg-id=1" in response.all("Contact")[0]
    for other in (await registered(phone), await registered(phone, 1, supported="path")):
        assert other.all("Require") == [] and other.first("Flow-Timer") is None


async def test_a_reg_id_without_an_instance_is_ignored(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    response = await registered(phone, 7)
    assert response.status == 200 and response.all("Require") == []


@pytest.mark.parametrize("reg_id", ["0", "-1", "x", "9" * 30])
async def test_a_reg_id_that_is_none(exchange: Exchange, reg_id: str) -> None:
    phone = await exchange.phone(ALICE, instance=INSTANCE, registered=False)
    headers = [("Contact", f"{phone.contact};reg-id={reg_id}"), ("Supported", "outbound")]
    response = await phone.ask("REGISTER", HOME, to=phone.uri, headers=headers)
    assert response.status == 200 and response.all("Require") == []


async def test_keep_in_via_is_answered(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    request = phone.request("REGISTER", HOME, to=phone.uri, headers=[("Contact", phone.contact)])
    signed = phone.signing(request, await phone.exchange(request))
    signed.set("Via", f"{signed.first('Via')};keep")
    response = await phone.exchange(signed)
    assert response.status == 200 and response.via[0].params["keep"] == str(registration.KEEP_ALIVE)


# ---- proxies before us


async def test_the_first_proxy_must_keep_its_flow_to_the_phone(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, instance=INSTANCE, registered=False)
    plain, edge = "<sip:edge.example;lr>", "<sip:flow7@edge.example;lr;ob>"
    assert (await registered(phone, 1, headers=[("Path", plain)])).status == 439
    response = await registered(phone, 1, headers=[("Path", edge)])
    assert response.status == 200 and response.all("Path") == [edge]
    assert response.all("Require") == ["outbound"] and response.first("Flow-Timer") is None
    without = await registered(phone, 0, headers=[("Path", plain)])
    assert without.status == 200, "without reg-id any proxy is good"


async def test_a_proxy_that_left_no_path_is_seen_by_its_via(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, instance=INSTANCE, registered=False)
    headers = [("Contact", f"{phone.contact};reg-id=1"), ("Supported", "outbound, path")]
    request = phone.request("REGISTER", HOME, to=phone.uri, headers=headers)
    signed = phone.signing(request, await phone.exchange(request))
    signed.add("Via", "SIP/2.0/TCP 192.0.2.77;branch=z9hG4bKbehind")
    assert (await phone.exchange(signed)).status == 439


async def test_a_path_is_the_way_of_requests_to_the_phone(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, instance=INSTANCE, registered=False)
    path = ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]
    response = await registered(phone, headers=[("Path", ", ".join(path))])
    assert response.all("Path") == path and "path" in response.all("Supported")
    bob = await exchange.phone(BOB)
    await bob.say(f"sip:{ALICE}", "hello")
    assert (await phone.text("hello")).all("Route") == path
    assert registrations(exchange).ways(ALICE)[0].routes == tuple(path)


async def test_a_path_of_which_the_phone_does_not_know(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    refused = await registered(phone, supported="gruu", headers=[("Path", "<sip:p.example;lr>")])
    assert (refused.status, refused.all("Unsupported")) == (420, ["path"])
    many = ", ".join("<sip:p.example;lr>" for _ in range(11))
    assert (await registered(phone, headers=[("Path", many)])).status == 400
    assert (await registered(phone, headers=[("Path", "<sip:")])).status == 400
    assert exchange.front_end.registrar.of(ALICE) == []


# ---- q


async def test_ways_are_in_the_order_a_person_likes_them(exchange: Exchange) -> None:
    for name, q in (("desk", "0.5"), ("mobile", ""), ("soft", "0.5"), ("odd", "x"), ("cell", "nan"), ("last", "-3")):
        phone = await exchange.phone(ALICE, instance=name, registered=False)
        response = await registered(phone, q=q)
        assert response.status == 200
    assert any("q=0.5" in text for text in response.all("Contact"))
    table = registrations(exchange)
    assert [(way.endpoint.instance, way.q) for way in table.ways(ALICE)] == [
        ("cell", 1.0), ("odd", 1.0), ("mobile", 1.0), ("soft", 0.5), ("desk", 0.5), ("last", 0.0),
    ]  # fmt: skip
    assert [way.endpoint.instance for way in table.ways(ALICE, "desk")] == ["desk"] and table.ways(BOB) == []
    assert table.ways(ALICE, "desk")[0].contact == NameAddr.parse(response.all("Contact")[0]).uri


async def test_all_of_a_register_or_nothing(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, instance=INSTANCE)
    await phone.ask("REGISTER", HOME, to=phone.uri, headers=[("Contact", "<sip:alice@192.0.2.1>")], call="later")
    eight = ", ".join(f"<sip:alice@127.0.0.1:{port}>" for port in range(1000, 1009))
    assert (await phone.ask("REGISTER", HOME, to=phone.uri, headers=[("Contact", eight)])).status == 403
    assert len(exchange.front_end.registrar.of(ALICE)) == 2
    stale = phone.request("REGISTER", HOME, to=phone.uri, call="later", headers=[("Contact", "*"), ("Expires", 0)])
    signed = phone.signing(stale, await phone.exchange(stale))
    signed.set("CSeq", "1 REGISTER")
    assert (await phone.exchange(signed)).status == 400
    assert len(exchange.front_end.registrar.of(ALICE)) == 2
