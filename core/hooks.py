"""How hooks are declared and called: four disciplines, one decorator for each.

pluggy finds, validates and orders the implementations.  This module calls them, because pluggy knows no ``await``: it
would take the first *coroutine* for the first *answer*, wrap the making of a coroutine instead of its run, and let one
failing plugin silence the rest.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar

import pluggy

from .errors import HereaboutsError, SettingsError

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)
PROJECT = "hereabouts"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

MAX_UNTOLD = 10_000
"""Announcements that may wait for one plugin; what comes beyond is dropped and logged."""


class Call(NamedTuple):
    """One plugin's implementation of one hook, and the arguments it wants."""

    function: Callable[..., Any]
    wants: tuple[str, ...]
    waits: bool
    mailbox: Mailbox

    def __call__(self, given: dict[str, Any]) -> Any:
        return self.function(*[given[name] for name in self.wants])

    async def settled(self, given: dict[str, Any]) -> Any:
        """An implementation may be ``def`` or ``async def``."""
        result = self(given)
        return await result if self.waits else result


class Hook(Generic[P, R]):
    """A hook as specified; the attribute of the same name on a Hooks instance is the function that calls it."""

    def __init__(self, specification: Callable[Concatenate[Any, P], R]) -> None:
        self.specification = hookspec(specification)
        self.subject = list(inspect.signature(specification).parameters)[1]

    def __get__(self, hooks: object, owner: type) -> Any:
        return self.specification

    def caller(self, calls: list[Call]) -> Callable[..., Any]:
        raise TypeError("a hook is declared with one of the four disciplines")


class contribution(Hook[P, R]):
    """Called once, at start; what plugins return is joined into a list."""

    def __get__(self, hooks: object, owner: type) -> Callable[P, list[R]]:
        return super().__get__(hooks, owner)  # type: ignore[no-any-return]

    def caller(self, calls: list[Call]) -> Callable[..., list[Any]]:
        def collect(**given: Any) -> list[Any]:
            return [result for call in calls if (result := call(given)) is not None]

        return collect


class question(Hook[P, R]):
    """Plugins are asked in order; the first answer that is not None wins.  A failing plugin has no answer."""

    def __get__(self, hooks: object, owner: type) -> Callable[P, Awaitable[R | None]]:
        return super().__get__(hooks, owner)  # type: ignore[no-any-return]

    def caller(self, calls: list[Call]) -> Callable[..., Awaitable[Any]]:
        async def ask(**given: Any) -> Any:
            for call in calls:
                try:
                    answer = await call.settled(given)
                except HereaboutsError:
                    raise
                except Exception:
                    log.exception("plugin %s failed in %s", call.mailbox.plugin, call.function.__name__)
                    continue
                if answer is not None:
                    return answer
            return None

        return ask


class filtering(Hook[P, R]):
    """Each plugin gets what the one before it returned; None means unchanged.  Only a HereaboutsError stops the
    chain."""

    def __get__(self, hooks: object, owner: type) -> Callable[P, Awaitable[R]]:
        return super().__get__(hooks, owner)  # type: ignore[no-any-return]

    def caller(self, calls: list[Call]) -> Callable[..., Awaitable[Any]]:
        async def pass_along(**given: Any) -> Any:
            for call in calls:
                try:
                    changed = await call.settled(given)
                except HereaboutsError:
                    raise
                except Exception:
                    log.exception("plugin %s failed in %s", call.mailbox.plugin, call.function.__name__)
                    continue
                if changed is not None:
                    given[self.subject] = changed
            return given[self.subject]

        return pass_along


class announcement(Hook[P, R]):
    """Everyone is told, each at its own pace; the teller waits for nobody."""

    def __get__(self, hooks: object, owner: type) -> Callable[P, None]:
        return super().__get__(hooks, owner)  # type: ignore[no-any-return]

    def caller(self, calls: list[Call]) -> Callable[..., None]:
        def announce(**given: Any) -> None:
            for call in calls:
                call.mailbox.post(call, given)

        return announce


class Mailbox:
    """What one plugin has yet to be told, in order."""

    def __init__(self, plugin: str, limit: int = MAX_UNTOLD) -> None:
        self.plugin = plugin
        self._post: asyncio.Queue[tuple[Call, dict[str, Any]]] = asyncio.Queue(limit)

    def post(self, call: Call, given: dict[str, Any]) -> None:
        try:
            self._post.put_nowait((call, given))
        except asyncio.QueueFull:
            log.error("plugin %s is too slow: it missed %s", self.plugin, call.function.__name__)

    async def empty(self) -> None:
        await self._post.join()

    async def run(self) -> None:
        while True:
            call, given = await self._post.get()
            try:
                await call.settled(given)
            except Exception:
                log.exception("plugin %s failed in %s", self.plugin, call.function.__name__)
            finally:
                self._post.task_done()


class HookCalls:
    """The base of Hooks: binds each hook to the plugins that implement it."""

    def __init__(self, plugins: pluggy.PluginManager) -> None:
        self._mailboxes: dict[str, Mailbox] = {}
        self._implemented: dict[str, list[str]] = {}
        for name, hook in vars(type(self)).items():
            if isinstance(hook, Hook):
                calls = self._calls(getattr(plugins.hook, name))
                self._implemented[name] = [call.mailbox.plugin for call in calls]
                self.__dict__[name] = hook.caller(calls)

    @classmethod
    def specifications(cls) -> type:
        """What pluggy checks implementations against."""
        hooks = {name: hook.specification for name, hook in vars(cls).items() if isinstance(hook, Hook)}
        return type("Specifications", (), hooks)

    def implemented_by(self, name: str) -> list[str]:
        """The plugins that implement a hook, in calling order; hot paths skip a hook that nobody implements."""
        return self._implemented[name]

    def _calls(self, hook: pluggy.HookCaller) -> list[Call]:
        """The implementations, in plugins.toml order."""
        calls = []
        for impl in reversed(hook.get_hookimpls()):
            if impl.wrapper or impl.hookwrapper:
                raise SettingsError([f"[{impl.plugin_name}] {hook.name} takes no wrapper; use a filter_ hook"])
            mailbox = self._mailboxes.setdefault(impl.plugin_name, Mailbox(impl.plugin_name))
            waits = inspect.iscoroutinefunction(impl.function)
            calls.append(Call(impl.function, impl.argnames, waits, mailbox))
        return calls

    async def heard(self) -> None:
        """Wait until every plugin has heard every announcement."""
        for mailbox in self._mailboxes.values():
            await mailbox.empty()

    @asynccontextmanager
    async def delivered(self, patience: float = 5.0) -> AsyncIterator[None]:
        """Deliver announcements while the server runs; on leaving, first deliver what is left, for ``patience``
        seconds."""
        async with asyncio.TaskGroup() as group:
            postmen = [group.create_task(mailbox.run()) for mailbox in self._mailboxes.values()]
            try:
                yield
                async with asyncio.timeout(patience):
                    await self.heard()
            except TimeoutError:
                log.warning("some plugins did not hear every announcement before the server stopped")
            finally:
                for postman in postmen:
                    postman.cancel()
