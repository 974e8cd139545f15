"""The IRC bridge against a small IRC server: a channel takes part in conversations, whatever the network does."""

import asyncio
import logging

import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from ...bridges import irc
from ...bridges.irc import IrcBridge
from ...bridges.irc_lines import MAX_LINES, MAX_TEXT, Line, parsed, portions, printable
from ...core.errors import NotFound
from ...core.identity import Identity
from ..people import ALICE, BOB, CAROL
from ..stage import front_end_in, say, sit
from .irc_server import IrcServer

OPS = Identity("ops", "irc.example.org")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(irc, "BACK_OFF", (0.01,))
    monkeypatch.setattr(irc, "EVERY", 1e-6)


@pytest.fixture
async def network():
    async with IrcServer().running() as server:
        yield server


def options(server, **more):
    return IrcBridge.Options("127.0.0.1", "#ops", port=server.port, **{"tls": False, "domain": OPS.domain, **more})


@pytest.fixture
async def stage(network, tmp_path):
    async with front_end_in(tmp_path, IrcBridge(options(network))) as front_end:
        await until(lambda: front_end.registrar.of(OPS))
        yield front_end


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.002)


# ---- talking


async def test_what_is_said_to_the_channel_is_said_in_the_channel(stage, network):
    await say(stage, ALICE, OPS, "hello\n\n there ")
    await until(lambda: len(network.heard("#ops")) == 2)
    assert network.heard("#ops") == ["<alice> hello", "<alice>  there "]


async def test_what_is_said_in_the_channel_is_heard_by_everybody_in_the_conversation(stage, network):
    alice, bob, carol = sit(stage, ALICE), sit(stage, BOB), sit(stage, CAROL)
    await say(stage, ALICE, BOB, "shall we ask ops?")
    (conversation,) = stage.immcu.of(ALICE)
    await stage.immcu.add(conversation, OPS, by=BOB)
    await say(stage, ALICE, conversation.address, "ops, are you there?")
    await until(lambda: network.heard("#ops"))
    network.says("zoe", "#ops", "\x02yes\x02, \x0304,12we\x03 are")
    network.says("zoe", "#ops", "\x01ACTION waves\x01")
    await until(lambda: len(alice.texts) == 2)
    assert alice.texts == ["<zoe> yes, we are", "* zoe waves"]
    assert bob.texts == ["shall we ask ops?", "ops, are you there?", "<zoe> yes, we are", "* zoe waves"]
    assert network.heard("#ops") == ["<alice> ops, are you there?"] and carol.texts == []


async def test_other_programs_questions_and_other_channels_are_not_heard(stage, network):
    alice = sit(stage, ALICE)
    await say(stage, ALICE, OPS, "hello")
    await until(lambda: network.heard("#ops"))
    network.says("zoe", "#ops", "\x01VERSION\x01")
    network.tell("#ops", ":zoe!u@h PRIVMSG hereabouts :psst")
    network.tell("#ops", ":zoe!u@h NOTICE #ops :machine talk")
    network.says("zoe", "#OPS", "one")
    network.tell("#ops", ":zoe!u@h PRIVMSG #OPS :two")
    await until(lambda: alice.texts)
    assert alice.texts == ["<zoe> two"]


async def test_who_comes_and_goes_is_told(stage, network):
    await say(stage, ALICE, OPS, "hello")
    (conversation,) = stage.immcu.of(ALICE)
    await stage.immcu.add(conversation, BOB, by=ALICE)
    await stage.immcu.leave(conversation, BOB)
    await until(lambda: len(network.heard("#ops", "NOTICE")) == 2)
    assert network.heard("#ops", "NOTICE") == ["bob@example.test joined", "bob@example.test left"]


async def test_a_long_message_is_cut_short(stage, network):
    await say(stage, ALICE, OPS, "\n".join(f"line {n}" for n in range(40)))
    await until(lambda: len(network.heard("#ops")) == MAX_LINES + 1)
    assert network.heard("#ops")[-1] == f"<alice> … ({40 - MAX_LINES} more lines)"


async def test_nobody_else_lives_there(stage):
    with pytest.raises(NotFound):
        await say(stage, ALICE, Identity("dev", OPS.domain), "hello?")


