"""A run of the suite: a front end with three people, and the suite's program against it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from . import suite
from .results import Result, read

ROOT = Path(__file__).parents[2]
ADDRESS = "127.0.0.33"
"""Smack goes to port 5222 and nowhere else: an address of this machine on which nobody has taken it."""
DOMAIN = "example.test"
ADMINISTRATOR = "admin"
"""Makes an account for each client of the suite, and removes it afterwards (XEP-0133)."""
PASSWORD = "a password of the suite"
WEBSOCKETS = ("modular-websocket-okhttp", "modular-websocket-java11")
"""Connections that find their server by the domain's DNS and web server (XEP-0156): an example domain has none."""
STORE_PASSWORD = "changeit"
"""Java reads no store without one; there is no secret in it."""
MAX_AGAIN = 100
"""Cases that get a second chance; where more fail it is not for a race."""
PATIENCE = 60.0
"""Seconds the server may take to begin or to stop."""
NONE_OF_IT = "No integration tests selected"
"""What the suite says of a round for which it has no cases, as Smack's own have none of RFC 6121."""
REPLY_TIME = 10_000
"""Milliseconds the suite waits for what does not come."""
CONFIGURATION = """\
[front_end]
domains = ["{domain}"]

[admin]

[xmpp]
listen = "{address}"
# One client that is tested signs in a hundred times a minute, and sends as fast as it can.
new_per_second = 1000
open_per_address = 1000
stanzas_per_second = 1000
bytes_per_minute = 1000000000
admins = ["{administrator}@{domain}"]

[xmpp.web]
port = 0

[xmpp.services.stun]
type = "stun"
host = "stun.{domain}"
username = "everybody"
password = "no secret"
"""


@contextmanager
def server(state: Path, address: str = ADDRESS) -> Iterator[None]:
    """A front end with an administrator, on port 5222 of the address."""
    configuration = state / "plugins.toml"
    configuration.write_text(CONFIGURATION.format(domain=DOMAIN, address=address, administrator=ADMINISTRATOR))
    person = f"{ADMINISTRATOR}@{DOMAIN}"
    _hereabouts("user", "add", person, "--password-stdin", "-c", str(configuration), said=PASSWORD)
    ready = state / "var" / "ready.json"
    with (state / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", ROOT.name, "run", "-c", str(configuration)],
            cwd=ROOT.parent, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait(process, ready, state / "server.log")
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


class Wish(NamedTuple):
    """What of the suite to run; everything without."""

    classes: tuple[str, ...] = ()
    specifications: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    """Specifications that are left out."""


CORE = ("RFC6120", "RFC6121")
ADMINISTRATION = ("XEP-0133",)
ROUNDS = (Wish(specifications=CORE), Wish(but=CORE + ADMINISTRATION), Wish(specifications=ADMINISTRATION))
"""Each round has accounts of its own: some cases leave subscriptions behind that the core's cases do not expect."""


class Suite:
    """The suite in a folder that keeps the server's state, the logs and the reports.  Raises suite.Unavailable."""

    def __init__(self, folder: Path, cases: Path | None, address: str = ADDRESS, *, traffic: bool = False) -> None:
        self._folder = folder
        self._path = suite.classpath(cases)
        self._address = address
        self._traffic = traffic

    def run(self, *wishes: Wish) -> tuple[list[Result], set[str]]:
        """What became of each case, and which passed only when they ran again, by themselves: the suite has races."""
        with server(self._folder, self._address):
            found = [result for wish in wishes or ROUNDS for result in self._round(wish)]
            failed = sorted({r.name_alone for r in found if r.outcome == "failed" and r.name != "*"})
            again = self._round(Wish(tuple(failed))) if 0 < len(failed) <= MAX_AGAIN else []
        better = {r.case: r for r in again if r.outcome == "passed"}
        helped = {r.case for r in found if r.outcome == "failed" and r.case in better}
        return [better[r.case] if r.case in helped else r for r in found], helped

    def _round(self, wish: Wish) -> list[Result]:
        report = self._folder / "report.tsv"
        with (self._folder / "suite.log").open("ab") as log:
            argv = ["java", "-cp", self._path, f"-Dreport={report}", *self._properties(wish), "Run"]
            for _ in range(2):  # it ends when a connection is not made in time, once on a machine that is busy
                began = log.tell()
                report.unlink(missing_ok=True)
                done = subprocess.run(argv, cwd=self._folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
                if not done.returncode:
                    return read(report)
                said = (self._folder / "suite.log").read_bytes()[began:].decode(errors="replace")
                if NONE_OF_IT in said:
                    return []
        raise suite.Unavailable(f"the suite ended early:\n{said[-3000:]}")

    def _properties(self, wish: Wish) -> Iterator[str]:
        yield f"-Djavax.net.ssl.trustStore={_trusted(self._folder)}"
        yield f"-Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}"
        hosts = self._folder / "hosts"
        hosts.write_text(f"{self._address} {DOMAIN}\n127.0.0.1 localhost\n")
        yield f"-Djdk.net.hosts.file={hosts}"
        settings = {
            "service": DOMAIN,
            "host": self._address,
            "securityMode": "required",
            "replyTimeout": str(REPLY_TIME),
            "adminAccountUsername": ADMINISTRATOR,
            "adminAccountPassword": PASSWORD,
            "disabledConnections": ",".join(WEBSOCKETS),
            "dnsResolver": "javax",
            "enabledTests": ",".join(wish.classes),
            "enabledSpecifications": ",".join(wish.specifications),
            "disabledSpecifications": ",".join(wish.but),
        }
        if self._traffic:
            settings["debugger"] = "org.igniterealtime.smack.inttest.util.FileLoggerFactory"
            yield f"-DlogDir={self._folder / 'traffic'}"
        for name, value in settings.items():
            if value:
                yield f"-Dsinttest.{name}={value}"


def _trusted(folder: Path) -> Path:
    """A store with the authority that signed the server's certificate, for Java."""
    store = folder / "trusted.p12"
    store.unlink(missing_ok=True)
    subprocess.run(
        ["keytool", "-importcert", "-noprompt", "-alias", "ours", "-file", str(folder / "var" / "ca.crt"),
         "-keystore", str(store), "-storetype", "PKCS12", "-storepass", STORE_PASSWORD],
        check=True, capture_output=True,
    )  # fmt: skip
    return store


def _hereabouts(*argv: str, said: str = "") -> None:
    subprocess.run([sys.executable, "-m", ROOT.name, *argv], cwd=ROOT.parent, input=said, text=True, check=True,
                   capture_output=True, env={**os.environ, "NO_COLOR": "1"})  # fmt: skip


def _wait(process: subprocess.Popen[bytes], ready: Path, log: Path) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if process.poll() is not None:
            break
        with suppress(OSError, ValueError):
            json.loads(ready.read_text())
            return
        time.sleep(0.05)
    raise suite.Unavailable(f"the server did not begin:\n{log.read_text(errors='replace')[-3000:]}")
