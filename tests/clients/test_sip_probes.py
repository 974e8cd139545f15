"""sipsak and SIPp against the SIP server alone: does the layer below the front end speak with real programs?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ..plugins.sip.talker import GENEROUS, serving
from .program import needs

pytestmark = pytest.mark.client
CALLS = 300

SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="message">
 <send retrans="500"><![CDATA[
MESSAGE sip:bo@b.example SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:ada@a.example>;tag=[call_number]
To: <sip:bo@b.example>
Call-ID: [call_id]
CSeq: 1 MESSAGE
Max-Forwards: 70
Content-Type: text/plain
Content-Length: [len]

hello from SIPp
]]></send>
 <recv response="200"></recv>
</scenario>
"""


async def run(*command: str, cwd: Path | None = None) -> tuple[int, str]:
    """A program's exit status and everything it said."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    return process.returncode or 0, said.decode(errors="replace")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipsak_is_answered(transport):
    needs("sipsak")
    async with serving() as (user, ports):
        port = ports[transport]
        status, said = await run("sipsak", "-vv", "-E", transport, "-s", f"sip:bo@127.0.0.1:{port}")
        assert status == 0 and "200 OK" in said, said
        assert [request.method for request in user.requests] == ["OPTIONS"]


@pytest.mark.parametrize(("transport", "mode"), [("udp", "u1"), ("tcp", "t1"), ("tcp", "tn")])
async def test_sipp_sends_messages(transport, mode, tmp_path):
    needs("sipp")
    (tmp_path / "message.xml").write_text(SCENARIO)
    async with serving(replace(GENEROUS, open_per_address=CALLS + 1)) as (user, ports):
        status, said = await run(
            "sipp", "-sf", "message.xml", f"127.0.0.1:{ports[transport]}", "-i", "127.0.0.1", "-m", str(CALLS),
            "-r", "200", "-t", mode, "-max_socket", str(CALLS), "-nostdin",
            cwd=tmp_path,
        )  # fmt: skip
        assert status == 0, said[-2000:]
        assert len(user.requests) == CALLS
        assert {request.body.rstrip() for request in user.requests} == {b"hello from SIPp"}
