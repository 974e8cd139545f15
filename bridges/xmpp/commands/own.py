"""What everybody may have done about their own sign-ins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.identity import Identity
from ..forms import Answers, Field, table
from .command import Command, Outcome

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

DEVICES, FORGET = "my-devices", "forget-my-tokens"
COLUMNS = (Field("device", label="Device"), Field("program", label="Program"), Field("address", label="From"))


class OwnCommands:
    """For people of ours; none of it shows or changes anything of anybody else."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end

    def commands(self) -> Iterable[Command]:
        """All of them."""
        yield Command(DEVICES, "Show where I am signed in", self.devices, self._may)
        name = "Forget the tokens of my clients: they need the password again"
        yield Command(FORGET, name, self.forget, self._may)

    async def devices(self, who: Identity, answers: Answers) -> Outcome:
        """Each with what it calls itself, and where it comes from."""
        bindings = self._front_end.registrar.of(who)
        rows = sorted((one.endpoint.instance, one.client, one.remote) for one in bindings)
        return Outcome(report=table(COLUMNS, rows))

    async def forget(self, who: Identity, answers: Answers) -> Outcome:
        """For who has lost a phone, and does not want a new password for that (XEP-0484 section 1.1)."""
        count = await self._front_end.accounts.tokens.forget_all(who)
        return Outcome(f"Clients that need the password now: {count}.")

    def _may(self, who: Identity) -> bool:
        return self._front_end.ours(who.domain)