async def test_nothing_leads_out_of_a_line(stage, network):
    await say(stage, ALICE, OPS, "one\rQUIT\x00\u2028JOIN #secret\x1b[2J")
    await until(lambda: len(network.heard("#ops")) >= 3)
    assert network.heard("#ops") == ["<alice> one", "<alice> QUIT", "<alice> JOIN #secret[2J"]
    assert "#secret" not in network.members


# ---- the connection


async def test_a_lost_connection_is_made_again_and_what_was_said_meanwhile_arrives(stage, network):
    await say(stage, ALICE, OPS, "one")
    await until(lambda: network.heard("#ops") == ["<alice> one"])
    network.closed = True
    network.cut()
    await until(lambda: not stage.registrar.of(OPS))
    await say(stage, ALICE, OPS, "two")
    network.closed = False
    await until(lambda: len(network.heard("#ops")) == 2)
    assert network.heard("#ops")[1].endswith("] <alice> two")
    await say(stage, ALICE, OPS, "three")
    await until(lambda: len(network.heard("#ops")) == 3)


async def test_a_server_that_is_away_at_the_start_is_waited_for(tmp_path):
    server = IrcServer()
    async with server.running():
        pass
    async with front_end_in(tmp_path, IrcBridge(options(server))) as front_end:
        await say(front_end, ALICE, OPS, "anybody?")
        assert not front_end.registrar.of(OPS)
        async with server.running():
            await until(lambda: server.heard("#ops"))


async def test_a_name_that_somebody_has_gets_a_tail(tmp_path, network):
    network.taken = {"hereabouts", "hereabouts_"}
    async with front_end_in(tmp_path, IrcBridge(options(network))) as front_end:
        await until(lambda: front_end.registrar.of(OPS))
    assert [line for line in network.guests[0].said if line.startswith("NICK")] == [
        "NICK hereabouts",
        "NICK hereabouts_",
        "NICK hereabouts__",
    ]


async def test_however_long_a_name_is_another_can_be_found(tmp_path, network):
    network.taken = {"n" * 30}
    async with front_end_in(tmp_path, IrcBridge(options(network, nick="n" * 30))) as front_end:
        await until(lambda: front_end.registrar.of(OPS))
    assert all(len(line) <= 35 for line in network.guests[0].said if line.startswith("NICK"))


async def test_a_channel_that_is_closed_to_us_is_tried_again(tmp_path, network, caplog):
    network.closed = True
    async with front_end_in(tmp_path, IrcBridge(options(network))) as front_end:
        await until(lambda: network.visits > 2)
        assert "#ops cannot be joined: Cannot join channel (+i)" in caplog.text
        network.closed = False
        await until(lambda: front_end.registrar.of(OPS))


@pytest.mark.parametrize(
    "line",
    [":op!u@h KICK #ops hereabouts :out", "ERROR :Closing Link", "x" * 20_000],
    ids=["kick", "error", "endless line"],
)
async def test_whatever_the_server_does_we_come_back(stage, network, line):
    visits = network.visits
    network.tell("#ops", line)
    await until(lambda: network.visits > visits and stage.registrar.of(OPS))


@pytest.mark.parametrize(
    "line", ["", ":", "@tags", ":zoe!u@h", "001", "PING", "JOIN", ":hereabouts!u@h NICK", "PRIVMSG #ops"]
)
async def test_a_line_that_makes_no_sense_harms_nothing(stage, network, line):
    alice = sit(stage, ALICE)
    await say(stage, ALICE, OPS, "hello")
    network.tell("#ops", line)
    network.says("zoe", "#ops", "still here")
    await until(lambda: alice.texts == ["<zoe> still here"])


async def test_a_silent_server_is_asked_and_then_left(tmp_path, network, monkeypatch):
    monkeypatch.setattr(irc, "SILENCE", 0.05)
    async with front_end_in(tmp_path, IrcBridge(options(network))):
        await until(lambda: network.visits > 1)
    assert "PING :are you there" in network.guests[0].said


async def test_the_servers_own_ping_is_answered(stage, network):
    network.tell("#ops", "PING :token 1")
    await until(lambda: "PONG :token 1" in network.guests[0].said)


async def test_our_name_can_be_changed_for_us(stage, network):
    network.tell("#ops", ":hereabouts!u@h NICK guest17")
    visits = network.visits
    network.tell("#ops", ":op!u@h KICK #ops guest17 :out")
    await until(lambda: network.visits > visits)


