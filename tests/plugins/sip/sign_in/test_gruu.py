"""GRUUs: what a phone is given, and whom they mean (RFC 5627)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....core.identity import Endpoint
from .....plugins.sip.sign_in.gruu import Gruus, is_gruu
from .....plugins.sip.syntax.headers import NameAddr
from .....plugins.sip.syntax.message import Response
from .....plugins.sip.syntax.uri import SipUri
from ....people import ALICE, BOB, CAROL
from ..conftest import Exchange
from ..phone import Phone

HOME = "sip:example.test"
DESK = Endpoint(ALICE, "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
MOBILE = Endpoint(ALICE, "urn:uuid:2")


def gruus() -> Gruus:
    made = Gruus(b"secret")
    made.alive(DESK, ["call-1"])
    made.alive(MOBILE, ["call-2"])
    return made


# ---- addresses


def test_a_public_one_says_who_and_which() -> None:
    uri = gruus().public(DESK)
    assert str(uri) == f"sip:alice@example.test;gr={DESK.instance}"
    assert is_gruu(uri) and gruus().resolve(SipUri.parse(str(uri))) == DESK
    assert gruus().public(DESK, "sips").scheme == "sips"
    assert gruus().resolve(SipUri.parse("sip:alice@example.test;gr=never-seen")) == Endpoint(ALICE, "never-seen")
    assert gruus().resolve(SipUri.parse("sip:alice@example.test")) is None and not is_gruu(SipUri.parse(HOME))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1))
def test_whatever_an_instance_is_called_its_gruu_leads_back_to_it(instance: str) -> None:
    uri = SipUri.parse(str(gruus().public(Endpoint(ALICE, instance))))
    assert gruus().resolve(uri) == Endpoint(ALICE, instance)


def test_a_temporary_one_tells_nobody_else_anything() -> None:
    made = gruus()
    issued = [made.temporary(endpoint, call) for endpoint, call in ((DESK, "call-1"), (MOBILE, "call-2")) * 20]
    texts = [str(uri) for uri in issued]
    assert len(set(texts)) == 40 and all(text.endswith("@example.test;gr") for text in texts)
    assert not any("alice" in text or "uuid" in text for text in texts)
    assert len({len(text) for text in texts}) == 1
    tokens = [uri.user.removeprefix("tgruu.") for uri in issued]
    assert len({token[:8] for token in tokens}) == 40, "nothing in common, not even for one instance"
    assert [made.resolve(SipUri.parse(text)) for text in texts] == [DESK, MOBILE] * 20


def test_old_ones_stay_good_as_long_as_the_call_id_and_no_longer() -> None:
    made = gruus()
    first = made.temporary(DESK, "call-1")
    second = made.temporary(DESK, "call-1")
    made.alive(DESK, ["call-1", "call-9"])
    assert made.resolve(first) == made.resolve(second) == DESK
    made.alive(DESK, ["call-9"])
    assert made.resolve(first) is None and made.resolve(made.temporary(DESK, "call-9")) == DESK
    made.alive(DESK, [])
    assert made.resolve(made.temporary(DESK, "call-9")) is None and made.resolve(made.temporary(MOBILE, "call-2"))


def test_nobody_makes_one_up() -> None:
    made, other = gruus(), Gruus(b"another secret")
    good = made.temporary(DESK, "call-1")
    assert other.resolve(good) is None
    assert made.resolve(SipUri.parse(str(good).replace("example.test", "other.test"))) is None
    at = len("tgruu.")
    for place in range(at, len(good.user)):
        changed = "a" if good.user[place] != "a" else "b"
        forged = good.user[:place] + changed + good.user[place + 1 :]
        assert made.resolve(SipUri.parse(f"sip:{forged}@example.test;gr")) is None
    for user in ("", "tgruu.", "tgruu.aaaa", "tgruu." + "a" * 40, "alice", "tgruu." + "1" * 40, "tgruu.a%00"):
        assert made.resolve(SipUri.parse(f"sip:{user}@example.test;gr" if user else "sip:example.test;gr")) is None
    assert made.resolve(SipUri.parse(str(good).upper().replace("SIP:", "sip:").replace("GR", "gr", 2))) is not None


# ---- at the registrar


async def registered(phone: Phone, *, supported: str = "gruu", **more: str) -> Response:
    headers = [("Contact", phone.contact), ("Supported", supported)]
    return await phone.ask("REGISTER", HOME, to=phone.uri, headers=headers, **more)


def given_to(response: Response) -> dict[str, dict[str, str]]:
    """By instance, the GRUUs of each contact."""
    contacts = [NameAddr.parse(text) for text in response.all("Contact")]
    return {
        (contact.params.get("+sip.instance") or "").strip("<>"): {
            name: contact.params[name] for name in ("pub-gruu", "temp-gruu") if name in contact.params
        }
        for contact in contacts
    }


async def test_who_knows_gruus_and_says_its_instance_gets_two(exchange: Exchange) -> None:
    desk = await exchange.phone(ALICE, instance="urn:uuid:1", registered=False)
    plain = await exchange.phone(ALICE, registered=False)
    assert given_to(await registered(desk, supported="path")) == {"urn:uuid:1": {}}
    response = await registered(desk, supported="path, gruu")
    assert given_to(response)["urn:uuid:1"]["pub-gruu"] == "sip:alice@example.test;gr=urn:uuid:1"
    assert f'pub-gruu="{given_to(response)["urn:uuid:1"]["pub-gruu"]}"' in str(response.first("Contact"))
    assert "gruu" in response.all("Supported")
    both = given_to(await registered(plain))
    assert set(both["urn:uuid:1"]) == {"pub-gruu", "temp-gruu"} and both[""] == {}


@pytest.mark.parametrize("kind", ["pub-gruu", "temp-gruu"])
async def test_a_message_to_a_gruu_goes_to_that_instance(exchange: Exchange, kind: str) -> None:
    desk = await exchange.phone(ALICE, instance="urn:uuid:1", registered=False)
    mobile = await exchange.phone(ALICE, instance="urn:uuid:2")
    target = given_to(await registered(desk))["urn:uuid:1"][kind]
    bob = await exchange.phone(BOB)
    assert (await bob.say(target, "to the desk")).status == 200
    heard = await desk.text("to the desk")
    assert heard.uri == str(NameAddr.parse(desk.contact).uri), "phones are called as they registered"
    assert str(heard.to.uri) == desk.uri
    assert all(request.method != "MESSAGE" or request.body for request in mobile.received)


async def test_an_instance_that_is_gone_is_480_and_a_void_address_404(exchange: Exchange) -> None:
    desk = await exchange.phone(ALICE, instance="urn:uuid:1", registered=False)
    await exchange.phone(ALICE, instance="urn:uuid:2")
    given = given_to(await registered(desk, call="one"))["urn:uuid:1"]
    bob = await exchange.phone(BOB)
    again = given_to(await registered(desk, call="one"))["urn:uuid:1"]
    assert again["pub-gruu"] == given["pub-gruu"] and again["temp-gruu"] != given["temp-gruu"]
    assert (await bob.say(given["temp-gruu"], "an old one")).status == 200
    await registered(desk, call="two")
    assert (await bob.say(given["temp-gruu"], "a void one")).status == 404
    assert (await bob.say(given["pub-gruu"], "the public one")).status == 200
    await desk.register(0)
    assert (await bob.say(given["pub-gruu"], "gone")).status == 480
    assert (await bob.say("sip:nobody@example.test;gr=urn:uuid:1", "?")).status == 404


async def test_who_is_blocked_does_not_learn_whether_an_instance_is_there(exchange: Exchange) -> None:
    desk = await exchange.phone(ALICE, instance="urn:uuid:1", registered=False)
    there = given_to(await registered(desk))["urn:uuid:1"]["pub-gruu"]
    await exchange.front_end.contacts.block(ALICE, CAROL)
    carol = await exchange.phone(CAROL)
    answers = [(await carol.say(target, "?")).status for target in (there, f"{desk.uri};gr=urn:uuid:9")]
    assert answers == [404, 404]
