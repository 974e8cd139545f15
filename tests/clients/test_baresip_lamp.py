"""baresip's lamp for waiting messages: on while one lies here that it cannot be sent, off when somebody has read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ...plugins.sip.plugin import SipOptions, SipTransport
from ..people import ALICE, BOB, at
from ..ports import free_port
from ..stage import front_end_in, say, sit
from .baresip import Baresip
from .program import needs, until

pytestmark = [pytest.mark.client, pytest.mark.timeout(120)]


async def test_a_lamp_goes_on_and_off(tmp_path: Path) -> None:
    """A message that is too long for UDP waits until its person signs in by another way."""
    needs("baresip")
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, udp_port=0))
    async with front_end_in(tmp_path / "state", sip) as front_end:
        await front_end.accounts.set_password(ALICE, "secret")  # baresip takes none with a blank
        server = f"127.0.0.1:{sip.ports['udp']}"
        phone = Baresip(tmp_path / "baresip", str(ALICE), "secret", server, "udp", "", free_port(), ";mwi=yes")
        await phone.start()
        try:
            await phone.shows("Messages-Waiting: no")
            await say(front_end, BOB, ALICE, "long" * 500)
            await phone.shows("Messages-Waiting: yes")
            await phone.shows("Text-Message: 1/0 (0/0)")
            before = phone.screen.count("Messages-Waiting: no")
            sit(front_end, ALICE)
            await front_end.fan_out.catch_up(at(ALICE))
            await until(lambda: phone.screen.count("Messages-Waiting: no") > before, "the lamp to go off")
        finally:
            await phone.close()
