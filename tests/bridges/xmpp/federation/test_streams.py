"""What other servers may not do: speak for others, speak too early, speak badly, speak too much."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from .....bridges.xmpp.federation import federation as federation_module
from .....bridges.xmpp.federation import incoming, limits
from .....bridges.xmpp.federation.link import Link
from .....bridges.xmpp.syntax import xml
from .houses import ELSEWHERE, HERE, THERE, House, Town, until
from .stranger import EXTERNAL, OPENING, STARTTLS, Stranger

HELLO = f"<message from='bob@{THERE}/x' to='ann@{HERE}'><body>hello</body></message>"


@pytest.fixture
async def here(town: Town) -> House:
    """A server with a partner who is played by hand."""
    return await town.start(HERE, THERE)


async def proven(town: Town, here: House) -> Stranger:
    return await Stranger.proves(here.port, town.authority.certificate(THERE))


# ---- too early


@pytest.mark.parametrize("said", [HELLO, EXTERNAL, "<db:result from='there.example' to='here.example'>k</db:result>"])
async def test_nothing_is_said_before_tls(here: House, said: str) -> None:
    stranger = await Stranger.calls(here.port)
    offered = await stranger.opens()
    assert offered.kids == [f"{{{xml.TLS}}}starttls"]
    assert offered.tree[0][0].tag == f"{{{xml.TLS}}}required"
    stranger.say(said)
    assert await stranger.is_ended() == "not-authorized"


async def test_what_is_injected_before_tls_is_never_heard(here: House, town: Town) -> None:
    stranger = await Stranger.calls(here.port)
    await stranger.opens()
    stranger.say(STARTTLS + HELLO)
    assert await stranger.is_ended() == "policy-violation"
    assert here.arrivals.stanzas == []


@pytest.mark.parametrize("more", [HELLO, "<half", "</stream:stream>"])
async def test_what_is_injected_before_our_tls_is_never_heard_either(town: Town, here: House, more: str) -> None:
    """Somebody on the way answers for the server we call."""

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"version='1.0'")
        features = f"<stream:features>{STARTTLS}</stream:features>"
        writer.write(f"{OPENING} id='1' from='{THERE}' to='{HERE}'>{features}".encode())
        await reader.readuntil(b"starttls")
        writer.write(f"<proceed xmlns='{xml.TLS}'/>{more}".encode())
        ended.set_result((await reader.read()).decode())
        writer.close()

    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(called, "127.0.0.1", 0)
    town.serves(server.sockets[0].getsockname()[1], THERE)
    here.say("a secret", f"bob@{THERE}")
    said = await ended
    assert "policy-violation" in said and "secret" not in said
    assert here.arrivals.stanzas == []
    server.close()


async def test_a_server_without_tls_gets_nothing(town: Town, here: House) -> None:
    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"version='1.0'")
        writer.write(f"{OPENING} id='1' from='{THERE}' to='{HERE}'><stream:features/>".encode())
        ended.set_result((await reader.read()).decode())
        writer.close()

    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(called, "127.0.0.1", 0)
    town.serves(server.sockets[0].getsockname()[1], THERE)
    here.say("a secret", f"bob@{THERE}")
    assert "secret" not in await ended
    await until(lambda: here.partner(THERE).error == "they do not offer TLS")
    server.close()


async def test_nobody_speaks_who_has_not_proven_anything(town: Town, here: House) -> None:
    stranger = await Stranger.comes(here.port, shows=town.authority.certificate(THERE))
    stranger.say(HELLO)
    assert await stranger.is_ended() == "not-authorized"
    assert here.arrivals.stanzas == []


async def test_what_comes_with_the_certificate_before_the_stream_begins_anew(town: Town, here: House) -> None:
    stranger = await Stranger.comes(here.port, shows=town.authority.certificate(THERE))
    stranger.say(EXTERNAL + HELLO)
    assert await stranger.is_ended() == "policy-violation"
    assert here.arrivals.stanzas == []


# ---- for others


@pytest.mark.parametrize(
    ("sender", "to", "condition"),
    [
        (f"bob@{ELSEWHERE}", f"ann@{HERE}", "invalid-from"),
        (f"bob@{HERE}", f"ann@{HERE}", "invalid-from"),
        (HERE, f"ann@{HERE}", "invalid-from"),
        (f"bob@sub.{THERE}", f"ann@{HERE}", "invalid-from"),
        (f"bob@{THERE}", f"r@conference.{HERE}", "invalid-from"),
        (f"bob@{THERE}", f"ann@{ELSEWHERE}", "host-unknown"),
        (f"bob@{THERE}", f"ann@{THERE}", "host-unknown"),
        ("", f"ann@{HERE}", "improper-addressing"),
        (f"bob@{THERE}", "", "improper-addressing"),
        ("@", f"ann@{HERE}", "invalid-from"),
        (f"bob@{ELSEWHERE}", "a@b@c", "invalid-from"),
    ],
)
@pytest.mark.parametrize("name", ["message", "presence", "iq"])
async def test_who_speaks_for_somebody_else(
    town: Town, here: House, name: str, sender: str, to: str, condition: str
) -> None:
    stranger = await proven(town, here)
    addresses = (f" from='{sender}'" if sender else "") + (f" to='{to}'" if to else "")
    stranger.say(f"{HELLO}<{name}{addresses} type='get' id='1'/>")
    assert await stranger.is_ended() == condition
    assert [s.attrs["from"] for s in here.arrivals.stanzas] == [f"bob@{THERE}/x"]


async def test_one_bad_address_is_not_everybody_s_fault(town: Town, here: House) -> None:
    there = await town.start(THERE, HERE)
    stranger = await proven(town, here)
    stranger.say(f"<message id='7' from='bob@{THERE}/x' to='a b@{HERE}'><body>hi</body></message>{HELLO}")
    await until(lambda: here.arrivals.texts == ["hello"])
    await until(lambda: there.arrivals.stanzas)
    answer = there.arrivals.stanzas[0]
    assert (answer.type, answer.id, answer.attrs["to"]) == ("error", "7", f"bob@{THERE}/x")
    assert f"{{{xml.STANZA_ERRORS}}}jid-malformed" in [e.tag for e in answer.tree.iter()]
    stranger.hang_up()


# ---- badly


@pytest.mark.parametrize(
    ("said", "condition"),
    [
        ("<!-- x -->", "restricted-xml"),
        ("<?x y?>", "restricted-xml"),
        ("<!DOCTYPE x [<!ENTITY y 'z'>]>", "not-well-formed"),
        ("<message>&amp;&x;</message>", "restricted-xml"),
        ("<a><b></a>", "not-well-formed"),
        ("text", "bad-format"),
        ("<x:y/>", "bad-namespace-prefix"),
        ("<nonsense/>", "unsupported-stanza-type"),
        ("<message>" + "<x>" * 100, "policy-violation"),
        ("<message" + "".join(f" a{n}=''" for n in range(100)) + "/>", "policy-violation"),
        ("<message><x>" + "x" * (limits.PROVEN.stanza + 10), "policy-violation"),
    ],
)
async def test_what_is_no_xmpp(town: Town, here: House, said: str, condition: str) -> None:
    stranger = await proven(town, here)
    stranger.say(HELLO + said)
    assert await stranger.is_ended() == condition
    assert len(here.arrivals.stanzas) == 1


async def test_before_they_are_proven_less_is_too_much(here: House) -> None:
    stranger = await Stranger.comes(here.port)
    stranger.say(f"<db:result from='{THERE}' to='{HERE}'>" + "x" * limits.UNPROVEN.stanza)
    assert await stranger.is_ended() == "policy-violation"


async def test_a_large_stanza_passes(town: Town, here: House) -> None:
    stranger = await proven(town, here)
    stranger.say(HELLO.replace("hello", "x" * 500_000))
    await until(lambda: here.arrivals.texts == ["x" * 500_000])
    stranger.hang_up()


@pytest.mark.parametrize(
    ("opening", "condition"),
    [
        (f"{OPENING} from='{THERE}' to='nobody.example'>", "host-unknown"),
        (f"{OPENING} from='{THERE}'>", "host-unknown"),
        (f"{OPENING} from='a b' to='{HERE}'>", "improper-addressing"),
        (f"{OPENING} from='{ELSEWHERE}' to='{HERE}'>", "policy-violation"),
        (f"{OPENING} from='{HERE}' to='{HERE}'>", "policy-violation"),
        (f"{OPENING} to='{HERE}'>".replace("jabber:server'", "jabber:client'"), "invalid-namespace"),
        (f"{OPENING} to='{HERE}'>".replace(" version='1.0'", ""), "unsupported-version"),
        (f"<other to='{HERE}'>", "invalid-namespace"),
        ("<no sense>", "not-well-formed"),
    ],
)
async def test_streams_that_are_none(here: House, opening: str, condition: str) -> None:
    stranger = await Stranger.calls(here.port)
    stranger.say(opening)
    assert await stranger.is_ended() == condition


# ---- too long, too many


async def test_who_does_not_say_who_they_are(here: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "PROVE_TIME", 0.2)
    silent, slow = await Stranger.calls(here.port), await Stranger.comes(here.port)
    assert await silent.is_ended() == "connection-timeout"
    assert await slow.is_ended() == "connection-timeout"
    await until(lambda: here.federation._hall.door.inside == 0)


async def test_connections_from_one_address(here: House) -> None:
    strangers = [await Stranger.calls(here.port) for _ in range(limits.OPEN_PER_ADDRESS)]
    for stranger in strangers:
        await stranger.opens()
    one_more = await Stranger.calls(here.port)
    assert await one_more.is_ended() == ""
    for stranger in strangers:
        stranger.hang_up()
    await until(lambda: here.federation._hall.door.inside == 0)
    await (await Stranger.calls(here.port)).opens()


async def test_connections_of_one_domain(town: Town, here: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from .....bridges.xmpp.federation import desk

    monkeypatch.setattr(desk, "CONNECTIONS_PER_DOMAIN", 2)
    first, second = await proven(town, here), await proven(town, here)
    third = await Stranger.comes(here.port, shows=town.authority.certificate(THERE))
    third.say(EXTERNAL)
    assert await third.is_ended() == "resource-constraint"
    first.hang_up()
    await until(lambda: len(here.links()) == 1)
    fourth = await proven(town, here)
    for stranger in (second, fourth):
        stranger.hang_up()


async def test_one_loud_person_does_not_silence_the_others(town: Town, here: House) -> None:
    there = await town.start(THERE, HERE)
    stranger = await proven(town, here)
    loud = [HELLO.replace("bob", "loud").replace("<message", f"<message id='{n}'") for n in range(300)]
    stranger.say("".join(loud) + HELLO)
    await until(lambda: here.arrivals.stanzas and here.arrivals.stanzas[-1].attrs["from"] == f"bob@{THERE}/x")
    heard = len(here.arrivals.stanzas) - 1
    assert limits.SENDER_BURST <= heard < 300
    await until(lambda: len(there.arrivals.stanzas) == 300 - heard)
    assert {s.type for s in there.arrivals.stanzas} == {"error"}
    assert here.partner(THERE).refused == 300 - heard
    stranger.hang_up()


async def test_who_sends_faster_than_allowed_is_read_more_slowly(
    town: Town, here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[float] = []
    monkeypatch.setattr(Link, "_hold", lambda self, seconds: held.append(seconds))
    stranger = await proven(town, here)
    stranger.say(f"<presence from='bob@{THERE}' to='ann@{HERE}'/>" * (limits.STANZA_BURST + 500))
    await until(lambda: max(held) > 0.3)
    stranger.hang_up()


async def test_work_that_is_not_done_holds_up_the_stream_and_nobody_else(
    town: Town, here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "MAX_IN_FLIGHT", 5)
    here.arrivals.work = asyncio.get_running_loop().create_future()
    stranger = await proven(town, here)
    stranger.say(HELLO * 8)
    await until(lambda: len(here.arrivals.stanzas) == 5)
    here.arrivals.work.set_result(None)
    await until(lambda: len(here.arrivals.stanzas) == 8)
    stranger.hang_up()


async def test_work_that_fails_is_logged_and_the_stream_goes_on(town: Town, here: House, caplog: Any) -> None:
    here.arrivals.work = asyncio.get_running_loop().create_future()
    here.arrivals.work.set_exception(RuntimeError("nobody knows why"))
    stranger = await proven(town, here)
    with caplog.at_level(logging.ERROR):
        stranger.say(HELLO * 2)
        await until(lambda: len(here.arrivals.stanzas) == 2 and len(caplog.records) == 2)
    assert here.is_proven()
    stranger.hang_up()


async def test_their_numbers_are_ours(town: Town, here: House) -> None:
    """XEP-0198: what they sent counts when all that it led to is done."""
    stranger = await Stranger.comes(here.port, shows=town.authority.certificate(THERE))
    stranger.say(EXTERNAL)
    assert (await stranger.hears()).name == "success"
    stranger.restart()
    assert f"{{{xml.STREAM_MANAGEMENT}}}sm" in (await stranger.opens()).kids
    here.arrivals.work = asyncio.get_running_loop().create_future()
    stranger.say(f"<enable xmlns='{xml.STREAM_MANAGEMENT}'/>{HELLO * 3}<r xmlns='{xml.STREAM_MANAGEMENT}'/>")
    assert (await stranger.hears()).name == "enabled"
    await until(lambda: len(here.arrivals.stanzas) == 3)
    here.arrivals.work.set_result(None)
    answer = await stranger.hears()
    assert (answer.name, answer.attrs["h"]) == ("a", "3")
    stranger.hang_up()


async def test_they_close_and_we_close(town: Town, here: House) -> None:
    stranger = await proven(town, here)
    stranger.say(f"{HELLO}</stream:stream>")
    assert await stranger.is_ended() == ""
    assert here.arrivals.texts == ["hello"]


async def test_when_it_stops_it_says_so(town: Town, here: House, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = await proven(town, here)
    ending = asyncio.ensure_future(here.stop())
    assert await stranger.is_ended() == "system-shutdown"
    stranger.hang_up()
    await ending


async def test_direct_tls(town: Town) -> None:
    here = await town.start(HERE, THERE, direct_tls=True, tls_port=0)
    there = await town.start(THERE, HERE)
    assert federation_module is not None
    ports = [each.getsockname()[1] for each in here.federation._ports._sockets]
    del town.zone["SRV", f"_xmpp-server._tcp.{HERE}"]
    town.serves(ports[1], HERE, service="_xmpps-server")
    there.say("hello", f"ann@{HERE}", "bob")
    await until(lambda: here.arrivals.texts == ["hello"])
