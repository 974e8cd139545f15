"""Queues, connections that break, servers that come and go: nothing that was accepted is lost without a word."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from .....bridges.xmpp.federation import caller, confirmations, incoming, limits, outgoing, way
from .....bridges.xmpp.syntax import xml
from .....core.federation import LinkState
from .houses import HERE, THERE, House, Town, until
from .stranger import DIALBACK_OFFER, Host, Stranger

SM = f"<sm xmlns='{xml.STREAM_MANAGEMENT}'/>"
EXTERNAL_OFFER = f"<mechanisms xmlns='{xml.SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>"


async def certified(host: Host, *, numbered: bool = True) -> Stranger:
    """The next caller, who is believed by its certificate."""
    caller = await host.caller()
    assert (await caller.hears()).name == "auth"
    caller.say(f"<success xmlns='{xml.SASL}'/>")
    caller.restart()
    await host.greet(caller, SM if numbered else "")
    if numbered:
        assert (await caller.hears()).name == "enable"
        caller.say(f"<enabled xmlns='{xml.STREAM_MANAGEMENT}'/>")
    return caller


@pytest.fixture
async def here(town: Town) -> House:
    return await town.start(HERE, THERE)


@pytest.fixture
async def host(town: Town, here: House) -> Host:
    """The partner, played by hand."""
    host = Host(town.authority.certificate(THERE), EXTERNAL_OFFER)
    town.serves(await host.open(), THERE)
    return host


async def test_the_partner_is_stopped_and_started_again(town: Town) -> None:
    here, there = await town.both()
    here.say("one", f"bob@{THERE}")
    await until(lambda: there.arrivals.texts == ["one"])
    await there.stop()
    await until(lambda: here.arrivals.lost_ones == [THERE])
    here.say("two", f"bob@{THERE}")
    assert here.partner(THERE).queued == 1
    again = await town.start(THERE, HERE, port=there.port)
    await until(lambda: again.arrivals.texts == ["two"])
    assert here.arrivals.found_ones == [THERE, THERE]
    assert here.returned == []


async def test_the_cable_is_cut_in_mid_traffic(town: Town) -> None:
    """What was written and not confirmed goes again; a message may come twice, and none is lost."""
    here, there = await town.both()
    here.say("0", f"bob@{THERE}")
    await until(lambda: there.arrivals.texts == ["0"])
    for number in range(1, 200):
        here.say(str(number), f"bob@{THERE}", f"ann{number}")
        if number % 60 == 40:  # what was sent twice and never confirmed would come back to its sender
            await until(lambda: here.unconfirmed(THERE) == 0 and not here.partner(THERE).queued)
        elif number % 60 == 0:
            await there.break_connections()
        elif number % 7 == 0:
            await asyncio.sleep(0.001)
    await until(lambda: set(there.arrivals.texts) == {str(n) for n in range(200)})
    first = list(dict.fromkeys(there.arrivals.texts))
    assert first == [str(n) for n in range(200)]
    assert here.returned == []


async def test_whoever_comes_can_be_reached(town: Town, here: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest after failures ends at once when the partner shows up itself."""
    monkeypatch.setattr(way, "BACK_OFF", (25.0,))
    there = await town.start(THERE, HERE)
    port = there.port
    await there.stop()
    here.say("one", f"bob@{THERE}")
    await until(lambda: here.partner(THERE).state is LinkState.FAILING)
    again = await town.start(THERE, HERE, port=port)
    again.say("I am back", f"ann@{HERE}", "bob")
    await until(lambda: again.arrivals.texts == ["one"])


