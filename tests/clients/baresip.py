"""baresip without sound: configured by files, commanded over its ctrl_tcp socket (netstrings of JSON)."""

from __future__ import annotations

import asyncio
import json
import math
import struct
import wave
from pathlib import Path

from .program import until

MODULES = "/usr/lib/baresip/modules"


class Baresip:
    """One baresip; ``screen`` is everything it has printed, which is where it shows messages."""

    def __init__(
        self, home: Path, user: str, password: str, server: str, transport: str, ca: str, port: int, more: str = ""
    ) -> None:
        """``more`` is further parameters of the account."""
        self.home, self.port, self.log = home, port, home / "screen.log"
        lamp = ("mwi",) if ";mwi=yes" in more else ()
        home.mkdir(parents=True)
        _tone(home / "tone.wav")
        (home / "config").write_text(
            "\n".join(
                [
                    "sip_listen 127.0.0.1:0",
                    f"sip_cafile {ca}",
                    "net_interface 127.0.0.1",
                    f"audio_source aufile,{home}/tone.wav",
                    f"audio_player aufile,{home}/out.wav",
                    f"module_path {MODULES}",
                    *(f"module {name}.so" for name in ("g711", "aufile", "uuid", "stdio")),
                    "module_tmp account.so",
                    *(f"module_app {name}.so" for name in ("contact", "menu", "presence", "ctrl_tcp", *lamp)),
                    f"ctrl_tcp_listen 127.0.0.1:{port}",
                    "",
                ]
            )
        )
        account = f"<sip:{user};transport={transport}>;auth_user={user.partition('@')[0]};auth_pass={password}"
        (home / "accounts").write_text(
            f'{account};outbound="sip:{server};transport={transport}";regint=600;pubint=600{more}\n'
        )
        (home / "contacts").write_text("")

    def befriend(self, *people: str) -> None:
        """Before start: whom to watch and write to; messages go to the first."""
        lines = [f'"{p.partition("@")[0]}" <sip:{p}>;presence=p2p\n' for p in people]
        (self.home / "contacts").write_text("".join(lines))

    async def start(self) -> None:
        screen = self.log.open("wb")
        self.process = await asyncio.create_subprocess_exec(
            "baresip", "-f", str(self.home), "-s", "-v", stdin=asyncio.subprocess.PIPE, stdout=screen, stderr=screen
        )
        await until(lambda: "ctrl_tcp" in self.screen, "baresip to start")
        async with asyncio.timeout(40):
            while not await self._commanded():
                await asyncio.sleep(0.1)

    async def _commanded(self) -> bool:
        try:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        except ConnectionRefusedError:
            return False
        return True

    @property
    def screen(self) -> str:
        return self.log.read_text(errors="replace")

    async def shows(self, text: str) -> None:
        try:
            await until(lambda: text in self.screen, f"baresip to show {text!r}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.screen[-3000:]}") from None

    async def do(self, command: str, parameters: str = "") -> str:
        """Command it, and return the answer's text."""
        request = json.dumps({"command": command, "params": parameters, "token": command}).encode()
        self.writer.write(b"%d:%s," % (len(request), request))
        while True:
            length = int((await self.reader.readuntil(b":"))[:-1])
            answer = json.loads((await self.reader.readexactly(length + 1))[:-1])
            if answer.get("response"):
                return str(answer.get("data") or "")

    async def sees(self, word: str) -> None:
        """Wait until the contact list says this word of somebody: Online, Busy, Offline."""
        async with asyncio.timeout(40):
            while word not in await self.do("contacts"):
                await asyncio.sleep(0.2)

    def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except TimeoutError:
                self.process.kill()
        await self.process.wait()


def _tone(path: Path) -> None:
    """baresip wants a sound to play, and hangs up where it ends: five minutes of a quiet tone at 8 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(struct.pack("<h", int(900 * math.sin(n / 3))) for n in range(8000)) * 300)
