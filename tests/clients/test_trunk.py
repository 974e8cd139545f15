"""Kamailio as the PBX at the other end of a trunk: registering, a call out with a password, a call in."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from ...core.people import Person
from ...plugins.sip.calls.settings import CallOptions, CallRoute, NumberRule, TrunkOptions
from ...plugins.sip.plugin import SipOptions, SipTransport
from ..people import ALICE, BOB
from ..plugins.sip.calls.conftest import Exchange, Records
from ..plugins.sip.calls.handset import Line
from ..plugins.sip.calls.pbx import Pbx
from ..ports import free_port
from ..stage import front_end_in
from .program import needs, until

CONFIGURATION = Path(__file__).with_name("kamailio.cfg")
MODULES = [folder for folder in Path("/usr").glob("lib*/**/kamailio/modules") if (folder / "registrar.so").exists()]


class Kamailio:
    """The PBX, with telephones behind it."""

    def __init__(self, folder: Path, port: int, phones: Pbx, algorithm: str) -> None:
        self.port, self.phones = port, phones
        self._folder, self._algorithm = folder, algorithm

    async def start(self) -> None:
        text = CONFIGURATION.read_text()
        for name, value in (
            ("PORT", str(self.port)),
            ("PHONES", str(self.phones.ports["tcp"])),
            ("MODULES", f"{MODULES[0]}/"),
            ("ALGORITHM", self._algorithm),
        ):
            text = text.replace(name, value)
        (self._folder / "kamailio.cfg").write_text(text)
        self._log = (self._folder / "kamailio.log").open("wb")
        self.process = await asyncio.create_subprocess_exec(
            shutil.which("kamailio") or "kamailio",
            *("-DD", "-E", "-m", "32", "-M", "4", "-Y", str(self._folder), "-f", str(self._folder / "kamailio.cfg")),
            stdout=self._log,
            stderr=self._log,
        )
        for _ in range(400):
            try:
                (await asyncio.open_connection("127.0.0.1", self.port))[1].close()
            except OSError:
                assert self.process.returncode is None, (self._folder / "kamailio.log").read_text()
                await asyncio.sleep(0.05)
            else:
                return
        raise AssertionError((self._folder / "kamailio.log").read_text())

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()
        self._log.close()


@pytest.fixture(params=[("tcp", "MD5"), ("udp", "SHA-256")], ids="-".join)
async def joined(request, tmp_path):
    """A front end with Kamailio as its trunk."""
    needs("kamailio")
    transport, algorithm = request.param
    async with Pbx().serving("tcp") as phones:
        kamailio = Kamailio(tmp_path, free_port(), phones, algorithm)
        await kamailio.start()
        trunk = TrunkOptions(
            hops=[f"sip:127.0.0.1:{kamailio.port};transport={transport}"],
            username="hereabouts",
            password="s3cret",
            domain="pbx.test",
            register=True,
            register_for=60,
            sources=["127.0.0.1"],
            trusted=True,
            ping=1,
        )
        calls = CallOptions(
            outside_calls="people", rules=[NumberRule("0Z.", 1, "+49")], routes=[CallRoute(["+49*"], ["pbx"])]
        )
        sip = SipTransport(
            SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, udp_port=0, calls=calls, trunks={"pbx": trunk})
        )
        records = Records()
        try:
            async with front_end_in(tmp_path / "state", sip, records) as front_end:
                await front_end.store.put_person(BOB, Person(str(BOB), "Bob", phones=["4711"]))
                exchange = Exchange(front_end, sip, records)
                yield exchange, kamailio
                for phone in exchange.phones:
                    await phone.close()
        finally:
            await kamailio.stop()


def state(exchange):
    return exchange.front_end.hooks.trunks(front_end=exchange.front_end)[0][0]


async def test_kamailio_registers_us_and_is_seen_to_be_there(joined):
    exchange, _ = joined
    await until(lambda: state(exchange).registered.startswith("until"), "Kamailio to register us, for 120 seconds")
    await until(lambda: state(exchange).state == "up", "Kamailio to answer OPTIONS")


async def test_a_call_out_through_kamailio_with_a_password(joined):
    exchange, kamailio = joined
    alice = await exchange.phone(ALICE)
    invite = await alice.call("tel:030555")
    answer = await alice.final(invite)
    assert answer.status == 200, answer
    (arrived,) = kamailio.phones.asked("INVITE")
    assert arrived.uri == "sip:+4930555@pbx.test;user=phone" and not arrived.first("Proxy-Authorization")
    line = Line(alice, invite, answer, calling=True)
    line.send("ACK")
    await kamailio.phones.until(lambda: kamailio.phones.asked("ACK"), "the ACK")
    assert (await line.ask("BYE")).status == 200
    assert len(kamailio.phones.asked("BYE")) == 1
    record = await exchange.recorded()
    assert record.call is not None and record.call.outcome == "answered"


async def test_a_call_in_through_kamailio(joined):
    exchange, kamailio = joined
    bob = await exchange.phone(BOB)
    await until(lambda: state(exchange).registered.startswith("until"), "Kamailio to register us")
    calling = asyncio.ensure_future(kamailio.phones.call(kamailio.port, "sip:4711@pbx.test"))
    ringing = await bob.rung()
    assert str(ringing.to.uri) == "sip:4711@pbx.test"
    bob.answer(ringing, 200)
    invite, answer, flow = await calling
    assert answer.status == 200
    kamailio.phones.ack(invite, answer, flow)
    await exchange.until(lambda: bob.heard("ACK"), "the ACK")
    assert state(exchange).calls == 1
    kamailio.phones.ack(invite, answer, flow, "BYE")
    await exchange.until(lambda: bob.heard("BYE"), "the BYE")
    record = await exchange.recorded()
    assert record.call is not None and record.call.outcome == "answered"
