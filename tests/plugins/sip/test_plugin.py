"""The plugin as a whole: its options, its listeners over TLS and UDP, its start and its stop."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

import msgspec
import pytest

from ....core.errors import SettingsError
from ....plugins import sip
from ....plugins.sip.plugin import SipOptions, SipTransport
from ....plugins.sip.sign_in.digest import Algorithm, Credentials
from ....plugins.sip.syntax.grammar import Params
from ....plugins.sip.syntax.message import Request, Response, parse
from ...people import ALICE, Clock
from ...stage import PASSWORD, front_end_in
from .conftest import Exchange
from .phone import PATIENCE, written


def options(**given: object) -> SipOptions:
    ports = {"tls_port": None, "tcp_port": None, "udp_port": None}
    return SipOptions(**{"listen": "127.0.0.1", **ports, **given})  # type: ignore[arg-type]


def test_the_package_names_its_plugin() -> None:
    assert sip.plugin is SipTransport and SipTransport.Options is SipOptions and SipTransport.__doc__


def test_by_default_only_tls_is_on() -> None:
    default = msgspec.convert({}, SipOptions)
    assert (default.tls_port, default.tcp_port, default.udp_port) == (5061, None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tls_port": None},
        {"tcp_port": 70000},
        {"min_expires": 0},
        {"min_expires": 100, "max_expires": 50},
        {"prot": 5060},
    ],
)
def test_options_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises((msgspec.ValidationError, ValueError)):
        msgspec.convert({"tls_port": None, **wrong} if "tls_port" in wrong else wrong, SipOptions)


async def test_every_listener_is_opened_told_and_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plugin = SipTransport(options(tls_port=0, tcp_port=0, udp_port=0, public_host="sip.example.test"))
    with caplog.at_level(logging.WARNING):
        async with front_end_in(tmp_path, plugin) as front_end:
            assert "without encryption" not in caplog.text, "nobody else can listen on this machine's own address"
            assert set(plugin.ports) == {"tls", "tcp", "udp"}
            lines = dict(plugin.addresses(front_end))
            assert lines["SIP over TLS"] == f"sip:sip.example.test:{plugin.ports['tls']};transport=tls"
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", plugin.ports["tcp"])


async def test_serving_without_encryption_to_others_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = SipTransport(options(listen="0.0.0.0", tcp_port=0))
    with caplog.at_level(logging.WARNING):
        async with front_end_in(tmp_path, plugin):
            pass
    assert "without encryption" in caplog.text


async def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    plugin = SipTransport(options(tcp_port=port))
    with pytest.raises(SettingsError, match=rf"\[sip\] tcp_port {port} cannot be opened"):
        async with front_end_in(tmp_path, plugin):
            pass
    taken.close()


async def test_tls_shows_the_front_ends_certificate(tmp_path: Path) -> None:
    plugin = SipTransport(options(tls_port=0))
    async with front_end_in(tmp_path, plugin):
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", plugin.ports["tls"], ssl=context, server_hostname="example.test"
        )
        writer.write(bytes(hello("TLS")))
        answer = parse(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE))
        assert isinstance(answer, Response) and answer.status == 200
        writer.close()


async def test_even_a_question_about_what_we_can_do_is_refused_what_it_needs(tmp_path: Path) -> None:
    plugin = SipTransport(options(tcp_port=0))
    async with front_end_in(tmp_path, plugin):
        reader, writer = await asyncio.open_connection("127.0.0.1", plugin.ports["tcp"])
        question = hello("TCP")
        question.add("Require", "nothingSupportsThis")
        writer.write(bytes(question))
        answer = parse(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE))
        assert isinstance(answer, Response)
        assert (answer.status, answer.all("Unsupported")) == (420, ["nothingSupportsThis"])
        writer.close()


def hello(transport: str) -> Request:
    return Request(
        "OPTIONS",
        "sip:example.test",
        [
            ("Via", f"SIP/2.0/{transport} 127.0.0.1:5999;branch=z9hG4bKx;rport"),
            ("From", "<sip:alice@example.test>;tag=a"),
            ("To", "<sip:example.test>"),
            ("Call-ID", "c"),
            ("CSeq", "1 OPTIONS"),
            ("Max-Forwards", "70"),
        ],
    )


class Datagrams(asyncio.DatagramProtocol):
    """What came back."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.received.put_nowait(data)


