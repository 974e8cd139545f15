"""Servers whose certificate nobody signed: they are called back.  And those who would like to be taken for them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....bridges.xmpp.federation.dialback import Keys, Pair, domain_of
from .....bridges.xmpp.federation.options import PartnerOptions
from .....bridges.xmpp.syntax import xml
from .....core.federation import LinkState
from .houses import ELSEWHERE, HERE, THERE, Town, until
from .stranger import DIALBACK_OFFER, OPENING, Host, Stranger

CALLS_BACK = {"verify": "dialback"}


def result(key: str, sender: str = THERE, to: str = HERE) -> str:
    return f"<db:result from='{sender}' to='{to}'>{key}</db:result>"


# ---- keys


def test_the_key_of_the_standard_s_example() -> None:
    key = Keys("s3cr3tf0rd14lb4ck").key("xmpp.example.com", "example.org", "D60000229F")
    assert key == "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643"


NAMES = st.from_regex(r"[a-z0-9.-]{1,12}", fullmatch=True)


@given(NAMES, NAMES, NAMES, NAMES)
def test_a_key_is_good_for_its_pair_and_its_stream_alone(one: str, other: str, stream: str, wrong: str) -> None:
    keys = Keys()
    key = keys.key(one, other, stream)
    assert keys.fits(key, one, other, stream)
    for changed in ((wrong, other, stream), (one, wrong, stream), (one, other, wrong), (other, one, stream)):
        assert keys.fits(key, *changed) == (changed == (one, other, stream))
    assert not Keys().fits(key, one, other, stream)


def test_a_key_in_letters_of_its_own_is_just_wrong() -> None:
    assert not Keys().fits("ключ", "a", "b", "c")


def test_what_is_no_domain() -> None:
    assert domain_of("THERE.example.") == THERE
    for text in ("", "a@there.example", "there.example/x", "a b", "x" * 4000):
        assert domain_of(text) == ""


# ---- with a server like ours


async def test_both_are_called_back_and_believed(town: Town) -> None:
    here = await town.start(HERE, THERE, partner=CALLS_BACK, kind="unknown authority")
    there = await town.start(THERE, HERE, partner=CALLS_BACK, kind="expired")
    here.say("hello", f"bob@{THERE}")
    there.say("hello", f"ann@{HERE}", "bob")
    await until(lambda: here.arrivals.texts == there.arrivals.texts == ["hello"])
    assert not here.federation._caller.asking and not there.federation._caller.asking


async def test_one_is_called_back_and_the_other_shows_a_certificate(town: Town) -> None:
    here = await town.start(HERE, THERE, partner=CALLS_BACK)
    there = await town.start(THERE, HERE, kind="unknown authority")
    here.say("hello", f"bob@{THERE}")
    there.say("hello", f"ann@{HERE}", "bob")
    await until(lambda: here.arrivals.texts == there.arrivals.texts == ["hello"])


# ---- with one who plays foul


async def test_a_key_that_the_domain_s_server_did_not_make(town: Town) -> None:
    here = await town.start(HERE, THERE, partner=CALLS_BACK)
    await town.start(THERE, HERE, partner=CALLS_BACK)
    stranger = await Stranger.comes(here.port)
    stranger.say(result("0" * 64))
    answer = await stranger.hears()
    assert (answer.name, answer.type) == ("result", "invalid")
    stranger.say(f"<message from='bob@{THERE}' to='ann@{HERE}'><body>it is me</body></message>")
    assert await stranger.is_ended() == "not-authorized"
    assert here.arrivals.stanzas == []


async def test_a_key_of_another_stream_and_of_another_pair(town: Town) -> None:
    """The server that is impersonated speaks to somebody else, who tries the key it got at a third one."""
    here = await town.start(HERE, THERE, partner=CALLS_BACK)
    victim = await town.start(THERE, HERE, ELSEWHERE, partner=CALLS_BACK)
    thief = Host(town.authority.certificate(ELSEWHERE), DIALBACK_OFFER)
    town.serves(await thief.open(), ELSEWHERE)
    victim.say("hello", f"eve@{ELSEWHERE}", "bob")
    caught = await thief.caller()
    key = (await caught.hears()).tree.text or ""
    assert len(key) == 64
    stranger = await Stranger.comes(here.port)
    stranger.say(result(key))
    assert (await stranger.hears()).type == "invalid"
    thief.close()


async def test_a_key_is_not_good_a_second_time(town: Town) -> None:
    """Even when the stream has the same id: nobody is asking any more."""
    here = await town.start(HERE, THERE, partner=CALLS_BACK)
    stranger = await Stranger.comes(here.port)
    pair, keys = Pair(HERE, THERE), here.federation._caller.keys
    key = keys.key(THERE, HERE, "their stream")
    question = f"<db:verify from='{THERE}' to='{HERE}' id='their stream'>{key}</db:verify>"
    here.federation._caller.asking.add((pair, "their stream"))
    stranger.say(question)
    answer = await stranger.hears()
    assert (answer.name, answer.type, answer.id) == ("verify", "valid", "their stream")
    here.federation._caller.asking.clear()
    stranger.say(question)
    assert (await stranger.hears()).type == "invalid"
    here.federation._caller.asking.add((Pair(HERE, ELSEWHERE), "their stream"))
    stranger.say(question)
    assert (await stranger.hears()).type == "invalid"
    stranger.hang_up()


async def test_the_key_on_the_wire_is_that_of_the_standard(town: Town) -> None:
    """HMAC-SHA256 over receiving, originating, stream: the secret alone is ours."""
    here = await town.start(HERE, THERE, partner=CALLS_BACK)
    host = Host(town.authority.certificate(THERE), DIALBACK_OFFER)
    town.serves(await host.open(), THERE)
    here.say("hello", f"bob@{THERE}")
    caller = await host.caller()
    asked = await caller.hears()
    secret = here.federation._caller.keys._secret
    stream = str(id(caller))
    assert asked.tree.text == hmac.new(secret, f"{THERE} {HERE} {stream}".encode(), hashlib.sha256).hexdigest()
    host.close()


@pytest.mark.parametrize(
    "said",
    [
        f"<db:result type='valid' from='{THERE}' to='{HERE}'/>",
        f"<db:verify type='valid' from='{THERE}' to='{HERE}' id='1'/>",
        f"<db:result type='valid' from='{HERE}' to='{THERE}'/>",
    ],
)
async def test_answers_that_nobody_asked_for(town: Town, said: str) -> None:
    here = await town.start(HERE, THERE, partner=CALLS_BACK)
    stranger = await Stranger.comes(here.port)
    stranger.say(said)
    stranger.say(f"<message from='bob@{THERE}' to='ann@{HERE}'><body>it is me</body></message>")
    assert await stranger.is_ended() in ("unsupported-stanza-type", "improper-addressing")
    assert here.arrivals.stanzas == []


@pytest.mark.parametrize(
    "answer",
    [
        f"<db:result type='valid' from='{ELSEWHERE}' to='{HERE}'/>",
        f"<db:result type='valid' from='{THERE}' to='conference.{HERE}'/>",
        f"<db:result from='{THERE}' to='{HERE}'>key</db:result>",
        f"<db:result type='valid' from='{THERE}' to='{HERE}' id='another'/>",
        f"<db:verify type='valid' from='{THERE}' to='{HERE}' id='x'/>",
        f"<message from='bob@{THERE}' to='ann@{HERE}'><body>hi</body></message>",
        f"<db:result type='invalid' from='{THERE}' to='{HERE}'/>",
    ],
)
async def test_answers_to_something_else_do_not_open_a_stream_of_ours(town: Town, answer: str) -> None:
    here = await town.start(HERE, THERE, partner=CALLS_BACK)
    host = Host(town.authority.certificate(THERE), DIALBACK_OFFER)
    town.serves(await host.open(), THERE)
    here.say("a secret", f"bob@{THERE}")
    caller = await host.caller()
    await caller.hears()
    caller.say(answer)
    assert await caller.is_ended() in ("invalid-from", "not-authorized", "improper-addressing")
    assert here.partner(THERE).state is LinkState.FAILING
    assert here.arrivals.stanzas == []
    host.close()


async def test_the_call_back_goes_where_the_domain_is_not_to_who_came(town: Town) -> None:
    """And what is answered there must be about this pair and this stream."""
    here = await town.start(HERE, THERE, partner=CALLS_BACK)
    host = Host(town.authority.certificate(THERE), DIALBACK_OFFER)
    town.serves(await host.open(), THERE)
    for answer in (
        f"<db:verify type='valid' from='{THERE}' to='{HERE}' id='another'/>",
        f"<db:verify type='valid' from='{ELSEWHERE}' to='{HERE}' id='%s'/>",
        f"<db:verify type='error' from='{THERE}' to='{HERE}' id='%s'><error type='cancel'>"
        f"<item-not-found xmlns='{xml.STANZA_ERRORS}'/></error></db:verify>",
    ):
        stranger = await Stranger.comes(here.port)
        stranger.say(result("key"))
        caller = await host.caller()
        asked = await caller.hears()
        assert (asked.name, asked.tree.text) == ("verify", "key")
        caller.say(answer.replace("%s", asked.id))
        told = await stranger.hears()
        assert (told.name, told.type) == ("result", "error")
        stranger.hang_up()
    assert here.arrivals.stanzas == [] and not here.is_proven()
    host.close()


async def test_errors_are_answers(town: Town) -> None:
    here = await town.start(HERE, THERE, partner=CALLS_BACK)
    stranger = await Stranger.comes(here.port)
    for said, condition in (
        (result("key", to="nobody.example"), "item-not-found"),
        (result("key", sender=ELSEWHERE), "not-allowed"),
        (result("key"), "remote-server-not-found"),
        (f"<db:verify from='{THERE}' to='nobody.example' id='1'>key</db:verify>", "item-not-found"),
    ):
        stranger.say(said)
        answer = await stranger.hears()
        assert answer.type == "error"
        assert f"{{{xml.STANZA_ERRORS}}}{condition}" in [e.tag for e in answer.tree.iter()], said
    stranger.hang_up()


async def test_a_stream_may_be_for_several_pairs_each_proven_for_itself(town: Town) -> None:
    here = await town.start(HERE, THERE, partner=CALLS_BACK)
    host = Host(town.authority.certificate(THERE), DIALBACK_OFFER)
    town.serves(await host.open(), THERE, f"conference.{THERE}")
    stranger = await Stranger.comes(here.port)
    for sender in (THERE, f"conference.{THERE}"):
        stranger.say(result("key", sender))
        caller = await host.caller()
        asked = await caller.hears()
        caller.say(f"<db:verify type='valid' from='{sender}' to='{HERE}' id='{asked.id}'/>")
        assert (await stranger.hears()).type == "valid"
        stranger.say(f"<message from='x@{sender}' to='ann@{HERE}'><body>{sender}</body></message>")
    await until(lambda: here.arrivals.texts == [THERE, f"conference.{THERE}"])
    stranger.say(f"<message from='x@{THERE}' to='r@conference.{HERE}'><body>too</body></message>")
    assert await stranger.is_ended() == "invalid-from"
    host.close()


async def test_who_says_before_tls_who_they_are_is_held_to_it(town: Town) -> None:
    """The certificate they were asked for was for that domain."""
    options: dict[str, Any] = {"partners": {THERE: PartnerOptions(**CALLS_BACK), ELSEWHERE: PartnerOptions()}}
    here = await town.start(HERE, **options)
    stranger = await Stranger.calls(here.port)
    await stranger.opens(THERE)
    await stranger.secures()
    stranger.say(f"{OPENING} from='{ELSEWHERE}' to='{HERE}'>")
    assert await stranger.is_ended() == "invalid-from"
    silent = await Stranger.calls(here.port)
    await silent.opens("")
    await silent.secures()
    assert "dialback" in str((await silent.opens(THERE)).kids)
    silent.hang_up()
