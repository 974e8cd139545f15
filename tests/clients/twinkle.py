"""twinkle-console without a sound card: configured by two files, commanded by lines on its standard input."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from ..ports import free_port
from .program import until


class Twinkle:
    """One twinkle; ``screen`` is everything it has printed, ``log`` every SIP message it has sent and received."""

    def __init__(self, home: Path, user: str, password: str, server: str, transport: str) -> None:
        name, _, domain = user.partition("@")
        self._home = home
        settings = home / ".twinkle"
        settings.mkdir(parents=True)
        # COMPAT: its own host in Contact is what it finds for the machine's name, unless it is told
        profile = {
            "user_name": name, "user_domain": domain, "auth_name": name, "auth_realm": domain, "auth_pass": password,
            "outbound_proxy": server, "all_requests_to_proxy": "yes", "registrar": server, "register_at_startup": "yes",
            "registration_time": "600", "sip_transport": transport, "pres_publish_startup": "no",
            "pres_publication_time": "600", "im_send_iscomposing": "no", "nat_public_ip": "127.0.0.1",
        }  # fmt: skip
        system = {
            "validate_audio_dev": "no", "sip_port": str(free_port()), "rtp_port": str(free_port()),
            "log_show_sip": "yes",
        }  # fmt: skip
        for file, lines in (("phone.cfg", profile), ("twinkle.sys", system)):
            (settings / file).write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        self._screen = home / "screen.log"

    async def start(self) -> None:
        """Start, and wait until it is registered."""
        with self._screen.open("wb") as screen:
            self.process = await asyncio.create_subprocess_exec(
                "twinkle-console", "phone.cfg",
                stdin=asyncio.subprocess.PIPE, stdout=screen, stderr=screen,
                env={**os.environ, "HOME": str(self._home)},
            )  # fmt: skip
        await self.shows("registration succeeded")

    @property
    def screen(self) -> str:
        return self._screen.read_text(errors="replace")

    @property
    def log(self) -> str:
        return (self._home / ".twinkle" / "twinkle.log").read_text(errors="replace")

    async def shows(self, text: str) -> None:
        try:
            await until(lambda: text in self.screen, f"twinkle to show {text!r}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.screen[-3000:]}") from None

    def do(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command.encode() + b"\n")

    def say(self, to: str, text: str) -> None:
        """Its command line takes a message of one word; longer ones it reads from a file."""
        letter = self._home / "letter.txt"
        letter.write_text(text)
        self.do(f"message -f {letter} {to}")

    async def close(self) -> None:
        if self.process.returncode is None:
            try:
                self.do("quit")
                await asyncio.wait_for(self.process.wait(), 10)
            except (TimeoutError, ConnectionError):
                self.process.kill()
        await self.process.wait()