async def test_signing_in_over_udp_with_a_challenge_no_longer_than_the_request(tmp_path: Path) -> None:
    plugin = SipTransport(options(udp_port=0))
    async with front_end_in(tmp_path, plugin, clock=Clock()) as front_end:
        transport, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(
            Datagrams, remote_addr=("127.0.0.1", plugin.ports["udp"])
        )
        register = hello("UDP")
        register.method = "REGISTER"
        register.set("CSeq", "1 REGISTER")
        register.set("To", f"<sip:{ALICE}>")
        instance = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
        register.set("Contact", f'<sip:alice@192.0.2.1>;+sip.instance="<{instance}>"')
        register.set("User-Agent", "a phone that works over UDP")
        transport.sendto(bytes(register))
        data = await asyncio.wait_for(datagrams.received.get(), PATIENCE)
        challenge = parse(data)
        assert isinstance(challenge, Response) and challenge.status == 401 and len(data) <= len(bytes(register))
        assert len(challenge.all("WWW-Authenticate")) == 1, "two would not have fitted"
        register.set("Authorization", answered(challenge))
        register.set("CSeq", "2 REGISTER")
        register.set("Via", "SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bKy;rport")
        transport.sendto(bytes(register))
        answer = parse(await asyncio.wait_for(datagrams.received.get(), PATIENCE))
        assert isinstance(answer, Response) and answer.status == 200
        assert [binding.endpoint.instance for binding in front_end.registrar.of(ALICE)] == [instance]
        transport.close()


def answered(challenge: Response) -> str:
    asked = Params.parse(challenge.all("WWW-Authenticate")[0].partition(" ")[2], ",")
    algorithm = Algorithm(asked["algorithm"])
    credentials = Credentials(
        "alice", asked["realm"], asked["nonce"], "sip:example.test", "", algorithm, "auth", "c0ffee", "00000001"
    )
    ha1 = algorithm.of(f"alice:{asked['realm']}:{PASSWORD}")
    return written(credentials._replace(response=credentials.expected(algorithm, ha1, "REGISTER")))


async def test_without_md5_only_the_strong_algorithm_is_offered(tmp_path: Path) -> None:
    plugin = SipTransport(options(tcp_port=0))
    async with front_end_in(tmp_path, plugin, clock=Clock(), digest_md5=False) as front_end:
        phone = await Exchange(front_end, plugin, Clock()).phone(ALICE, registered=False, agent="baresip")
        request = phone.request("REGISTER", "sip:example.test", to=phone.uri)
        offered = [(await phone.exchange(request)).all("WWW-Authenticate") for request in (request, again(request))]
        assert [len(o) for o in offered] == [1, 1] and all("SHA-256" in o[0] for o in offered)
        assert (await phone.register()).status == 200
        await phone.close()


def again(request: Request) -> Request:
    repeated = Request(request.method, request.uri, request.headers())
    repeated.set("Via", "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKagain")
    repeated.set("CSeq", "77 REGISTER")
    return repeated


async def test_at_the_end_everybody_is_signed_out_and_no_task_is_left(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE)
    registrar = exchange.front_end.registrar
    assert registrar.of(ALICE)
    await exchange.front_end.__aexit__()
    assert not registrar.of(ALICE)
    await asyncio.sleep(0)
    assert not exchange.sip._tasks and exchange.sip.services and not exchange.sip.services.dispatch._lanes
    await phone.close()
