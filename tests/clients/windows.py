"""Clients with windows, on a screen that nobody sees: Gajim and Dino, with names and certificates of their own."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image

from .program import PATIENCE, until

BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
NOBODY = 65534
"""Gajim refuses to run for root."""

PRIVATE = textwrap.dedent("""\
    mount --bind "$1" /etc/hosts
    mount --bind "$2" {bundle}
    as=$3
    shift 3
    if [ "$as" = root ]; then exec dbus-run-session -- "$@"; fi
    exec setpriv --reuid="$as" --regid="$as" --clear-groups dbus-run-session -- "$@"
""").format(bundle=BUNDLE)
"""Run in a mount namespace: the program sees another hosts file and other authorities, the machine does not."""


class Screen:
    """A display of 1280 by 800, and a keyboard."""

    async def __aenter__(self) -> Screen:
        reading, writing = os.pipe()
        self._server = await asyncio.create_subprocess_exec(
            "Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24",
            pass_fds=(writing,), stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as said:
            self.name = f":{(await asyncio.to_thread(said.readline)).strip()}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.terminate()
        await self._server.wait()

    async def press(self, *argv: str) -> None:
        """What xdotool is to do: ``type hello``, ``key Return``, ``mousemove 10 10 click 1``."""
        await self._run("xdotool", *argv)

    async def write(self, text: str) -> None:
        """Type a line and send it."""
        await self.press("type", "--delay", "20", text)
        await self.press("key", "Return")

    async def picture(self, path: Path) -> Image.Image:
        """What there is to see, kept in a file."""
        await self._run("import", "-window", "root", str(path))
        return Image.open(path)

    async def _run(self, *argv: str) -> None:
        running = await asyncio.create_subprocess_exec(*argv, env={**os.environ, "DISPLAY": self.name})
        assert await running.wait() == 0, argv


class Window:
    """A program on a screen, for one account.  ``database`` is where it keeps what was said."""

    database = Path()
    words = ""
    """The question that gives all texts in its database, in order."""
    link = ""
    """The command that opens a conversation in the program that runs."""

    def __init__(self, screen: Screen, home: Path, address: str, password: str) -> None:
        self._screen, self._home = screen, home
        self.address, self._password = address, password
        self._running: asyncio.subprocess.Process | None = None
        home.mkdir(parents=True)

    async def start(self, hosts: Path, authorities: Path) -> None:
        """Make the account, and sign in."""
        self._places = (str(hosts), str(authorities))
        self._prepared()
        await self._arranged()
        await self.again()

    async def again(self) -> None:
        """Sign in with what is there."""
        self._running = await self._started("sh", "-c", f'echo "$DBUS_SESSION_BUS_ADDRESS" > bus; exec {self.link}')

    async def open(self, address: str) -> None:
        """Open the conversation with somebody."""
        bus = (self._home / "bus").read_text().strip()
        asking = await self._started("env", f"DBUS_SESSION_BUS_ADDRESS={bus}", self.link, f"xmpp:{address}?message")
        with suppress(TimeoutError):
            await asyncio.wait_for(asking.wait(), 10)
        await self._end(asking)

    async def close(self) -> None:
        """As if the machine were switched off."""
        if self._running is not None:
            await self._end(self._running)
            self._running = None

    def heard(self) -> list[str]:
        """Every text the program has kept."""
        path = self._home / self.database
        if not path.exists():
            return []
        with suppress(sqlite3.OperationalError):
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            try:
                return [text for (text,) in connection.execute(self.words)]
            finally:
                connection.close()
        return []

    async def hears(self, text: str, patience: float = PATIENCE) -> None:
        """Wait for a text, which came once."""
        await until(lambda: text in self.heard(), f"{self.address} to hear {text}", patience)
        assert self.heard().count(text) == 1, self.heard()

    # ---- inside

    def _prepared(self) -> None:
        (self._home / "run").mkdir(mode=0o700, exist_ok=True)
        for folder, _, files in os.walk(self._home):
            for path in (folder, *(os.path.join(folder, file) for file in files)):
                os.chown(path, self._user, self._user)

    @property
    def _user(self) -> int:
        return 0

    async def _arranged(self) -> None:
        """The account is made, without a person to fill in the form."""
        raise NotImplementedError

    async def _started(self, *argv: str) -> asyncio.subprocess.Process:
        home = str(self._home)
        log = (self._home / "log").open("ab")
        environment = {
            **os.environ, "DISPLAY": self._screen.name, "HOME": home, "LANG": "C.UTF-8", "NO_AT_BRIDGE": "1",
            "XDG_CONFIG_HOME": f"{home}/.config", "XDG_DATA_HOME": f"{home}/.local/share",
            "XDG_CACHE_HOME": f"{home}/.cache", "XDG_RUNTIME_DIR": f"{home}/run",
            "GDK_BACKEND": "x11", "LIBGL_ALWAYS_SOFTWARE": "1", "GSK_RENDERER": "cairo",
        }  # fmt: skip
        user = str(self._user) if self._user else "root"
        try:
            return await asyncio.create_subprocess_exec(
                "unshare", "--mount", "sh", "-ec", PRIVATE, "-", *self._places, user, *argv,
                cwd=home, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        finally:
            log.close()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        await process.wait()


class Dino(Window):
    """Dino; its account is a row of its database, which its first start makes."""

    database = Path(".local/share/dino/dino.db")
    words = "SELECT body FROM message WHERE body IS NOT NULL ORDER BY id"
    link = "dino-im"

    async def _arranged(self) -> None:
        first = await self._started("dino-im")
        await until(self._made, "Dino to make its database")
        await self._end(first)
        connection = sqlite3.connect(self._home / self.database)
        connection.execute(
            "INSERT INTO account"
            " (bare_jid, resourcepart, password, alias, enabled, roster_version, mam_earliest_synced)"
            " VALUES (?, 'dino', ?, '', 1, '', -1)",
            (self.address, self._password),
        )
        connection.commit()
        connection.close()

    def _made(self) -> bool:
        path = self._home / self.database
        if not path.exists():
            return False
        with suppress(sqlite3.OperationalError):
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            try:
                return bool(connection.execute("SELECT 1 FROM _meta").fetchall())
            finally:
                connection.close()
        return False


class Gajim(Window):
    """Gajim; its account is made with its own settings module, which only its own Python knows."""

    database = Path(".local/share/gajim/logs.db")
    words = "SELECT message FROM logs WHERE message IS NOT NULL AND kind IN (2, 4, 6) ORDER BY log_line_id"
    link = "gajim"
    account = textwrap.dedent("""\
        import sys
        import gi
        gi.require_version("Gdk", "3.0")
        gi.require_version("Gtk", "3.0")
        from gajim.common import configpaths
        configpaths.init()
        configpaths.create_paths()
        from gajim.common import app
        from gajim.common.settings import Settings
        address, password = sys.argv[1:]
        app.settings = settings = Settings()
        settings.init()
        settings.set_app_setting("use_keyring", False)
        settings.add_account(address)
        for name, value in {
            "name": address.partition("@")[0], "hostname": address.partition("@")[2], "savepass": True,
            "password": password, "autoconnect": True, "active": True, "resource": "gajim",
        }.items():
            settings.set_account_setting(address, name, value)
        settings.shutdown()
    """)

    @property
    def _user(self) -> int:
        return NOBODY

    async def _arranged(self) -> None:
        making = await self._started("/usr/bin/python3", "-c", self.account, self.address, self._password)
        assert await making.wait() == 0, (self._home / "log").read_text()


class Cable:
    """Port 5222 of an address that only this machine has, joined to the server: it can be cut."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self._port = address, port
        self._ends: set[asyncio.StreamWriter] = set()
        self.plugged = True

    async def __aenter__(self) -> Cable:
        self._listening = await asyncio.start_server(self._joined, self.address, 5222)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._listening.close()
        self.cut()

    def cut(self) -> None:
        """Both ends lose their connection, with no goodbye."""
        for end in self._ends:
            end.transport.abort()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.plugged:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends |= {writer, back}
        try:
            await asyncio.gather(_carried(reader, back), _carried(there, writer))
        finally:
            self._ends -= {writer, back}


async def _carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def missing(programs: Sequence[str]) -> list[str]:
    """Those of the programs that are not installed."""
    return [program for program in programs if shutil.which(program) is None]
