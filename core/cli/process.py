"""The process that runs a front end: signals, readiness, reload, and one sentence when it cannot start."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from ..durable_file import write_whole
from ..errors import HereaboutsError, SettingsError
from ..front_end import FrontEnd
from ..logs import begin_logging
from ..operator import Reloaded
from ..plugin_host import Enabled, Loaded, examined, load
from ..settings import FrontEndSettings, Settings

log = logging.getLogger(__name__)

READY = "ready.json"
"""The file in the state folder that is there while the server is ready."""
AT_ONCE = ("log", "log_level")
"""Settings of the front end that a reload changes; the others wait for a restart."""


class Process:
    """Runs one front end until it is told to stop.  It is the front end's operator."""

    def __init__(self, settings: Callable[[], Settings], state: Path) -> None:
        self._read = settings
        began = settings()
        self._loaded: Loaded = load(began)
        self._options = {one.name: one.options for one in examined(began)}
        self._applied = began.front_end
        self._state = state
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self.front_end = FrontEnd(began.front_end, self._loaded.hooks, self._loaded.plugins, state)
        self.front_end.operator = self

    async def serve(self, ready: Callable[[FrontEnd], Awaitable[dict[str, Any]]]) -> None:
        """Start, tell ``ready``, serve until told to stop, stop.  Raises what kept it from starting.

        What ``ready`` returns goes into the file that says so.
        """
        _forget_crashed(self._state / READY)
        self._listen_to_signals()
        certificate = self.front_end.tls
        async with self.front_end:
            watching = asyncio.create_task(certificate.keep_watch())
            try:
                facts = readiness(self.front_end) | await ready(self.front_end)
                _spare_the_collector()
                write_whole(self._state / READY, msgspec.json.encode(facts), 0o600)
                await self._stopping.wait()
                log.info("stopping")
            finally:
                watching.cancel()
                (self._state / READY).unlink(missing_ok=True)
        log.info("stopped")

    def stop(self) -> None:
        """Begin to stop."""
        self._stopping.set()

    async def reload(self) -> Reloaded:
        """Read plugins.toml and the certificate again.  Raises SettingsError, and then nothing has changed."""
        async with self._reloading:
            after = self._read()
            enabled = examined(after)
            mistakes = [mistake for one in enabled for mistake in one.mistakes]
            if after.mistakes or mistakes:
                raise after.refused(mistakes)
            self.front_end.tls.reload()
            changed: list[str] = ["certificate"]
            waiting: list[str] = []
            for name in _differences(self._applied, after.front_end):
                (changed if name in AT_ONCE else waiting).append(f"[front_end] {name}")
            now = {name: getattr(after.front_end, name) for name in AT_ONCE}
            self._applied = msgspec.structs.replace(self._applied, **now)
            begin_logging(self._applied.log, self._applied.log_level)
            if [one.name for one in enabled] != list(self._loaded.plugins):
                waiting.append("which plugins there are, and their order")
            for one in enabled:
                if one.name in self._options and one.options != self._options[one.name]:
                    (changed if self._told(one) else waiting).append(f"[{one.name}]")
            return Reloaded(changed, waiting)

    def _told(self, one: Enabled) -> bool:
        """Give a plugin its new options, if it can change them while it runs."""
        plugin = self._loaded.plugins[one.name]
        if not hasattr(plugin, "reload"):
            return False
        plugin.reload(one.options)
        self._options[one.name] = one.options
        return True

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(self._reload_for_signal()))

    def _told_to_stop(self) -> None:
        if self._stopping.is_set():
            os._exit(1)  # asked twice: whoever waits at the terminal has no more patience
        self.stop()

    async def _reload_for_signal(self) -> None:
        try:
            done = await self.reload()
        except (HereaboutsError, OSError) as wrong:
            mistakes = wrong.mistakes if isinstance(wrong, SettingsError) else [str(wrong)]
            for mistake in mistakes:
                log.error("not reloaded: %s", mistake)
            return
        log.info("reloaded: %s", ", ".join(done.changed))
        if done.restart_needed:
            log.warning("a restart is needed for: %s", ", ".join(done.restart_needed))


def _spare_the_collector() -> None:
    """What is there at the start stays: looking through it again and again would cost a twentieth of all the work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def readiness(front_end: FrontEnd) -> dict[str, Any]:
    """What a script wants to know of a server that is ready."""
    return {
        "process": os.getpid(),
        "version": front_end.version,
        "domains": list(front_end.domains),
        "state": str(front_end.state),
        "ports": ports_of(front_end),
        "addresses": [list(address) for address in addresses_of(front_end)],
        "ca": str(front_end.tls.authority) if front_end.tls.made else "",
    }


def ports_of(front_end: FrontEnd) -> dict[str, int]:
    """Every port: ``sip_tls`` by plugin and name, and the plugin's first one as ``sip``."""
    found: dict[str, int] = {}
    for name, plugin in front_end.plugins.items():
        for port_name, port in getattr(plugin, "ports", {}).items():
            found.setdefault(name, port)
            found[f"{name}_{port_name}"] = port
    return found


def addresses_of(front_end: FrontEnd) -> list[tuple[str, str]]:
    """Where the plugins listen, in the order of the file."""
    return [line for lines in front_end.hooks.addresses(front_end=front_end) for line in lines]


def _forget_crashed(path: Path) -> None:
    """Take away what a server that was killed said of itself; one that lives keeps its own."""
    try:
        os.kill(msgspec.json.decode(path.read_bytes())["process"], 0)
    except (ProcessLookupError, msgspec.MsgspecError, KeyError, TypeError, OverflowError):
        path.unlink(missing_ok=True)
    except OSError:
        return  # there is none, or the process is another user's


def run_to_the_end(serving: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run on the faster event loop where it is installed."""
    factory = None
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:
        log.debug("uvloop is not installed; asyncio's own loop serves")
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serving())


def _differences(before: FrontEndSettings, after: FrontEndSettings) -> list[str]:
    return [name for name in FrontEndSettings.__struct_fields__ if getattr(before, name) != getattr(after, name)]