async def test_whoever_was_given_up_and_comes_is_reached_again(
    town: Town, here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has anything to say to them, but those who watch and are watched there want to know."""
    monkeypatch.setattr(way, "BACK_OFF", (60.0,))
    there = await town.start(THERE, HERE)
    await there.stop()
    here.say("one", f"bob@{THERE}")
    await until(lambda: here.returned and here.arrivals.lost_ones == [THERE])
    again = await town.start(THERE, HERE, port=there.port)
    again.say("I am back", f"ann@{HERE}", "bob")
    await until(lambda: here.arrivals.found_ones == [THERE])
    assert here.partner(THERE).error == ""


async def test_a_message_that_was_not_confirmed_goes_again_and_a_question_is_answered_by_an_error(
    here: House, host: Host
) -> None:
    here.say("one", f"bob@{THERE}")
    caller = await certified(host)
    assert (await caller.hears()).name == "message"
    assert (await caller.hears()).name == "r"
    caller.say(f"<a xmlns='{xml.STREAM_MANAGEMENT}' h='1'/>")
    await until(lambda: here.unconfirmed(THERE) == 0)
    here.say("two", f"bob@{THERE}")
    here.send(f"<iq type='get' id='1' from='ann@{HERE}/desk' to='bob@{THERE}/x'><ping xmlns='{xml.PING}'/></iq>")
    here.send(f"<presence from='ann@{HERE}/desk' to='bob@{THERE}'/>")
    assert [(await caller.hears()).name for _ in range(4)] == ["message", "r", "iq", "presence"]
    caller.hang_up()
    caller = await certified(host)
    again = await caller.hears()
    assert again.tree.findtext("{jabber:client}body") == "two"
    await until(lambda: len(here.returned) == 2)
    assert {(said, condition) for said, condition, _ in here.returned} == {
        ("iq", "remote-server-timeout"),
        ("presence", "remote-server-timeout"),
    }
    caller.hang_up()


async def test_a_message_goes_again_once(here: House, host: Host) -> None:
    here.say("one", f"bob@{THERE}")
    for _ in range(2):
        caller = await certified(host)
        assert (await caller.hears()).name == "message"
        caller.hang_up()
    await until(lambda: [r[:2] for r in here.returned] == [("one", "remote-server-timeout")])
    assert here.partner(THERE).sent == 1


@pytest.mark.parametrize("count", ["2", "-1", "x", "99999999999", ""])
async def test_numbers_that_cannot_be(here: House, host: Host, count: str) -> None:
    here.say("one", f"bob@{THERE}")
    caller = await certified(host)
    await caller.hears()
    caller.say(f"<a xmlns='{xml.STREAM_MANAGEMENT}' h='{count}'/>")
    assert await caller.is_ended() in ("undefined-condition", "bad-format")


async def test_who_does_not_speak_of_numbers_is_pinged(town: Town, here: House, host: Host) -> None:
    here.say("one", f"bob@{THERE}")
    caller = await certified(host, numbered=False)
    assert (await caller.hears()).name == "message"
    ping = await caller.hears()
    assert (ping.name, ping.kids, ping.attrs["from"]) == ("iq", [f"{{{xml.PING}}}ping"], HERE)
    here.say("two", f"bob@{THERE}")
    assert (await caller.hears()).name == "message"
    back = await Stranger.proves(here.port, town.authority.certificate(THERE))
    back.say(f"<iq type='error' id='{ping.id}' from='{THERE}' to='{HERE}'/>")
    second = await caller.hears()
    assert second.kids == ping.kids and second.id != ping.id
    assert here.arrivals.stanzas == []
    caller.hang_up()
    caller = await certified(host, numbered=False)
    assert (await caller.hears()).tree.findtext("{jabber:client}body") == "two"
    for stranger in (caller, back):
        stranger.hang_up()


async def test_who_answers_no_ping_is_spoken_with_all_the_same(
    here: House, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmations, "CONFIRM_TIME", 0.1)
    here.say("one", f"bob@{THERE}")
    caller = await certified(host, numbered=False)
    assert [(await caller.hears()).name for _ in range(2)] == ["message", "iq"]
    await asyncio.sleep(0.3)
    for text in ("two", "three"):
        here.say(text, f"bob@{THERE}")
        assert (await caller.hears()).tree.findtext("{jabber:client}body") == text
    caller.hang_up()


async def test_who_does_not_say_what_arrived_is_dead(here: House, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmations, "CONFIRM_TIME", 0.1)
    here.say("one", f"bob@{THERE}")
    caller = await certified(host)
    assert await caller.is_ended() == "connection-timeout"
    caller = await certified(host)
    assert (await caller.hears()).tree.findtext("{jabber:client}body") == "one"
    caller.hang_up()


async def test_a_connection_on_which_nothing_is_said_is_closed(
    here: House, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "IDLE_TIME", 0.1)
    here.say("one", f"bob@{THERE}")
    caller = await certified(host)
    await caller.hears()
    caller.say(f"<a xmlns='{xml.STREAM_MANAGEMENT}' h='1'/>")
    assert await caller.is_ended() == ""
    assert here.partner(THERE).state is LinkState.UP
    here.say("two", f"bob@{THERE}")
    caller = await certified(host)
    assert (await caller.hears()).tree.findtext("{jabber:client}body") == "two"
    caller.hang_up()


async def test_a_connection_of_theirs_that_says_nothing_is_closed(
    town: Town, here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "MAX_SILENCE", 0.1)
    stranger = await Stranger.proves(here.port, town.authority.certificate(THERE))
    assert await stranger.is_ended() == ""


async def test_white_space_keeps_connections_alive(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from .....bridges.xmpp.federation import link

    monkeypatch.setattr(link, "KEEP_ALIVE", 0.05)
    here = await town.start(HERE, THERE)
    stranger = await Stranger.proves(here.port, town.authority.certificate(THERE))
    assert set(await stranger.reader.readexactly(3)) == {ord(" ")}
    stranger.hang_up()


async def test_what_waits_too_long_is_given_up(town: Town, here: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from .....bridges.xmpp.federation import federation

    monkeypatch.setattr(federation, "QUEUE_TIME", 0.2)
    silent = await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0)
    town.serves(silent.sockets[0].getsockname()[1], THERE)
    here.say("hello?", f"bob@{THERE}")
    await until(lambda: [r[:2] for r in here.returned] == [("hello?", "remote-server-timeout")])
    assert here.partner(THERE).queued == 0
    silent.close()


async def test_a_server_that_says_nothing_does_not_answer(
    town: Town, here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "QUEUE_TIME", 0.2)
    silent = await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0)
    town.serves(silent.sockets[0].getsockname()[1], THERE)
    here.say("hello?", f"bob@{THERE}")
    await until(lambda: here.partner(THERE).error == f"the server of {THERE} does not answer")
    silent.close()


async def test_the_queue_has_bounds(town: Town, here: House) -> None:
    silent = await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0)
    town.serves(silent.sockets[0].getsockname()[1], THERE)
    for number in range(limits.MAX_QUEUED + 3):
        here.say(str(number), f"bob@{THERE}")
    assert [r[:2] for r in here.returned] == [(str(n), "resource-constraint") for n in range(100, 103)]
    assert here.partner(THERE).queued == limits.MAX_QUEUED
    here.returned.clear()
    for _ in range(5):
        here.say("x" * limits.PROVEN.stanza, f"ann@conference.{THERE}")
    assert [condition for _, condition, _ in here.returned] == ["resource-constraint"] * 2
    await here.stop()
    assert {condition for _, condition, _ in here.returned[2:]} == {"remote-server-timeout"}
    assert len(here.returned) == 2 + 3 + limits.MAX_QUEUED
    silent.close()


async def test_who_does_not_read_does_not_fill_our_memory(here: House, host: Host) -> None:
    here.say("one", f"bob@{THERE}")
    caller = await certified(host)
    caller.writer.transport.pause_reading()
    for number in range(40):
        here.say("x" * 300_000, f"bob{number}@{THERE}")
        await asyncio.sleep(0)
    assert here.returned
    assert {condition for _, condition, _ in here.returned} == {"resource-constraint"}
    caller.hang_up()


async def test_a_domain_that_the_dns_does_not_know(town: Town, here: House) -> None:
    """Nobody waits half a minute for that."""
    here.say("hello?", f"bob@{THERE}")
    await until(lambda: [r[:2] for r in here.returned] == [("hello?", "remote-server-not-found")])


async def test_tries_are_further_and_further_apart_and_logged_once(
    town: Town, here: House, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(way.random, "uniform", lambda low, high: pauses.append(low) or 0.0)
    town.serves(1, THERE)
    with caplog.at_level(logging.WARNING):
        here.say("hello?", f"bob@{THERE}")
        await until(lambda: here.returned)
    assert here.returned[0][1] == "remote-server-timeout"
    assert 4 <= len(pauses) <= 6
    assert len([r for r in caplog.records if "is not reached" in r.message]) == 1


async def test_while_it_rests_for_long_senders_are_told_at_once(
    town: Town, here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(way, "BACK_OFF", (60.0,))
    town.serves(1, THERE)
    here.say("one", f"bob@{THERE}")
    await until(lambda: here.returned)
    here.say("two", f"bob@{THERE}")
    assert [r[0] for r in here.returned] == ["one", "two"]


async def test_the_next_place_is_tried(town: Town, here: House) -> None:
    from .....core.dns import Srv

    there = await town.start(THERE, HERE)
    town.zone["SRV", f"_xmpp-server._tcp.{THERE}"] = [Srv(1, 0, 1, "localhost"), Srv(2, 0, there.port, "localhost")]
    here.say("hello", f"bob@{THERE}")
    await until(lambda: there.arrivals.texts == ["hello"])


@pytest.mark.parametrize("named", [False, True])
async def test_dialback_after_a_certificate_was_refused(town: Town, here: House, named: bool) -> None:
    """The answer may name the stream, as Prosody's does."""
    host = Host(town.authority.certificate(THERE), EXTERNAL_OFFER + DIALBACK_OFFER)
    town.serves(await host.open(), THERE)
    here.say("hello", f"bob@{THERE}")
    caller = await host.caller()
    assert (await caller.hears()).name == "auth"
    caller.say(f"<failure xmlns='{xml.SASL}'><not-authorized/></failure>")
    assert (await caller.hears()).name == "result"
    stream = f" id='{id(caller)}'" if named else ""
    caller.say(f"<db:result from='{THERE}' to='{HERE}' type='valid'{stream}/>")
    assert (await caller.hears()).name == "message"
    caller.hang_up()
    host.close()
