"""The scanners that every SIP server on the internet meets: they must come away with nothing."""

from __future__ import annotations

import pytest

from .conftest import DOMAIN, Visitors
from .program import needs
from .test_sip_probes import run

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]
LEAVE = "--maximumtime=3"
"""Seconds without an answer after which the scanners give up."""


async def test_svmap_learns_that_something_is_there_and_not_what(visitors: Visitors) -> None:
    needs("svmap")
    port = visitors.server.ports["sip_udp"]
    _, said = await run("svmap", "-p", str(port), "127.0.0.1")
    assert f"127.0.0.1:{port}" in said, "it is answered, so that what follows is no test of silence"
    assert "unknown" in said and "hereabouts" not in said.lower()


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
@pytest.mark.parametrize("forced", [(), ("--force",)], ids=["careful", "forced"])
async def test_svwar_finds_no_account(visitors: Visitors, method: str, forced: tuple[str, ...]) -> None:
    needs("svwar")
    names = visitors.homes / "names.txt"
    names.write_text("100\nadmin\nalice\nbob\nnobody\n")
    port = str(visitors.server.ports["sip_udp"])
    command = ("svwar", *forced, LEAVE, "--domain", DOMAIN, "-d", str(names), "-m", method, "-p", port, "127.0.0.1")
    _, said = await run(*command)
    assert "found nothing" in said, said
    assert "reqauth" not in said and "noauth" not in said


async def test_svcrack_finds_no_password_and_the_owner_still_signs_in(visitors: Visitors) -> None:
    needs("svcrack")
    words = visitors.homes / "words.txt"
    words.write_text("alice\nsecret\n1234\npassword\nhereabouts\n")
    port = str(visitors.server.ports["sip_udp"])
    command = ("svcrack", LEAVE, "--domain", DOMAIN, "-u", "alice", "-d", str(words), "-p", port, "127.0.0.1")
    _, said = await run(*command)
    assert "found nothing" in said, said
    alice = await visitors.linphone("alice")
    await alice.wait("register", state="ok")