async def test_we_say_goodbye(tmp_path, network):
    async with front_end_in(tmp_path, IrcBridge(options(network))) as front_end:
        await until(lambda: front_end.registrar.of(OPS))
    await until(lambda: "QUIT :the server stops" in network.guests[0].said)


async def test_the_password_is_the_first_thing_we_send_and_is_not_logged(tmp_path, network, caplog):
    with caplog.at_level(logging.DEBUG):
        async with front_end_in(tmp_path, IrcBridge(options(network, password="open sesame"))) as front_end:
            await until(lambda: front_end.registrar.of(OPS))
    assert network.guests[0].said[0] == "PASS :open sesame" and "sesame" not in caplog.text


async def test_tls_with_an_authority_of_their_own(tmp_path):
    authority, context = trustme.CA(), irc.ssl.SSLContext(irc.ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with IrcServer().running(context) as server:
        secure = options(server, tls=True, ca=str(tmp_path / "ca.pem"))
        async with front_end_in(tmp_path / "state", IrcBridge(secure)) as front_end:
            await until(lambda: front_end.registrar.of(OPS))


async def test_tls_with_a_stranger_is_refused(tmp_path, caplog):
    context = irc.ssl.SSLContext(irc.ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with IrcServer().running(context) as server, front_end_in(tmp_path, IrcBridge(options(server, tls=True))):
        await until(lambda: "certificate verify failed" in caplog.text)
    assert not any(guest.said for guest in server.guests)


# ---- limits


async def test_lines_are_sent_no_faster_than_servers_like(stage, network, monkeypatch):
    monkeypatch.setattr(irc, "EVERY", 1000.0)
    for number in range(irc.BURST + 3):
        await say(stage, ALICE, OPS, f"line {number}")
    await until(lambda: len(network.heard("#ops")) == irc.BURST)
    await asyncio.sleep(0.05)
    assert len(network.heard("#ops")) == irc.BURST


async def test_what_a_slow_channel_cannot_take_is_not_kept_in_memory(stage, network, monkeypatch, caplog):
    monkeypatch.setattr(irc, "EVERY", 1000.0)
    monkeypatch.setattr(irc, "MAX_WAITING", 3)
    with caplog.at_level(logging.INFO):
        for number in range(20):
            await say(stage, ALICE, OPS, f"line {number}")
        await until(lambda: "too much waits for it already" in caplog.text)


# ---- lines


def test_a_line_is_read():
    assert parsed(b":zoe!u@host PRIVMSG #ops :hello : there\r\n") == Line("zoe", "PRIVMSG", ["#ops", "hello : there"])
    assert parsed(b"@time=12 :irc.test ping x\n") == Line("irc.test", "PING", ["x"])
    assert parsed("caf\xe9 x :\xe9".encode("latin-1")) == Line("", "CAFÉ", ["x", "é"])


@given(st.binary(max_size=300))
def test_whatever_comes_is_some_line(raw):
    line = parsed(raw)
    assert printable(line.nick) == line.nick


@given(st.text(alphabet=st.characters(), max_size=3000))
def test_portions_fit_and_lose_nothing_but_control_characters(text):
    lines = portions(text)
    assert 0 < len(lines) <= MAX_LINES + 1
    assert all(len(line.encode()) <= MAX_TEXT and printable(line) == line for line in lines)
    if len(lines) <= MAX_LINES:
        kept = "".join(printable(line) for line in text.splitlines() if printable(line).strip())
        assert (
            "".join(lines).replace("?", "").split() == kept.encode(errors="replace").decode().replace("?", "").split()
        )


# ---- options


@pytest.mark.parametrize(
    ("given_options", "said"),
    [
        ({"channel": "ops"}, "channel is none that IRC knows"),
        ({"channel": "#a b"}, "channel is none that IRC knows"),
        ({"channel": "#a\r\nQUIT"}, "channel is none that IRC knows"),
        ({"nick": "1st"}, "nick is none that IRC knows"),
        ({"channel": "#a/b"}, "channel and server make no address"),
        ({"port": 0}, ">= 1"),
    ],
)
def test_options_that_make_no_sense(given_options, said):
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert({"server": "irc.example.org", "channel": "#ops", **given_options}, IrcBridge.Options)


def test_the_room_is_an_address():
    assert IrcBridge(IrcBridge.Options("irc.example.org", "##Python-Dev")).room == Identity(
        "python-dev", "irc.example.org"
    )
