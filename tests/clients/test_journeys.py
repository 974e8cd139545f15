"""Journeys: people with clients that nobody here wrote meet on one server, SIP on one side, XMPP on the other."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ...core.identity import Identity
from ..ports import free_port
from .conftest import DOMAIN, Visitors
from .program import needs, until
from .terminal import Terminal
from .xmpp import Slix

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

HERE = Path(__file__).parent
ALICE, BOB, CAROL, DAVE = (f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol", "dave"))


# ---- signing in


@pytest.mark.parametrize("transport", ["tls", "tcp", "udp"])
async def test_linphone_signs_in_over_every_transport(visitors: Visitors, transport: str) -> None:
    alice = await visitors.linphone("alice", transport)
    await alice.wait("register", state="ok")


async def test_a_wrong_password_signs_nobody_in(visitors: Visitors) -> None:
    alice = await visitors.linphone("alice", password="not this one")
    await alice.wait("register", state="failed")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await visitors.slix("bob", password="nor this one")
    assert await visitors.server.cli("who") == []


async def test_baresip_signs_in(visitors: Visitors) -> None:
    carol = await visitors.baresip("carol", "alice")
    await carol.shows("200 OK")
    await until(lambda: "carol" in visitors.server.log, "the server to log the sign-in")


async def test_go_sendxmpp_signs_in_and_writes(visitors: Visitors) -> None:
    needs("go-sendxmpp")
    bob = await visitors.slix("bob")
    sending = await asyncio.create_subprocess_exec(
        "go-sendxmpp", "-u", ALICE, "-p", visitors.password("alice"), "-n",
        "-j", f"127.0.0.1:{visitors.server.ports['xmpp']}", BOB,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await asyncio.wait_for(sending.communicate(b"from the command line\n"), 40)
    assert sending.returncode == 0, complaint.decode()
    await bob.hears(ALICE, "from the command line")


async def test_profanity_signs_in_chats_and_sees_presence(visitors: Visitors) -> None:
    needs("profanity")
    bob = await visitors.slix("bob")
    screen = Terminal("profanity", visitors.homes / "profanity")
    try:
        await screen.shows("Profanity")
        port = visitors.server.ports["xmpp"]
        await screen.type(f"/connect {CAROL} server 127.0.0.1 port {port} tls trust")
        await screen.shows("Enter password", "password")
        await screen.type(visitors.password("carol"))
        await screen.shows("logged in successfully")
        await until(lambda: "available" in bob.sees(CAROL), "bob to see carol")
        await screen.type(f"/msg {BOB} hello from a terminal")
        await bob.hears(CAROL, "hello from a terminal")
        bob.send_message(CAROL, "hello terminal", mtype="chat")
        await screen.shows("hello terminal")
    finally:
        screen.close()


async def test_mcabber_signs_in(visitors: Visitors) -> None:
    needs("mcabber")
    home = visitors.homes / "mcabber"
    home.mkdir()
    rc = home / "mcabberrc"
    rc.write_text(
        f"set jid = {CAROL}\nset password = {visitors.password('carol')}\nset server = 127.0.0.1\n"
        f"set port = {visitors.server.ports['xmpp']}\nset tls = 1\nset ssl_ignore_checks = 1\n"
    )
    rc.chmod(0o600)
    bob = await visitors.slix("bob")
    screen = Terminal(f"mcabber -f {rc}", home)
    try:
        await until(lambda: "available" in bob.sees(CAROL), "bob to see carol at mcabber")
        bob.send_message(CAROL, "hello mcabber", mtype="chat")
        await screen.shows("#[o] Bob Berger")
        await screen.type(f"/say_to {BOB} hello from mcabber")
        await bob.hears(CAROL, "hello from mcabber")
    finally:
        screen.close()


async def test_pidgins_library_signs_in_sees_presence_and_chats_with_a_phone(visitors: Visitors) -> None:
    bob = await visitors.pidgin("bob")
    await bob.wait("signed-on")
    alice = await visitors.linphone("alice")
    await alice.wait("register", state="ok")
    await bob.wait("on", who=ALICE)
    alice.do("presence busy")
    await bob.wait("presence", who=ALICE, status="dnd")
    bob.do(f"msg {ALICE} hello from pidgin")
    await alice.wait("message", text="hello from pidgin")
    alice.do(f"msg sip:{BOB} hello pidgin")
    await bob.wait("message", text="hello pidgin")
    alice.do(f"compose sip:{BOB}")
    await bob.wait("typing")
    bob.do("quit")
    alice.do(f"friend sip:{BOB}")
    await alice.wait("presence", uri=f"sip:{BOB}", status="offline")


@pytest.mark.parametrize(("scenario", "covered"), [("registering", DOMAIN), ("asking", BOB)])
@pytest.mark.parametrize(("transport", "option"), [("udp", "u1"), ("tcp", "t1")])
async def test_sipp_gets_the_exact_answers(
    visitors: Visitors, transport: str, option: str, scenario: str, covered: str
) -> None:
    needs("sipp")
    server, people, errors = visitors.server, visitors.homes / "people.csv", visitors.homes / "sipp.err"
    secret = f"[authentication username=alice password={visitors.password('alice')}]"
    people.write_text(f"SEQUENTIAL\nalice;{secret};bob;{DOMAIN}\n")
    sipp = await asyncio.create_subprocess_exec(
        "sipp", f"127.0.0.1:{server.ports[f'sip_{transport}']}", "-sf", str(HERE / f"{scenario}.xml"),
        "-inf", str(people), "-auth_uri", covered, "-t", option, "-m", "1", "-i", "127.0.0.1", "-p", str(free_port()),
        "-nostdin", "-timeout", "60", "-trace_err", "-error_file", str(errors),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    code = await asyncio.wait_for(sipp.wait(), 90)
    assert code == 0, errors.read_text()[:3000] if errors.exists() else code


# ---- presence, both ways


async def test_presence_between_linphone_and_xmpp(visitors: Visitors) -> None:
    alice, bob = await visitors.linphone("alice"), await visitors.slix("bob")
    await alice.wait("register", state="ok")
    alice.do(f"friend sip:{BOB}")
    await alice.wait("presence", uri=f"sip:{BOB}", status="online")
    await until(lambda: "available" in bob.sees(ALICE), "bob to see alice")

    bob.send_presence(pshow="dnd", pstatus="writing")
    await alice.wait("presence", uri=f"sip:{BOB}", status="busy")
    bob.send_presence(pshow="away")
    await alice.wait("presence", uri=f"sip:{BOB}", activity="away")

    alice.do("presence meeting in room 4")
    await until(lambda: "dnd" in bob.sees(ALICE), f"bob to see alice busy; saw {bob.shows}")
    alice.do("presence online")
    await until(lambda: bob.sees(ALICE) >= {"available"} and "dnd" not in bob.sees(ALICE), "bob to see alice free")

    mark = alice.mark
    bob.send_presence(ptype="unavailable")
    await alice.wait("presence", since=mark, uri=f"sip:{BOB}", status="offline")
    mark = alice.mark
    bob.send_presence()
    # a client that comes back is told who is there, not who is gone: first it must be back
    await alice.wait("presence", since=mark, uri=f"sip:{BOB}", status="online")
    alice.do("presence offline")
    await until(lambda: bob.sees(ALICE) == {"unavailable"}, f"bob to see alice gone; saw {bob.shows}")


async def test_presence_between_baresip_and_xmpp(visitors: Visitors) -> None:
    bob = await visitors.slix("bob")
    carol = await visitors.baresip("carol", "bob")
    await carol.sees("Online")
    await until(lambda: "available" in bob.sees(CAROL), "bob to see carol")
    bob.send_presence(pshow="dnd")
    await carol.sees("Busy")
    bob.send_presence(ptype="unavailable")
    await carol.sees("Offline")
    bob.send_presence()
    await carol.do("presence_offline")
    await until(lambda: bob.sees(CAROL) <= {"unavailable"} and bob.sees(CAROL), f"carol to be gone; saw {bob.shows}")


async def test_a_killed_client_is_gone_soon(visitors: Visitors) -> None:
    alice, bob = await visitors.linphone("alice"), await visitors.slix("bob")
    await alice.wait("register", state="ok")
    await until(lambda: "available" in bob.sees(ALICE), "bob to see alice")
    alice.kill()
    await until(lambda: bob.sees(ALICE) == {"unavailable"}, f"bob to see alice gone; saw {bob.shows}")
    dave = await visitors.slix("dave", "doomed")
    await until(lambda: "available" in bob.sees(DAVE), "bob to see dave")
    dave.abort()
    await until(lambda: bob.sees(DAVE) == {"unavailable"}, f"bob to see dave gone; saw {bob.shows}")


# ---- messages, both ways


async def test_messages_and_typing_between_linphone_and_xmpp(visitors: Visitors) -> None:
    alice = await visitors.linphone("alice")
    await alice.wait("register", state="ok")
    bob, phone = await visitors.slix("bob", "desk"), await visitors.slix("bob", "phone")
    alice.do(f"msg sip:{BOB} hällo Bob ✓")
    await alice.wait("message-state", state="delivered")
    await bob.hears(ALICE, "hällo Bob ✓")
    await phone.hears(ALICE, "hällo Bob ✓")
    bob.send_message(ALICE, "hi Alice", mtype="chat")
    await alice.wait("message", text="hi Alice")
    alice.do(f"compose sip:{BOB}")
    await until(lambda: "composing" in bob.states, "bob to see alice typing")
    notice = bob.make_message(ALICE, mtype="chat")
    notice["chat_state"] = "composing"
    notice.send()
    await alice.wait("composing", active=True)


async def test_messages_between_baresip_and_linphone(visitors: Visitors) -> None:
    carol = await visitors.baresip("carol", "alice")
    await carol.shows("200 OK")
    alice = await visitors.linphone("alice")
    await alice.wait("register", state="ok")
    await carol.do("message", "hello from baresip")
    await alice.wait("message", text="hello from baresip")
    alice.do(f"msg sip:{CAROL} hello baresip")
    await alice.wait("message-state", state="delivered", text="hello baresip")
    await carol.shows("hello baresip")


async def test_an_absent_person_gets_it_later_once(visitors: Visitors) -> None:
    alice = await visitors.linphone("alice")
    await alice.wait("register", state="ok")
    before = datetime.now().astimezone()
    for n in range(3):
        alice.do(f"msg sip:{BOB} for later {n}")
        await alice.wait("message-state", state="delivered", text=f"for later {n}")
    bob = await visitors.slix("bob")
    await bob.hears(ALICE, "for later 2")
    assert [text for _, text in bob.said] == [f"for later {n}" for n in range(3)]
    assert abs(bob.stamps["for later 0"] - before) < timedelta(minutes=2)
    await bob.leave()
    again = await visitors.slix("bob", "again")
    again.send_message(ALICE, "back", mtype="chat")
    await alice.wait("message", text="back")
    assert again.said == []

    alice.do("unregister")
    await alice.wait("register", state="cleared")
    again.send_message(ALICE, "are you gone?", mtype="chat")
    await asyncio.sleep(0.5)
    await alice.close()
    later = await visitors.linphone("alice", "tcp")
    await later.wait("message", text="are you gone?")


async def test_writing_to_nobody_is_an_error_in_the_protocols_words(visitors: Visitors) -> None:
    alice, bob = await visitors.linphone("alice"), await visitors.slix("bob")
    await alice.wait("register", state="ok")
    alice.do(f"msg sip:nobody@{DOMAIN} hello?")
    await alice.wait("message-state", state="not-delivered")
    bob.send_message(f"nobody@{DOMAIN}", "hello?", mtype="chat")
    await until(lambda: bob.errors, "bob to be told")
    assert bob.errors == ["service-unavailable"]


# ---- a third person


async def test_bob_adds_carol_from_xmpp_and_alice_stays_with_her_phone(visitors: Visitors) -> None:
    alice = await visitors.linphone("alice")
    await alice.wait("register", state="ok")
    bob, carol = await visitors.slix("bob"), await visitors.slix("carol")
    alice.do(f"msg sip:{BOB} the plan is ready")
    await bob.hears(ALICE, "the plan is ready")
    bob.send_message(ALICE, "/add carol history all", mtype="chat")
    room = await _invited(carol)
    assert await _invited(bob) == room
    await bob.join(room, "Bob Berger")
    await carol.join(room, "Carol Christ")
    await carol.room_hears("Alice Adler", "the plan is ready")
    bob.send_message(room, "hello both", mtype="groupchat")
    await carol.room_hears("Bob Berger", "hello both")
    heard = await alice.wait("message", text="hello both")
    assert (heard["sender"], heard["room"]) == (f"sip:{BOB}", f"sip:{room}")
    alice.do(f"msg sip:{room} I hear you")
    await carol.room_hears("Alice Adler", "I hear you")
    await bob.room_hears("Alice Adler", "I hear you")
    [conference] = [c for c in await visitors.server.cli("conversations") if c["shape"] == "conference"]
    assert sorted(conference["participants"]) == [ALICE, BOB, CAROL]


async def test_alice_adds_dave_from_a_phone_that_has_no_button_for_it(visitors: Visitors) -> None:
    alice, carol = await visitors.linphone("alice"), await visitors.baresip("carol", "alice")
    await alice.wait("register", state="ok")
    await carol.shows("200 OK")
    dave = await visitors.slix("dave")
    alice.do(f"msg sip:{CAROL} shall we ask Dave?")
    await carol.shows("shall we ask Dave?")
    alice.do(f"msg sip:{CAROL} /add dave")
    room = await _invited(dave)
    await dave.join(room, "Dave Dorn")
    dave.send_message(room, "you called?", mtype="groupchat")
    await alice.wait("message", sender=f"sip:{DAVE}", text="you called?")
    await carol.shows("Dave Dorn: you called?")


async def test_a_script_adds_somebody(visitors: Visitors) -> None:
    alice, bob = await visitors.slix("alice"), await visitors.slix("bob")
    alice.send_message(BOB, "hello", mtype="chat")
    await bob.hears(ALICE, "hello")
    [conversation] = await visitors.server.cli("conversations")
    carol = await visitors.slix("carol")
    await visitors.server.cli("add", conversation["id"], CAROL, "--history", "all")
    assert Identity.parse(await _invited(carol)).domain == f"conference.{DOMAIN}"


async def _invited(person: Slix) -> str:
    await until(lambda: person.invitations, f"{person.boundjid} to be invited")
    return person.invitations[0]


# ---- records, restarts


async def test_the_record_of_a_conversation(visitors: Visitors) -> None:
    alice, bob = await visitors.linphone("alice"), await visitors.slix("bob")
    await alice.wait("register", state="ok")
    alice.do(f"msg sip:{BOB} the secret text")
    await bob.hears(ALICE, "the secret text")
    await visitors.server.stop()
    csv = next(visitors.server.state.glob("**/*.csv")).read_text()
    assert "server stopped" in csv and "secret text" not in csv
    await visitors.server.start("--sip-plain")
    [record] = await visitors.server.cli("records")
    assert [seat["who"] for seat in record["seats"]] == [ALICE, BOB] and record["messages"] == {ALICE: 1}
    assert "linphone" in str(record["endpoints"][ALICE]).lower()


async def test_kill_minus_nine_loses_nothing_that_was_accepted(visitors: Visitors) -> None:
    alice = await visitors.linphone("alice")
    await alice.wait("register", state="ok")
    alice.do(f"msg sip:{BOB} accepted before the crash")
    await alice.wait("message-state", state="delivered")
    await visitors.server.kill()
    await visitors.server.start("--sip-plain")
    bob = await visitors.slix("bob")
    await bob.hears(ALICE, "accepted before the crash")
    [record] = await visitors.server.cli("records")
    assert record["reason"] == "server restart"
    assert shutil.which("linphonec") is None or record["messages"] == {ALICE: 1}
