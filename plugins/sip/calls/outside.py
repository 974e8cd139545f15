"""Ways out: who may call which number, and by which trunks.  Whatever is not allowed is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ....core.identity import Identity
from ..errors import Refusal
from ..syntax.grammar import Params
from ..syntax.uri import SipUri
from .dial_plan import Pattern
from .settings import CallOptions, CallRoute, TrunkOptions
from .stages import Target

PHONE = Params({"user": "phone"})


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose account a call leaves: a person's, or a trunk's that lets its calls through."""

    who: Identity | None
    trunk: str = ""


class Outside:
    """The routes.  ``ours`` says whether somebody is a person of this server, ``up`` whether a hop of a
    trunk seems to work."""

    def __init__(
        self,
        options: CallOptions,
        trunks: Mapping[str, TrunkOptions],
        ours: Callable[[Identity], bool],
        up: Callable[[str, int], bool] = lambda trunk, place: True,
    ) -> None:
        self._options = options
        self._trunks = trunks
        self._ours = ours
        self._up = up
        self._routes = [([Pattern.parse(text) for text in route.numbers], route) for route in options.routes]
        self._groups = {name: frozenset(map(Identity.parse, them)) for name, them in options.groups.items()}

    def targets(self, number: str, asker: Asker, extension: str = "") -> tuple[list[Target], str]:
        """The hops of trunks to try for a number, the best first, and the rule that says so.

        Raises Refusal: 403 for what is not allowed, 404 where no route leads.
        """
        self._admit(asker)
        for patterns, route in self._routes:
            fitting = next((pattern for pattern in patterns if pattern.matches(number)), None)
            if fitting is None:
                continue
            if not self._allowed(route, asker):
                raise Refusal(403, f"you may not call {number}")
            told = route.add + number[route.remove :]
            names = [name for name in route.trunks if name != asker.trunk]
            if not names:
                break
            return self._by(names, number, told, extension), f"the route for {fitting.text}"
        raise Refusal(404, f"no route leads to {number}")

    def line(self, number: str, trunk: str) -> str:
        """What a trunk calls a number, if the route for it leads by that trunk; else nothing."""
        for patterns, route in self._routes:
            if any(pattern.matches(number) for pattern in patterns):
                return route.add + number[route.remove :] if trunk in route.trunks else ""
        return ""

    def emergency(self, number: str) -> list[Target]:
        """The trunks for an emergency call, which needs no permission."""
        return self._by(self._options.emergency_trunks, number, number, "")

    # ---- inside

    def _admit(self, asker: Asker) -> None:
        if asker.trunk:
            if not self._trunks[asker.trunk].transit:
                raise Refusal(404, "nobody here has this number")
        elif self._options.outside_calls == "nobody":
            raise Refusal(403, "calls to the outside are switched off")
        elif asker.who is None or not self._ours(asker.who):
            raise Refusal(403, "only people of this server call outside")

    def _allowed(self, route: CallRoute, asker: Asker) -> bool:
        if not route.allow:
            return True
        if asker.who is None or asker.trunk:
            return False
        return any(
            asker.who in self._groups[name] if name in self._groups else asker.who == Identity.parse(name)
            for name in route.allow
        )

    def _by(self, names: list[str], number: str, told: str, extension: str) -> list[Target]:
        """Every hop of theirs; those that seem to work come first, the others are tried all the same."""
        user = f"{told};ext={extension}" if extension else told
        places = [(name, place) for name in names for place in range(len(self._trunks[name].hops))]
        ordered = sorted(places, key=lambda place: not self._up(*place))
        return [
            Target(SipUri("sip", user, self.domain(name), None, PHONE), number=number, trunk=name, place=place)
            for name, place in ordered
        ]

    def domain(self, trunk: str) -> str:
        """What a trunk calls itself."""
        options = self._trunks[trunk]
        return options.domain or SipUri.parse(options.hops[0]).host
