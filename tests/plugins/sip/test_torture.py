"""Published torture messages (RFC 4475, RFC 5118) against the whole plugin, over UDP and TCP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ....core.front_end import FrontEnd
from ....core.identity import Identity
from ....plugins.sip.plugin import SipOptions, SipTransport
from ....plugins.sip.sign_in.digest import Algorithm, Credentials
from ....plugins.sip.syntax.grammar import Params
from ....plugins.sip.syntax.message import Request, Response, parse
from ...stage import PASSWORD, enrol, front_end_in
from .phone import written
from .talker import Datagrams, Talker
from .wire import SHARED

TORTURE = SHARED / "torture"
DOMAINS = ["example.com", "example.org", "example.net", "company.com", "chair-dnrc.example.com"]


class Otherwise(NamedTuple):
    """What we answer where the published verdict is another, or names no status: over UDP, over TCP, and why."""

    udp: frozenset[str]
    tcp: frozenset[str]
    why: str


def otherwise(udp: str, tcp: str, why: str) -> Otherwise:
    return Otherwise(frozenset(udp.split()), frozenset(tcp.split()), why)


SIGN = "nobody does anything here before they have proved who they are (RFC 3261 section 22)"
UDP_SIGN = (
    SIGN + "; the challenge is longer than the request, and an address that nobody proved gets no more than it sent"
)
INVITES = "nobody calls without an account; 405 where calls are not served (RFC 3261 section 21.4.6)"
STRANGERS = "403 401 404 405"

DIFFERENT = {
    "cparam01": otherwise("silence", "401", UDP_SIGN),
    "cparam02": otherwise("silence", "401", UDP_SIGN),
    "regescrt": otherwise("silence", "401", UDP_SIGN),
    "regaut01": otherwise("silence", "401", UDP_SIGN),
    "dblreq": otherwise(
        "401",
        STRANGERS + " silence",
        SIGN + "; on a stream the second request counts, and what stands behind it ends the stream at once",
    ),
    "ipv4-mapped-ipv6": otherwise(
        STRANGERS,
        STRANGERS + " silence",
        INVITES + "; its body is longer than it says, and on a stream the rest of it ends the connection at once",
    ),
    "escnull": otherwise("404", "404", "no account has a control character in its name (RFC 8265 section 3.3)"),
    "unksm2": otherwise("404", "404", "no address-of-record of the domain (RFC 3261 section 10.3, item 5)"),
    "invut": otherwise(STRANGERS, STRANGERS, INVITES),
    "sdp01": otherwise(STRANGERS, STRANGERS, INVITES),
    "inv2543": otherwise(STRANGERS, "400", INVITES + "; streams need Content-Length (RFC 3261 section 20.14)"),
    "clerr": otherwise("400", "413", "on a stream: the body that is announced is longer than a stranger may send"),
    "mpart01": otherwise("401", "401", SIGN),
    "wsinv": otherwise("481", "481", "its To has a tag: inside a dialog that is none (RFC 3261 section 12.2.2)"),
    "mult-ip-in-header": otherwise("481", "481", "BYE outside of a dialog (RFC 3261 section 15.1.2)"),
    "via-received-param-with-delim": otherwise("481", "481", "BYE outside of a dialog (RFC 3261 section 15.1.2)"),
}
"""Each of them is an answer that RFC 3261 has for it, from a server that asks everybody for credentials."""


def messages() -> list[tuple[str, dict[str, object]]]:
    if not (TORTURE / "index.json").exists():
        return []
    index = json.loads((TORTURE / "index.json").read_text())
    return [(name, entry) for rfc in ("rfc4475", "rfc5118") for name, entry in index[rfc].items()]


def on_the_wire(entry: dict[str, object]) -> bytes:
    data = (TORTURE / str(entry["file"])).read_bytes()
    if entry.get("needs_final_crlf"):
        data = data.rstrip(b"\r\n") + b"\r\n\r\n"
    if entry.get("fix_content_length"):
        head, _, body = data.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length", b"l:"))]
        data = b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body
    return data


def probe(transport: str) -> bytes:
    """A request that is answered behind everything that came before it, and looks like nothing else here."""
    return (
        f"MESSAGE sip:probe@example.com SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bKprobe;rport\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:probe@example.com>;tag=probe\r\nTo: <sip:probe@example.com>\r\n"
        "Call-ID: probe\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\n"
        # an address that nobody proved is answered with no more bytes than it sent
        f"X-Padding: {'x' * 800}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def answers_over_udp(port: int, data: bytes) -> list[str]:
    talker = await Datagrams.connect(port)
    try:
        talker.send(data)
        talker.send(probe("UDP"))
        return await _until_the_probe(talker.hear)
    finally:
        talker.close()


async def answers_over_tcp(port: int, data: bytes) -> list[str]:
    talker = await Talker.connect(port)
    try:
        talker.send(data + probe("TCP"))
        return await _until_the_probe(talker.hear)
    finally:
        talker.close()


async def _until_the_probe(hear: object) -> list[str]:
    found: list[str] = []
    while True:
        try:
            heard = await hear()  # type: ignore[operator]
        except (EOFError, ConnectionError):
            return found
        assert isinstance(heard, Response)
        if heard.first("Call-ID") == "probe":
            assert heard.status == 401
            return found
        found.append(str(heard.status))


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[FrontEnd, SipTransport]]:
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, udp_port=0))
    async with front_end_in(tmp_path, sip, domains=DOMAINS) as front_end:
        yield front_end, sip


pytestmark = pytest.mark.skipif(not TORTURE.exists(), reason="the torture messages are not here")
ALL = pytest.mark.parametrize(("name", "entry"), messages(), ids=lambda value: value if isinstance(value, str) else "")


@ALL
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_whole_server_gives_the_published_verdict(
    served: tuple[FrontEnd, SipTransport],
    transport: str,
    name: str,
    entry: dict[str, object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, sip = served
    ask = answers_over_udp if transport == "udp" else answers_over_tcp
    found = await ask(sip.ports[transport], on_the_wire(entry))
    first = found[0] if found else "silence"
    assert len(found) <= (2 if name == "dblreq" else 1)
    if name in DIFFERENT:
        assert first in (DIFFERENT[name].udp if transport == "udp" else DIFFERENT[name].tcp)
    elif entry["verdict"] == "discard" or entry["kind"] == "response":
        assert first == "silence"
    elif entry.get("status"):
        assert first in {str(status) for status in entry["status"]}  # type: ignore[attr-defined]
    elif first == "silence":  # a REGISTER or an OPTIONS whose answer is longer than itself
        assert transport == "udp" and str(entry["start_line"]).startswith("REGISTER")
    else:  # taken for what it is: answered, or its sender is asked to sign or told that this is not for strangers
        assert first == "200" or (first in STRANGERS and not str(entry["start_line"]).startswith("OPTIONS"))
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert await answers_over_tcp(sip.ports["tcp"], b"") == [], "and serves the next one"


@pytest.mark.parametrize("name", ["cparam01", "cparam02", "regescrt", "dblreq"])
async def test_registrations_that_are_odd_but_valid_are_taken_when_they_are_signed(
    served: tuple[FrontEnd, SipTransport], name: str
) -> None:
    front_end, sip = served
    entry = dict(messages())[name]
    data = on_the_wire(entry)
    if name == "dblreq":
        data = data[: data.index(b"\r\n\r\n") + 4]
    request = parse(data)
    assert isinstance(request, Request)
    who = Identity(request.to.uri.user, request.to.uri.host)
    await enrol(front_end, who, "Watson")
    talker = await Talker.connect(sip.ports["tcp"])
    challenge = await talker.ask(data)
    assert challenge.status == 401
    lines = data.replace(b"\r\n", b"\r\nAuthorization: " + _signed(who, request, challenge) + b"\r\n", 1)
    answer = await talker.ask(lines.replace(request.via[0].branch.encode(), b"z9hG4bKagain"))
    assert answer.status == 200
    contacts = answer.all("Contact")
    if request.contacts:
        assert len(contacts) == 1 and front_end.registrar.of(who)
    if name == "cparam02":
        assert "unknownparam" in contacts[0], "what it does not know, it gives back"
    talker.close()
    async with asyncio.timeout(10):
        while front_end.registrar.of(who):
            await asyncio.sleep(0.005)


def _signed(who: Identity, request: Request, challenge: Response) -> bytes:
    asked = Params.parse(challenge.all("WWW-Authenticate")[0].partition(" ")[2], ",")
    algorithm = Algorithm(asked["algorithm"])
    credentials = Credentials(
        who.user, asked["realm"], asked["nonce"], request.uri, "", algorithm.value, "auth", "c0ffee", "00000001"
    )
    ha1 = algorithm.of(f"{who.user}:{asked['realm']}:{PASSWORD}")
    return written(credentials._replace(response=credentials.expected(algorithm, ha1, request.method))).encode()


def test_every_different_answer_is_one_we_give_a_reason_for() -> None:
    names = {name for name, _ in messages()}
    assert set(DIFFERENT) <= names
    assert all(re.search(r"[a-z]{4}", answer.why) for answer in DIFFERENT.values())
