"""Kamailio as the PBX of desk phones: what it tells of their calls, by its own documents, is what colleagues see."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ...core.presence import Activity, Availability
from ...plugins.sip.calls import desk_phone
from ...plugins.sip.calls.settings import TrunkOptions
from ...plugins.sip.plugin import SipOptions, SipTransport
from ..people import ALICE, BOB
from ..plugins.sip.calls.conftest import Exchange, Records
from ..plugins.sip.calls.pbx import Pbx
from ..ports import free_port
from ..stage import front_end_in
from .program import lacks, needs, until

CONFIGURATION = Path(__file__).with_name("kamailio_lines.cfg")
MODULES = [
    folder for folder in Path("/usr").glob("lib*/**/kamailio/modules") if (folder / "pua_dialoginfo.so").exists()
]
TABLES = Path("/usr/share/kamailio/dbtext/kamailio")


class Kamailio:
    """The PBX, with telephones behind it; it can fall over and come back."""

    def __init__(self, folder: Path, port: int, phones: Pbx, **more: str) -> None:
        self.port, self.phones = port, phones
        self._folder = folder
        text = CONFIGURATION.read_text()
        tables = folder / "tables"
        shutil.copytree(TABLES, tables, dirs_exist_ok=True)
        for name, value in {
            "PORT": str(port),
            "PHONES": str(phones.ports["tcp"]),
            "MODULES": f"{MODULES[0]}/",
            "TABLES": str(tables),
            **more,
        }.items():
            text = text.replace(name, value)
        (folder / "kamailio.cfg").write_text(text)
        self._log = folder / "kamailio.log"

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                shutil.which("kamailio") or "kamailio",
                *("-DD", "-E", "-m", "32", "-M", "4", "-Y", str(self._folder)),
                *("-f", str(self._folder / "kamailio.cfg")),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(400):
            try:
                (await asyncio.open_connection("127.0.0.1", self.port))[1].close()
            except OSError:
                assert self.process.returncode is None, self._log.read_text()
                await asyncio.sleep(0.05)
            else:
                return
        raise AssertionError(self._log.read_text())

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()

    async def fall_over(self) -> None:
        """All its processes at once, without a goodbye."""
        os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def call(self, number: str):
        """A desk phone calls another; how to hang up."""
        invite, answer, flow = await self.phones.call(self.port, f"sip:{number}@pbx.test")
        assert answer.status == 200, answer
        self.phones.ack(invite, answer, flow)
        return lambda: self.phones.ack(invite, answer, flow, "BYE")


@pytest.fixture(params=[("tcp", "MD5"), ("udp", "SHA-256")], ids="-".join)
async def joined(request, tmp_path, monkeypatch):
    """A front end that asks Kamailio about the line of Bob."""
    needs("kamailio")
    lacks([] if MODULES and TABLES.exists() else ["kamailio-presence-modules"])
    monkeypatch.setattr(desk_phone, "LOST_GRACE", 1.0)
    transport, algorithm = request.param
    async with Pbx().serving("tcp") as phones:
        kamailio = Kamailio(tmp_path, free_port(), phones, ALGORITHM=algorithm, TRANSPORT=transport, EXPIRES="3600")
        await kamailio.start()
        trunk = TrunkOptions(
            hops=[f"sip:127.0.0.1:{kamailio.port};transport={transport}"],
            username="hereabouts",
            password="s3cret",
            domain="pbx.test",
            ping=0,
            extensions={"4711": str(BOB), "4712": str(ALICE)},
        )
        sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, udp_port=0, trunks={"pbx": trunk}))
        try:
            async with front_end_in(tmp_path / "state"):
                pass  # the cast has accounts before the lines are looked for
            async with front_end_in(tmp_path / "state", sip, clock=lambda: datetime.now(UTC)) as front_end:
                yield Exchange(front_end, sip, Records()), kamailio, transport
        finally:
            await kamailio.stop()


def health(exchange):
    state = exchange.front_end.hooks.trunks(front_end=exchange.front_end)[0][0]
    return state.lines, state.lines_failing, state.why


def on_the_phone(exchange, who=BOB):
    shown = exchange.front_end.presence.of(who)
    return (shown.activity, shown.availability) == (Activity.IN_A_CALL, Availability.BUSY)


async def test_a_call_between_desk_phones_is_seen_and_its_end(joined):
    exchange, kamailio, _ = joined
    await until(lambda: health(exchange) == (2, 0, ""), "Kamailio to take the subscriptions and to notify")
    for _ in range(2):
        hang_up = await kamailio.call("4711")
        await until(lambda: on_the_phone(exchange), "Bob to be on the phone")
        assert not on_the_phone(exchange, ALICE)
        hang_up()
        await until(lambda: not on_the_phone(exchange), "Bob to be free")


async def test_two_calls_of_one_line_end_with_the_last(joined):
    exchange, kamailio, _ = joined
    await until(lambda: health(exchange) == (2, 0, ""), "Kamailio to take the subscriptions and to notify")
    first, second = await kamailio.call("4711"), await kamailio.call("4711")
    await until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    first()
    other = await kamailio.call("4712")
    await until(lambda: on_the_phone(exchange, ALICE), "Alice to be on the phone")
    assert on_the_phone(exchange)
    second()
    other()
    await until(lambda: not on_the_phone(exchange) and not on_the_phone(exchange, ALICE), "everybody to be free")


async def test_nothing_stays_coloured_when_kamailio_falls_over_and_all_comes_back(joined):
    exchange, kamailio, transport = joined
    await until(lambda: health(exchange) == (2, 0, ""), "Kamailio to take the subscriptions and to notify")
    await kamailio.call("4711")
    await until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    await kamailio.fall_over()
    telephony = exchange.sip.services.telephony
    if transport == "udp":  # nobody tells us; the first look whether it is there does
        telephony.trunks.noted(telephony.trunks.all["pbx"], 0, "does not answer")
    await until(lambda: not on_the_phone(exchange), "the claim to end", 60)
    assert health(exchange)[1], "the line is not to be had, and that is said"
    await kamailio.start()
    await until(lambda: health(exchange) == (2, 0, ""), "the lines to be watched again", 60)
    hang_up = await kamailio.call("4711")
    await until(lambda: on_the_phone(exchange), "Bob to be on the phone")
    hang_up()
    await until(lambda: not on_the_phone(exchange), "Bob to be free")
