"""SIP and XMPP clients for browsers, under node: where they are, and how one is started."""

from __future__ import annotations

import fcntl
import json
import subprocess
from functools import cache
from pathlib import Path

from .program import Program, needs

JS = Path(__file__).with_name("js")
PACKAGES = tuple(json.loads((JS / "package.json").read_text())["dependencies"])


@cache
def install() -> None:
    """Bring the packages of js/package.json, where they are not there yet."""
    needs("node", "npm")
    with open(JS / "package.json", "rb") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not all((JS / "node_modules" / name).is_dir() for name in PACKAGES):
            subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund"], cwd=JS, check=True, timeout=180, capture_output=True
            )


async def phone(
    kind: str, url: str, user: str, domain: str, password: str, *, origin: str = "", ca: str = ""
) -> Program:
    """JsSIP or SIP.js, started; or the driver of that name for XMPP: strophe, stanzajs, xmppjs."""
    install()
    client = Program(f"{kind} {user}")
    env = {"NODE_EXTRA_CA_CERTS": ca} if ca else None
    await client.start("node", str(JS / f"{kind}.mjs"), url, user, domain, password, origin, env=env)
    return client


def for_browsers() -> str:
    """JsSIP as one script, which defines the name JsSIP."""
    install()
    library = JS / "node_modules" / "jssip" / "lib" / "JsSIP.js"
    bundling = [str(JS / "node_modules" / ".bin" / "esbuild"), str(library), "--bundle", "--format=iife"]
    return subprocess.run(
        [*bundling, "--global-name=JsSIP"], check=True, timeout=60, capture_output=True, text=True
    ).stdout
